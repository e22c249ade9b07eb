"""Cells of a study: a point of its grid with a seed, trained and judged, or several seeds side by side."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import ttc_env
from train.studies.reading import Point, Study
from train.trained import Trained, plan, train_learners

FIGURES = (
    "agent_steps", "at_equilibrium", "nash_conv", "relative_nash_conv", "welfare", "welfare_optimum", "user_value",
    "provider_profit", "payment", "nash_welfare", "nash_user_value", "nash_provider_profit", "nash_payment",
    "num_equilibria", "price_of_anarchy", "profit_gain", "winner_efficiency", "truthfulness_gap",
)  # fmt: skip
"""of a record, where the market and its mechanism have them"""


@dataclass(frozen=True)
class Cell:
    """What is run: the arguments of a run as JSON, a digest of its market, and a seed."""

    arguments: str
    market: str
    seed: int

    @property
    def key(self) -> str:
        """Its name in a store."""
        return json.dumps([self.arguments, self.market, self.seed])

    @classmethod
    def of(cls, point: Point, seed: int) -> Cell:
        """The cell of a point."""
        return cls(point.arguments, point.market, seed)


def all_cells(study: Study) -> list[Cell]:
    """Every cell, seed by seed, so that an early stop still compares everything."""
    return [Cell.of(point, seed) for seed in study.seeds for point in study.points]


def key_of(record: dict[str, Any]) -> str:
    """The key of the cell of a record."""
    return json.dumps([record["arguments"], record["market"], record["seed"]])


@lru_cache(maxsize=1024)
def _seeds_alike(arguments: str) -> bool:
    return plan(**json.loads(arguments)).seeds_alike


def kind(cell: Cell) -> tuple[str, str] | None:
    """What cells that may be run together have in common; None of one that is run alone."""
    return (cell.arguments, cell.market) if _seeds_alike(cell.arguments) else None


def run_cells(cells: list[Cell]) -> list[dict[str, Any]]:
    """Train and judge cells of one kind.

    All of a record but its seconds follows from its cell alone; these are an equal part of those of all.
    """
    started = time.perf_counter()
    call = {"eval_every": 10**9} | json.loads(cells[0].arguments)
    runs = train_learners(seeds=[cell.seed for cell in cells], **call)
    seconds = round((time.perf_counter() - started) / len(cells), 3)
    return [_record(cell, run, seconds) for cell, run in zip(cells, runs, strict=True)]


def _record(cell: Cell, run: Trained, seconds: float) -> dict[str, Any]:
    levels = {f"{who}sold_level": _sold_level(run, who) for who in ("", "nash_") if f"{who}levels" in run.figures}
    return {
        "arguments": cell.arguments,
        "market": cell.market,
        "seed": cell.seed,
        "version": ttc_env.__version__,
        "figures": levels | {name: run.figures[name] for name in FIGURES if name in run.figures},
        "seconds": seconds,
    }


def _sold_level(run: Trained, who: str) -> float | None:
    """Mean compute level of the queries that are sold; None where none is."""
    levels = np.array([run.market.levels[k] for k in run.figures[f"{who}levels"]])
    shares = np.array(run.figures[f"{who}shares"])
    return float(levels @ shares / shares.sum()) if shares.sum() > 0 else None
