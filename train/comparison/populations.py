"""Frozen populations of markets that are not shipped: made when first needed, the same everywhere, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from train.make_population import Args, make_population
from ttc_env.batch import one_market
from ttc_env.evaluation import Task
from ttc_env.evaluation.population import (
    ADDED,
    FILE,
    Population,
    population_key,
    read_population,
    write_population,
)
from ttc_env.scripting.console import progress_bar
from ttc_env.scripting.files import file_name, replacing

FOLDER = Path("runs/populations")


def provide(tasks: Iterable[Task], args: Args | None = None) -> None:
    """Have the populations that these tasks ask for: those that are neither shipped nor kept are made.

    Args:
        tasks: of a benchmark.
        args: of `train/make_population.py`, how they are made; by default as the shipped ones.
    """
    needed = {
        population_key(name, task.mechanism, task.beta): (task.market(name), task.mechanism)
        for task in tasks
        if task.held_out_opponents and not task.carries
        for name in task.tests
    }
    missing = {key: course for key, course in needed.items() if key not in read_population(FILE)}
    if not missing:
        return
    with progress_bar("{task.fields[last]}") as progress:
        bar = progress.add_task("frozen opponents", total=len(missing), last="")
        for key, (market, mechanism) in missing.items():
            ADDED[key] = _kept(key, market, mechanism, args or Args())
            progress.update(bar, advance=1, last=key)


def _kept(key: str, market: Any, mechanism: str, args: Args) -> Population:
    """What a file holds, whose name changes with the market's tables; made where there is none."""
    single: Any = one_market(market)
    tables = hashlib.sha256(repr((single.beta, single.outside_value)).encode())
    for table in (single.quality, single.price, single.cost):
        tables.update(table.tobytes())
    path = FOLDER / f"{file_name(key)}-{tables.hexdigest()[:12]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            write_population(draft, {key: make_population(args, market, mechanism)})
    return read_population(path.resolve())[key]
