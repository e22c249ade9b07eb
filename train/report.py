"""A report of a run as one page, report.html: figures, tables, and what each number means. It needs no network.

    python train/report.py runs/NAME                         # write it again
    python train/report.py runs/ONE runs/OTHER --out both.html   # runs of train/run.py side by side

Scripts write the report of their run when they end.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `train`

import tyro

from ttc_env.scripting.console import errors_in_one_line, say


@dataclass
class Args:
    """Write the report of a run, or of several side by side."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """folders of runs; several must be of train/run.py"""
    out: Path | None = None
    """the file to write: by default report.html in the run's folder, or beside the folders of several"""


def main(args: Args) -> Path:
    """Write the report; returns the file."""
    for folder in args.runs:
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder of a run")
    from train.reporting.kinds import write_report  # loads what draws, which no wrong argument should wait for

    path = write_report(args.runs, args.out)
    say("written to ", (path, "bold"))
    return path


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        args = tyro.cli(Args, args=words, description=__doc__)
        if not args.runs:
            raise ValueError("which run? python train/report.py runs/NAME")
        main(args)
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
