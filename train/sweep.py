"""Run a study: a grid of market properties, mechanisms, algorithms and hyper-parameters, with several seeds each.

    python train/sweep.py study.toml             # one tidy table, and a figure beside the exact equilibrium
    python train/sweep.py study.toml --jobs 8    # eight runs at a time

A study is a TOML file; everything in it is what `train.trained.train_learner` takes:

    steps = 100_000
    seeds = 5
    market = { source = "own.csv", answer_value = 0.01 }

    [grid]
    market.beta = [200, 1000, 5000]
    algorithm = ["ppo", "hedge"]

Every finished run is a line of `runs/sweeps/<study>/results.jsonl`, on disk as soon as it is known. The same command
goes on where it was stopped, however it was stopped. Then it writes runs.csv, a row for each run, and a figure over
every axis of numbers. Paths of tables are as seen from the folder in which the command is given.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`
sys.path.append(os.getcwd())  # learners of your own

import tyro

from train.comparison.filling import fill_store, finished
from train.studies.cells import Cell, all_cells, key_of, kind, run_cells
from train.studies.reading import Study, read_study
from train.studies.table import print_means, tidy
from ttc_env.checks import whole
from ttc_env.scripting.console import errors_in_one_line, say
from ttc_env.scripting.files import file_name, replacing


@dataclass
class Args:
    """Run a study."""

    study: Annotated[Path, tyro.conf.Positional]
    """TOML file of the study"""
    jobs: int = os.cpu_count() or 1
    """programs at a time, each on one core; in one, seeds of a point may learn side by side"""
    backend: Literal["processes", "serial", "ray"] = "processes"
    """where runs are; the numbers are the same everywhere"""
    address: str | None = None
    """of the Ray cluster, such as auto or ray://host:10001; by default a local one is started"""
    out: Path = Path("runs/sweeps")
    """where the folder goes"""
    name: str | None = None
    """folder below --out, by default the study's name"""
    figures: bool = True
    """draw the figures"""


def main(args: Args) -> int:
    """Run what is missing and write table and figures; returns how many runs failed."""
    whole("jobs", args.jobs)
    if args.name is not None and (not args.name or Path(args.name).name != args.name):
        raise ValueError(f"name must be a plain name of a folder below {args.out}, got {args.name!r}")
    study = read_study(args.study)
    folder = args.out / (args.name or file_name(args.study.stem))
    folder.mkdir(parents=True, exist_ok=True)
    store, cells = folder / "results.jsonl", all_cells(study)
    say(f"{len(study.points)} points x {len(study.seeds)} seeds = {len(cells)} runs")
    failed = fill_store(
        run_cells, cells, store, key_of, args.study.stem, _name, args.jobs, args.backend, args.address, kind
    )
    report(args, study, folder)
    say("\nwritten to ", (folder, "bold"))
    return failed


def _name(cell: Cell) -> str:
    return f"seed {cell.seed}"


def report(args: Args, study: Study, folder: Path) -> None:
    """The table as a file, its means in the terminal, and a figure over every axis of numbers."""
    table = tidy(study, finished(folder / "results.jsonl", key_of))
    if table.empty:
        return
    with replacing(folder / "runs.csv") as draft:
        table.to_csv(draft, index=False)
    print_means(study, table)
    if args.figures:
        from train.studies.figures import MOST, draw_sweep, swept  # a second to load

        for name in swept(table, study.axes):
            if (lines := len(study.points) // table[name].nunique()) > MOST:
                say(f"no figure over {name}: at most {MOST} lines can be told apart, and there would be {lines}")
                continue
            draw_sweep(folder / f"{file_name(name)}.png", table, study.axes, name)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(resumable=True):
        return 1 if main(tyro.cli(Args, args=words, description=__doc__)) else 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
