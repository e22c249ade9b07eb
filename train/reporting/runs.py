"""What run.py left in a folder, read back: one run with a seed, or one with several."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ttc_env.names import short_names

MOST_POINTS = 300
"""of a learning curve in a report; longer ones are thinned out evenly, the first and last kept"""


@dataclass(frozen=True)
class Member:
    """One seed of a run: its summary, its rows of metrics and their levels `(T, n)`."""

    summary: dict[str, Any]
    rows: list[dict[str, float]]
    levels: np.ndarray


@dataclass(frozen=True)
class Run:
    """A folder of run.py: its configuration, its tables where it has them, and a member per seed."""

    name: str
    config: dict[str, Any]
    tables: dict[str, Any] | None
    members: list[Member]

    @property
    def providers(self) -> list[str]:
        """Short names of the providers."""
        return short_names(self.config["providers"])

    @property
    def first(self) -> dict[str, Any]:
        """The summary of the first seed, for what no seed changes."""
        return self.members[0].summary

    def learned(self, key: str) -> tuple[float, float, float] | None:
        """Mean over seeds, lowest and highest of a number of the summaries; None where they lack it."""
        values = [_number(member.summary, key) for member in self.members]
        known = [value for value in values if value is not None]
        return (sum(known) / len(known), min(known), max(known)) if len(known) == len(values) else None

    def analytic(self, key: str) -> float | None:
        """What the equilibrium has instead, or the number itself where it is of the game and not of a play."""
        return _number(self.first, f"nash_{key}")

    def means(self, key: str) -> list[float]:
        """A number of every provider, mean over seeds."""
        return np.mean([member.summary[key] for member in self.members], axis=0).tolist()

    def course(self, key: str) -> Iterator[tuple[int, float, float, float]]:
        """Agent steps, median, lowest and highest over the seeds that came so far; what is not finite is left out."""
        found: dict[int, list[float]] = {}
        for member in self.members:
            for row in member.rows:
                if key in row and math.isfinite(row[key]):
                    found.setdefault(int(row["agent_steps"]), []).append(row[key])
        for steps in thinned(sorted(found)):
            yield steps, float(np.median(found[steps])), min(found[steps]), max(found[steps])


def read_run(folder: Path) -> Run:
    """A folder of run.py.

    Raises:
        ValueError: it is none, or no seed of it is finished.
    """
    config = read_json(folder / "config.json")
    paths = [folder] if (folder / "metrics.csv").exists() else sorted(folder.glob("seed*"), key=_seed)
    members = [_member(path) for path in paths if (path / "summary.json").exists()]
    if not members:
        raise ValueError(f"{folder} has no summary.json yet; `run.py --resume` finishes it")
    places = [path / "market.json" for path in (folder, folder.resolve().parent)]  # a seed's is that of its run
    tables = next((read_json(path) for path in places if path.exists()), None)
    return Run(folder.resolve().name, config, tables, members)


def read_json(path: Path) -> Any:
    """A JSON file of a run.

    Raises:
        ValueError: it is not there or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path}: {error}") from None


def thinned(values: list[Any], most: int = MOST_POINTS) -> list[Any]:
    """At most so many of the values, evenly, with the first and the last."""
    if len(values) <= most:
        return values
    return [values[k] for k in np.linspace(0, len(values) - 1, most).round().astype(int)]


def _member(folder: Path) -> Member:
    with open(folder / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    levels = np.array([[int(k) for k in row.pop("levels").split()] for row in rows])
    return Member(read_json(folder / "summary.json"), [{key: float(row[key]) for key in row} for row in rows], levels)


def _seed(path: Path) -> int:
    return int(path.name.removeprefix("seed"))


def _number(summary: dict[str, Any], key: str) -> float | None:
    if key.endswith("welfare_ratio"):
        whole, part = summary.get("welfare_optimum"), summary.get(key.removesuffix("_ratio"))
        return part / whole if whole and part is not None else None
    return summary.get(key)
