"""Build tables from raw runs that others recorded.

    python curves/import_runs.py DIR --task gsm8k --methods majority_voting best_of_n --out gsm8k.csv
    python curves/import_runs.py samples_gsm8k.jsonl --task gsm8k --model MODEL --tokenizer MODEL --out gsm8k.csv
    python curves/import_runs.py outputs.parquet --task aime --licence CC-BY-NC-SA-4.0 --out aime.csv
    python curves/import_runs.py log.eval --task gsm8k --prices prices.csv --out gsm8k.csv

A folder holds the layout of the published data set, one MODEL--temp-T--samples-N--max-M.jsonl per model, or files of
Inspect or Every Eval Ever; a file is what `lm_eval --log_samples` wrote, MathArena publishes, the data set
monkey_business holds, a log of Inspect, or samples in the Every Eval Ever schema. What cannot be used is left out,
counted and reported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `curves`

import tyro

from curves.build import Options, build, check_ladder_methods
from curves.importing.collecting import Left
from curves.importing.every_eval_ever import read_every_eval_ever
from curves.importing.inspect_logs import read_inspect
from curves.importing.lm_eval import read_lm_eval
from curves.importing.matharena import read_matharena
from curves.importing.monkeys import read_monkeys
from curves.importing.published import read_published
from curves.records.ladder import climb_all
from curves.records.lines import json_lines
from curves.records.runs import Run
from curves.tasks import KINDS
from curves.verify import Kind
from ttc_env.scripting.console import errors_in_one_line, say

PATTERNS = {"published": ("*.jsonl",), "every_eval_ever": ("**/*_samples.jsonl",), "inspect": ("**/*.eval",)}
MARKS = {  # a field that only this layout has
    "problem_idx": "matharena", "is_corrects": "monkeys", "doc_id": "lm_eval", "answer_attribution": "every_eval_ever",
}  # fmt: skip


@dataclass
class Args(Options):
    """Build tables from raw runs that others recorded."""

    source: Annotated[Path | None, tyro.conf.Positional] = None
    """folder in the published layout, or a file, or a folder of files, of one of the other layouts"""
    task: str = "gsm8k"
    """name of the benchmark; any name where verdicts come with the data"""
    kind: Kind | None = None
    """kind of its answers, to read texts anew: number, integer (0 to 999) or choice; known for gsm8k, aime and gpqa"""
    layout: Literal["auto", "published", "lm_eval", "matharena", "monkeys", "inspect", "every_eval_ever"] = "auto"
    """how the source is laid out"""
    model: str | None = None
    """name of the model, where the file does not say it (lm_eval, monkeys)"""
    tokenizer: str | None = None
    """counts the tokens, where the file does not say them (lm_eval, monkeys)"""
    score: str | None = None
    """which scorer (inspect) or evaluation (every_eval_ever) counts, where a file has several"""
    levels: tuple[str, ...] = ()
    """an effort ladder instead: PROVIDER/LEVEL=MODEL for models of the data that are levels of one, lowest first"""
    licence: str = ""
    """licence of the data, for example MIT or CC-BY-NC-SA-4.0; recorded with every model"""
    origin: str = ""
    """where the data are from, for example an address and a revision; recorded with every model"""
    dated: str = ""
    """when they were made or fetched; recorded with every model"""


def main(args: Args) -> None:
    """Read every run, report what was left out, and build."""
    if args.source is None or not args.source.exists():
        raise ValueError(f"name a folder or file of raw runs; {args.source} does not exist")
    stated = {"licence": args.licence, "origin": args.origin, "dated": args.dated}
    noted = {name: text for name, text in stated.items() if text}
    runs: list[Run] = []
    for run, left in read_source(args, args.source):
        runs.append(replace(run, metadata=run.metadata | noted | {"left_out": dict(left)}))
        remarks = "".join(f", {number} {what}" for what, number in left.items())
        say(f"{run.model}: {len(run.questions)} questions{remarks or ', nothing left out'}")
        if verdicts := run.metadata.get("verdicts"):
            say(f"{run.model}: our verdicts differ in {verdicts['disagreement']:.2%} of {verdicts['compared']} samples")
    if args.levels:
        check_ladder_methods(args.methods)
        runs = climb_all({run.model: run for run in runs}, args.levels)
    build(runs, args, "flexible", strict=[])


def read_source(args: Args, source: Path) -> list[tuple[Run, Left]]:
    """The runs of a folder or file, and what was left out of each.

    Raises:
        ValueError: a layout that is not known, or that lacks something.
    """
    kind = args.kind or KINDS.get(args.task)
    layout = layout_of(source) if args.layout == "auto" else args.layout
    files = files_of(source, layout) if source.is_dir() else [source]
    if layout == "published":
        return [read_published(path, args.task) for path in files]
    if layout == "matharena":
        return [found for path in files for found in read_matharena(path, args.task, kind)]
    if layout == "inspect":
        return [found for path in files for found in read_inspect(path, args.task, kind, args.score)]
    if layout == "every_eval_ever":
        return [found for path in files for found in read_every_eval_ever(path, args.task, kind, args.score)]
    if args.model is None or args.tokenizer is None:
        raise ValueError(f"files of layout {layout} need --model and --tokenizer")
    if len(files) > 1:
        raise ValueError(f"a file of layout {layout} holds one model; {source} has {len(files)}, name one of them")
    if layout == "monkeys":
        return [read_monkeys(files[0], args.task, args.model, kind, token_counter(args.tokenizer))]
    if kind is None:
        raise ValueError(
            f"no verifier for task {args.task!r}, and files of layout lm_eval hold no verdicts; "
            f"known: {', '.join(KINDS)}; or give --kind"
        )
    return [read_lm_eval(files[0], args.task, args.model, kind, token_counter(args.tokenizer))]


def files_of(folder: Path, layout: str) -> list[Path]:
    """The files of a layout in a folder, those of Inspect and Every Eval Ever also in folders below.

    Raises:
        ValueError: there are none.
    """
    found = sorted(path for pattern in PATTERNS.get(layout, ("*",)) for path in folder.glob(pattern) if path.is_file())
    if not found:
        named = "MODEL--temp-T--samples-N--max-M.jsonl" if layout == "published" else f"file of layout {layout}"
        raise ValueError(f"{folder} holds no {named}")
    return found


def layout_of(source: Path) -> str:
    """The layout of a folder or file, by endings and the fields of the first object.

    Raises:
        ValueError: none that is known.
    """
    if source.is_dir():
        if any(source.glob("**/*_samples.jsonl")):
            return "every_eval_ever"
        return "inspect" if any(source.glob("**/*.eval")) else "published"
    if source.suffix == ".parquet":
        return "matharena"
    if source.suffix == ".eval":
        return "inspect"
    if source.suffix == ".json":
        with open(source, "rb") as file:
            listed = file.read(64).lstrip(b"\xef\xbb\xbf \n\r\t").startswith(b"[")
        return "monkeys" if listed or "is_corrects" in _fields(source) else "inspect"
    fields = _fields(source)
    for field, layout in MARKS.items():
        if field in fields:
            return layout
    raise ValueError(
        f"{source}: a layout that is not known; its first line has {', '.join(sorted(fields)) or 'no fields'}"
    )


def _fields(source: Path) -> set[str]:
    """The fields of the first line that holds an object, of the first few lines."""
    return next((set(line.row) for line in islice(json_lines(source), 100) if line.row), set[str]())


def token_counter(name: str) -> Callable[[str], int]:
    """Counts the tokens of a text."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
