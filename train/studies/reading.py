"""A study as a TOML file, such as stands in `train/sweep.py`: what all its runs share, and the grid of the rest."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from train.trained import ARGUMENTS, NUMBERS, plan
from ttc_env.batch import one_market
from ttc_env.checks import whole
from ttc_env.describing import FIELDS, describe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = ("market", "config", "mechanism_options", "dynamics_options")
"""arguments that have parts, which a grid names as `market.beta`"""
ALLOWED = (*ARGUMENTS, *(name for name in NUMBERS if name not in ("seed", "threads", "device", "checkpoint_seconds")))
"""what a study may say, besides `seeds`, `first_seed` and `grid`"""


@dataclass(frozen=True)
class Point:
    """A point of the grid: its place on each axis, what the run is called with, and a digest of its market."""

    place: tuple[Any, ...]
    arguments: str
    market: str

    def call(self) -> dict[str, Any]:
        """Arguments of `train_learner`."""
        return json.loads(self.arguments)


@dataclass(frozen=True)
class Study:
    """What a file says.

    Attributes:
        axes: names of what differs, `market.beta` or `algorithm`.
        points: of the grid, in the order of the file.
        seeds: of every point.
    """

    axes: tuple[str, ...]
    points: tuple[Point, ...]
    seeds: tuple[int, ...]


def read_study(path: Path) -> Study:
    """The study of a TOML file.

    Raises:
        ValueError: the first fault, with file, line and what is allowed.
        FileNotFoundError: there is no such file.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    try:
        return make_study(content)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(f"{path}{_line(text, str(error))}: {error}") from None


def make_study(content: Mapping[str, Any]) -> Study:
    """The study of what a file holds.

    Raises:
        ValueError: naming what is wrong first.
    """
    shared = dict(content)
    seeds, first = whole("seeds", shared.pop("seeds", 1)), whole("first_seed", shared.pop("first_seed", 0), least=0)
    grid = shared.pop("grid", {})
    _known(shared, "")
    if not isinstance(grid, Mapping):
        raise ValueError(f"grid must be a table of lists, got {grid!r}")
    axes = _axes(grid)
    for name in axes:
        if name in shared or _part(shared, name) is not None:
            raise ValueError(f"{name} is given twice, for all runs and in the grid")
    points = []
    for place in product(*axes.values()):
        arguments = {name: dict(value) if isinstance(value, Mapping) else value for name, value in shared.items()}
        for name, value in zip(axes, place, strict=True):
            _put(arguments, name, value)
        points.append(_point(place, arguments))
    return Study(tuple(axes), tuple(points), tuple(range(first, first + seeds)))


def _point(place: tuple[Any, ...], arguments: dict[str, Any]) -> Point:
    market = _point_market(arguments)
    env = plan(**arguments | {"market": market}).judging_env()  # it refuses what cannot be run
    single: Any = one_market(env.market)
    tables = hashlib.sha256()
    for table in (single.quality, single.price, single.cost):
        tables.update(table.tobytes())
    found = json.dumps(arguments | {"market": market}, sort_keys=True)
    return Point(place, found, tables.hexdigest()[:12])


def _point_market(arguments: Mapping[str, Any]) -> str | dict[str, Any]:
    given = arguments.get("market", describe({"source": FIELDS["source"].default}).source)
    if isinstance(given, Mapping):
        given = {"source": FIELDS["source"].default} | dict(given)
    return describe(given).plain()


def _known(given: Mapping[str, Any], where: str) -> None:
    for name in given:
        if name not in ALLOWED:
            more = "" if where else ", seeds, first_seed, grid"
            raise ValueError(f"{name} is nothing that {where or 'a study'} has; allowed: {', '.join(ALLOWED)}{more}")


def _axes(grid: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The axes by name, those of tables with a dot."""
    _known(grid, "a grid")
    axes: dict[str, Any] = {}
    for name, values in grid.items():
        if name in TABLES and isinstance(values, Mapping):
            axes |= {f"{name}.{part}": inner for part, inner in values.items()}
        else:
            axes[name] = values
    for name, values in axes.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{name} in a grid must be a list of one or more values, got {values!r}")
        shown = [json.dumps(value, sort_keys=True) for value in values]
        twice = [value for value in dict.fromkeys(shown) if shown.count(value) > 1]
        if twice:
            raise ValueError(f"{name} has {', '.join(twice)} more than once; the runs of a study must be distinct")
    return axes


def _part(arguments: Mapping[str, Any], name: str) -> Any:
    table, _, part = name.partition(".")
    value = arguments.get(table)
    return value.get(part) if part and isinstance(value, Mapping) else None


def _put(arguments: dict[str, Any], name: str, value: Any) -> None:
    table, _, part = name.partition(".")
    if not part:
        arguments[name] = value
        return
    known = arguments.setdefault(table, {})
    if isinstance(known, str):
        known = arguments[table] = {"source": known}
    known[part] = value


def _line(text: str, reason: str) -> str:
    """`, line N` of the key that the reason begins with, or of the market where a field of it is missing, if any."""
    words = set(re.findall(r"\w+", reason)[:3])
    for wanted in (words, {"market"} if words & set(FIELDS) else set()):
        for number, line in enumerate(text.splitlines(), start=1):
            key = re.match(r"\s*([\w.-]+)\s*=", line)
            if key and set(key[1].split(".")) & wanted:
                return f", line {number}"
    return ""
