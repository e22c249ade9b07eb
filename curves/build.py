"""Build a table of curves from raw measurements, ready for `ttc_env.load_market(path)`.

    python curves/build.py raw/MODEL-1 raw/MODEL-2 --out gsm8k.csv
    python curves/build.py raw/* --out mine.csv --methods best_of_n reasoning_effort --prices prices.csv
    python curves/build.py --levels low=raw/LOW medium=raw/MEDIUM high=raw/HIGH --methods reasoning_effort

Writes the table, joint bootstrap draws and per-question outcomes beside it (.npz), and its provenance (.json).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `curves`

import tyro
from rich.table import Table as Printed

from curves.estimating.methods import Repeated
from curves.records.ladder import climb, same_levels
from curves.records.runs import Extraction, Run, read_raw
from curves.tables.licences import check_redistributable
from curves.tables.metadata import describe
from curves.tables.prices import LIST_PRICES, find_prices, measured_usd_per_mtok, usage_of
from curves.tables.table import arrays, bills_input, make_table, rows, write
from ttc_env.scripting.console import console, errors_in_one_line, say


@dataclass
class Options:
    """What is built, from whatever runs."""

    out: Path = Path("curves.csv")
    """the table to write; .npz and .json of the same name stand beside it"""
    methods: tuple[str, ...] = ("majority_voting",)
    """majority_voting, weighted_majority, best_of_n, pass_at_k, reasoning_effort, reasoning_quantile"""
    benchmark: str | None = None
    """first part of the market's name; by default the task"""
    prices: Path = LIST_PRICES
    """CSV with the columns model and price_usd_per_mtok, and, where they are billed, input_price_usd_per_mtok,
    cached_price_usd_per_mtok (else as other input) and fee_usd (per query); by default the shipped list prices"""
    repeated_prompt: Repeated = "input"
    """how the prompt is billed with the second and later samples of a query: as input again, from a cache, or not"""
    hourly_usd: float | None = None
    """price of one device for an hour, for the column measured_usd_per_mtok"""
    draws: int = 1000
    """joint bootstrap draws over questions"""
    seed: int = 0
    """of the bootstrap"""
    redistributable: bool = False
    """say in the provenance that the table may be passed on; refused where the licence of imported data forbids it"""
    label: str = ""
    """a remark for the provenance, for example "measured on a CPU" """


@dataclass
class Args(Options):
    """Build a table of curves from raw measurements."""

    raw: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """folders that curves/measure.py wrote, one per model"""
    levels: tuple[str, ...] = ()
    """an effort ladder instead: NAME=FOLDER for each level, lowest first, and again for each further model"""
    extraction: Extraction = "flexible"
    """whether an answer counts in any recognisable form, or only as the prompt asked"""


def main(args: Args) -> None:
    """Read, build, write and show."""
    if bool(args.raw) == bool(args.levels):
        raise ValueError("name at least one folder that curves/measure.py wrote, or --levels NAME=FOLDER, not both")
    if args.levels:
        check_ladder_methods(args.methods)
        runs = ladders(args.levels, args.extraction)
        for run in runs:
            missing = sum(run.metadata["left_out"].values())
            say(f"{run.model}: {len(run.questions)} questions, {missing} that not every level answered")
        return build(runs, args, args.extraction, strict=ladders(args.levels, "strict"))
    runs = [read_raw(folder, args.extraction) for folder in args.raw]
    check_same_questions(dict(zip(map(str, args.raw), runs, strict=True)))
    build(runs, args, args.extraction, strict=[read_raw(folder, "strict") for folder in args.raw])


def check_ladder_methods(methods: Sequence[str]) -> None:
    """Refuse what cannot be estimated on a ladder.

    Raises:
        ValueError: naming the methods.
    """
    if tuple(methods) != ("reasoning_effort",):
        raise ValueError(f"--levels need the method reasoning_effort alone, got {', '.join(methods)}")


def ladders(levels: Sequence[str], extraction: Extraction) -> list[Run]:
    """A run for each model, whose budgets are the levels given as `NAME=FOLDER`."""
    found: dict[str, dict[str, Run]] = {}
    named: dict[str, Run] = {}
    for level in levels:
        name, mark, folder = level.partition("=")
        if not (name and mark and folder):
            raise ValueError(f"levels must be NAME=FOLDER, got {level!r}")
        run = named[level] = read_raw(Path(folder), extraction)
        steps = found.setdefault(run.model, {})
        if name in steps:
            raise ValueError(f"level {name!r} of {run.model} is given twice")
        steps[name] = run
    check_same_questions(named)
    same_levels(found)
    return [climb(steps) for steps in found.values()]


def check_same_questions(runs: Mapping[str, Run]) -> None:
    """Refuse runs of different tasks.

    Raises:
        ValueError: naming the runs and what they were asked.
    """
    if len({run.metadata["config"]["task"]["sha256"] for run in runs.values()}) > 1:
        asked = ", ".join(f"{name}: {run.metadata['config']['task']}"[:120] for name, run in runs.items())
        raise ValueError(
            f"these models were asked different questions; give all the same task, seed and limit ({asked})"
        )


def build(runs: list[Run], options: Options, extraction: Extraction, strict: list[Run]) -> None:
    """Make the tables of all methods, write them and what stands beside them, and print them."""
    _check(options)
    tables = [make_table(runs, method, options.benchmark, options.repeated_prompt) for method in options.methods]
    if options.redistributable:
        check_redistributable(runs)
    prices = find_prices(runs, options.prices)
    measured = {run.model: measured_usd_per_mtok(usage_of(run.metadata), options.hourly_usd) for run in runs}
    found = [row for table in tables for row in rows(table, prices, measured)]
    provenance = describe(
        tables, runs, prices, extraction=extraction, draws=options.draws, seed=options.seed, strict=strict,
        label=options.label, redistributable=options.redistributable, repeated_prompt=options.repeated_prompt,
    )  # fmt: skip
    write(options.out, found, arrays(tables, options.draws, options.seed, with_input=bills_input(prices)))
    options.out.with_suffix(".json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    shown = Printed(title=f"{', '.join(table.name for table in tables)}: accuracy with 95 % interval")
    for column in ("method", "model", "theta", "accuracy", "interval", "tokens"):
        shown.add_column(column, justify="left" if column in ("method", "model") else "right")
    for row in found:
        shown.add_row(
            row["method"], row["model"], str(row["theta"]), f"{row['accuracy']:.4f}",
            f"{row['low']:.4f} to {row['high']:.4f}", f"{row['tokens']:.1f}",
        )  # fmt: skip
    console.print(shown)
    for model in provenance["models"]:
        say(f"{model['model']}: " + ", ".join(f"{name} {rate:.2%}" for name, rate in model["rates"].items()))
    say("written to ", (options.out, "bold"))


def _check(options: Options) -> None:
    if options.draws < 1:
        raise ValueError(f"draws must be at least 1, got {options.draws}")
    if not options.methods or len(set(options.methods)) < len(options.methods):
        raise ValueError(f"methods must be one or more, each of them once, got {', '.join(options.methods)}")
    if options.hourly_usd is not None and not (math.isfinite(options.hourly_usd) and options.hourly_usd >= 0):
        raise ValueError(f"hourly-usd must be finite and >= 0, got {options.hourly_usd}")
    if options.benchmark is not None and (not options.benchmark.strip() or "/" in options.benchmark):
        raise ValueError(f"benchmark must be a name without '/', got {options.benchmark!r}")


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
