"""Build the market explorer: one page, and a file of solved numbers for each market. `make explorer`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent)]

import jinja2
from explorer.solving import BETAS, MARKUPS, MECHANISMS, MONEY, MOST_LEFT_OUT, SHARE, names, solve
from explorer.story import story

from train.reporting.page import HERE as REPORTING
from train.reporting.page import SCRIPTS, in_html, library
from ttc_env.names import printable

OUT = HERE.parent / "_build" / "explorer"


def build(folder: Path, markets: list[str] | None = None) -> Path:
    """Write the explorer into an emptied folder, of all markets and mixtures or of these; returns its page."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    files = {name: f"data/{name.replace('/', '-')}.js" for name in markets or names()}
    for name, file in files.items():
        solved = json.dumps(solve(name), separators=(",", ":"), allow_nan=False)
        text = f"EXPLORER.solved({json.dumps(name)},{solved});\n"  # a script, for pages opened from a disk read no JSON
        (folder / file).write_text(text, encoding="utf-8")
    for name in SCRIPTS:
        (folder / name).write_bytes(library(name))
    loader = jinja2.FileSystemLoader([HERE, REPORTING / "templates"])
    templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    steps = story()
    settings = {
        "files": files,
        "betas": BETAS,
        "markups": MARKUPS,
        "mechanisms": MECHANISMS,
        "money": MONEY * 1000,
        "share": SHARE,
        "mostLeftOut": MOST_LEFT_OUT,
        "story": [step._asdict() for step in steps],
    }
    page = templates.get_template("index.html").render(
        files=files, betas=BETAS, markups=MARKUPS, mechanisms=MECHANISMS, scripts=SCRIPTS, settings=in_html(settings)
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


if __name__ == "__main__":
    print(printable(f"open {build(OUT)}"))
