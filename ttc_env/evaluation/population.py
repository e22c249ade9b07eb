"""The frozen population: policies that were trained or scripted once, as opponents nobody has trained against.

That of the shipped suites is made by `python train/make_population.py`; see `ttc_env/data/README.md`. Those of other
markets are made by `train.comparison.populations` when they are first needed, and added here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttc_env.mechanisms import find_mechanism

FILE = Path(__file__).parents[1] / "data" / "population.npz"


class Population(NamedTuple):
    """Its `members`, names, and their recorded `actions`, `(P, S, n)` or `(P, S, n, c)`, int8."""

    members: tuple[str, ...]
    actions: np.ndarray


ADDED: dict[str, Population] = {}
"""populations of markets that are not shipped, by `population_key`"""


def load_population(market: str, mechanism: str = "per_token", beta: float = 1000.0) -> Population:
    """The population of a market, shipped or added; where the mechanism does not use `beta` it is the same for each.

    Raises:
        ValueError: there is none, naming those there are.
    """
    population, key = read_population(FILE) | ADDED, population_key(market, mechanism, beta)
    if key not in population:
        raise ValueError(f"no frozen population for {key!r}; there are: {', '.join(population)}")
    return population[key]


def population_key(market: str, mechanism: str, beta: float) -> str:
    """Under which name the file holds a population: without the users' rationality where it plays no part."""
    return f"{mechanism}:{market}" + (f":{beta:g}" if find_mechanism(mechanism).uses_beta else "")


@cache
def read_population(path: Path) -> dict[str, Population]:
    """All populations of a file.

    Raises:
        FileNotFoundError: there is no such file.
    """
    with np.load(path, allow_pickle=False) as file:
        members = tuple(str(name) for name in file["members"])
        return {key: Population(members, file[key]) for key in file.files if key != "members"}


def write_population(path: Path, populations: dict[str, Population]) -> None:
    """Write a file that `read_population` reads: integers as small as will do, the same bytes for the same play.

    Raises:
        ValueError: no populations, or populations with different members.
    """
    members = {population.members for population in populations.values()}
    if len(members) != 1:
        raise ValueError(f"all populations of a file must have the same members, got {sorted(members)}")
    arrays: dict[str, Any] = {
        key: population.actions.astype(_smallest(population.actions)) for key, population in populations.items()
    }
    np.savez_compressed(path, members=np.array(members.pop()), **arrays)


def _smallest(actions: np.ndarray) -> type[np.signedinteger[Any]]:
    return np.int8 if actions.max() <= np.iinfo(np.int8).max else np.int32
