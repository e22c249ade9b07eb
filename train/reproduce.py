"""Reproduce the published study: every equilibrium, every optimum and every auction, exactly.

    python train/reproduce.py                      # nine markets, both mechanisms, 100 values of beta: seconds
    python train/reproduce.py --out study          # write somewhere else
    python train/reproduce.py --num-draws 2000     # with 95 % intervals of the price of anarchy at every beta

Prints the tables of arXiv:2601.21839 beside ours, and writes below `runs/reproduce/`: tables.csv (published, ours and
the difference), sweep.csv (all quantities against beta), auction.csv, and four figures. Ends with status 1 if a number
differs by more than the print resolves.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `train`

import tyro

from ttc_env.scripting.console import errors_in_one_line


@dataclass
class Args:
    """Reproduce the published study, exactly."""

    out: Path = Path("runs/reproduce")
    """folder for tables and figures; files of the same names are replaced"""
    num_betas: int = 100
    """values of beta in the sweep, from 10 to 100,000 in equal ratios"""
    num_draws: int = 0
    """markets redrawn at every beta for intervals of the price of anarchy; 0: no intervals"""
    num_questions: int = 1000
    """questions whose luck the redrawn accuracies have; how many were measured is not published for every market"""
    jobs: int = 1
    """processes that redraw markets; the numbers are the same for any"""


def main(args: Args) -> int:
    """Compute, print and write everything; returns 1 if a published number differs by more than the print resolves."""
    started = time.perf_counter()
    if args.num_betas < 2:
        raise ValueError(f"num_betas must be at least 2, got {args.num_betas}")
    if args.num_draws < 0 or args.num_questions < 1 or args.jobs < 1:
        raise ValueError(
            "num_draws must be at least 0, num_questions and jobs at least 1, "
            f"got {args.num_draws}, {args.num_questions} and {args.jobs}"
        )
    from train.study import RESOLUTION, conclude, study  # seconds to load, which no wrong argument should wait for

    tables = study(args.out, args.num_betas, args.num_draws, args.num_questions, args.jobs)
    return int(conclude(tables, args.out, time.perf_counter() - started) > RESOLUTION)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        return main(tyro.cli(Args, args=words, description=__doc__))


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
