"""Compare learners on a suite of tasks, with error bars.

    python train/benchmark.py                                    # all baselines on ttc-lite-v1, ten seeds
    python train/benchmark.py --learner ppo hedge my_module:Mine # these, one of them your own
    python train/benchmark.py --suite ttc-hard-v1 --jobs 16      # markets that carry something over
    python train/benchmark.py --suite mine.toml                  # tasks of your own
    python train/benchmark.py --backend ray --address auto       # on a Ray cluster

Every finished cell (learner, task, seed) is a line of `runs/benchmark/<suite>/results.jsonl`, on disk as soon as it is
known. The same command goes on where it was stopped, however it was stopped; when nothing is missing it only writes
the tables and figures again. Several runs may fill one folder at once.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`
sys.path.append(os.getcwd())  # learners of your own

import tyro

from agents import ALGORITHMS, find_class
from train.comparison import filling
from train.comparison.cells import Cell
from ttc_env.evaluation import load_suite, suite_digest, suite_name
from ttc_env.scripting.console import console, errors_in_one_line, say

if TYPE_CHECKING:
    from train.comparison.leaderboard import Leaderboard

MOST_JOBS = 8
"""for each core of this machine; more only wait for one another"""


@dataclass
class Args:
    """Compare learners on a suite of tasks, with error bars."""

    suite: str = "ttc-lite-v1"
    """one of ttc_env.evaluation.SUITES, or the path of a .toml file of your own"""
    learner: tuple[str, ...] = tuple(ALGORITHMS)
    """names of agents.ALGORITHMS, or classes of your own as package.module:Class"""
    task: tuple[str, ...] = ()
    """tasks of the suite; all by default"""
    seeds: int = 10
    """runs of each learner on each task"""
    first_seed: int = 0
    """the first of the consecutive seeds"""
    steps: int | None = None
    """agent steps instead of those of the tasks: for rehearsals, never for a leaderboard"""
    jobs: int = os.cpu_count() or 1
    """programs at a time, each on one core; in one, seeds of a learner may learn side by side"""
    backend: Literal["processes", "serial", "ray"] = "processes"
    """where cells run; the numbers are the same everywhere"""
    address: str | None = None
    """of the Ray cluster, such as auto or ray://host:10001; by default a local one is started"""
    out: Path = Path("runs/benchmark")
    """where the folder goes"""
    name: str | None = None
    """folder below --out, by default the suite's name"""
    figures: bool = True
    """draw the figures"""

    def cells(self) -> list[Cell]:
        """Every cell that was asked for, seed by seed, so that an early stop still compares everybody.

        Raises:
            ValueError: an unknown learner, task or suite, or a number below one.
        """
        if self.seeds < 1 or self.jobs < 1 or (self.steps is not None and self.steps < 1):
            raise ValueError(f"seeds, jobs and steps must be at least 1, got {self.seeds}, {self.jobs}, {self.steps}")
        most = MOST_JOBS * (os.cpu_count() or 1)
        if self.jobs > most and self.backend != "ray":
            raise ValueError(
                f"jobs must be from 1 to {most}, {MOST_JOBS} for each core of this machine, got {self.jobs}"
            )
        tasks = load_suite(self.suite)
        digests = {task.name: task.digest for task in tasks}
        names = list(digests)
        for task in self.task:
            if task not in names:
                raise ValueError(f"unknown task {task!r} of {self.suite}; allowed: {', '.join(names)}")
        chosen = [name for name in names if not self.task or name in self.task]
        by_state = [task.name for task in tasks if task.name in chosen and task.carries and task.observe == "public"]
        for learner in self.learner:
            if getattr(find_class(learner), "remembers", False) and by_state:
                raise ValueError(
                    f"{learner} remembers more than the state, and what is done in every state decides in "
                    f'{", ".join(by_state)}; take tasks with observe = "own", or in which nothing is carried over'
                )
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        learners = dict.fromkeys(self.learner)
        return [
            Cell(suite_name(self.suite), learner, task, seed, self.steps, digests[task], self.suite)
            for seed, task, learner in product(seeds, chosen, learners)
        ]


def main(args: Args) -> int:
    """Run what is missing and write tables and figures; returns how many cells failed."""
    cells = args.cells()
    if args.name is not None and (not args.name or Path(args.name).name != args.name):
        raise ValueError(f"name must be a plain name of a folder below {args.out}, got {args.name!r}")
    folder = args.out / (args.name or suite_name(args.suite))
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "results.jsonl"
    failed = fill(args, store, cells)
    records = finished(store)
    board = report(args, folder, cells, [records[cell] for cell in cells if cell in records])
    if records:
        from train.reporting.benchmark_page import benchmark_page
        from train.reporting.page import REPORT, write

        write(folder / REPORT, benchmark_page([folder], board))
    say("\nwritten to ", (folder, "bold"))
    return failed


def finished(store: Path) -> dict[Cell, dict[str, Any]]:
    """The records of a store by their cells; see `filling.finished`."""
    return filling.finished(store, Cell.of)


def fill(args: Args, store: Path, cells: list[Cell]) -> int:
    """Run the missing cells and store each as it ends; returns how many failed."""
    from train.comparison.cell import kind, run_cells  # takes seconds to load
    from train.comparison.populations import provide

    tasks, done = load_suite(args.suite), finished(store)
    missing = {cell.task for cell in cells if cell not in done}
    provide(task for task in tasks if task.name in missing)
    title = f"{suite_name(args.suite)} {suite_digest(tasks)}"
    return filling.fill_store(
        run_cells, cells, store, Cell.of, title, _name, args.jobs, args.backend, args.address, kind
    )


def _name(cell: Cell) -> str:
    return f"{cell.learner} on {cell.task}, seed {cell.seed}"


def report(args: Args, folder: Path, cells: list[Cell], records: list[dict[str, Any]]) -> Leaderboard:
    """Tables in the terminal and as files, figures, and TensorBoard events of every cell; returns the leaderboard."""
    from train.comparison import figures, tables
    from train.comparison.cross_play import all_matrices
    from train.comparison.events import write_events
    from train.comparison.leaderboard import summarize

    learners, names, seeds = (
        list(dict.fromkeys(column)) for column in zip(*((c.learner, c.task, c.seed) for c in cells), strict=True)
    )
    board = summarize(records, learners, names, seeds)
    tables.print_tables(board, console)
    tables.write(folder, board)
    for record in records:
        write_events(folder / "cells", record)
    if args.figures and board.ranking:
        tasks = [task for task in load_suite(args.suite) if task.name in names]
        figures.draw_all(folder, board, all_matrices(board, tasks))
    return board


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(resumable=True):
        return 1 if main(tyro.cli(Args, args=words, description=__doc__)) else 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
