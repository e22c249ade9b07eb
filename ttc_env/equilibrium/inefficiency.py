"""What equilibrium costs welfare: the price of anarchy and the price of stability."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.nash import equilibrium_boxes
from ttc_env.equilibrium.optimum import Optimum, optimum, welfare_optimum
from ttc_env.market import Market


def price_of_anarchy(market: Market) -> float:
    """Optimal welfare over the welfare of the *worst* pure equilibrium, at least 1.

    Infinite where that equilibrium leaves no welfare at all; NaN where even the optimum does not (the ratio has no
    meaning) or where there is no pure equilibrium. Exact also where providers without a margin are indifferent, and
    equilibria too many to list: the worst of their levels is searched for.
    """
    return _ratio(market, 0)


def price_of_stability(market: Market) -> float:
    """Optimal welfare over the welfare of the *best* pure equilibrium; infinite and NaN as `price_of_anarchy`."""
    return _ratio(market, 1)


def _ratio(market: Market, end: int) -> float:
    market = in_numpy(market)
    return float(ratio(welfare_optimum(market).value, welfare_range(market)[end]))


class Extremes(NamedTuple):
    """How many pure equilibria there are, and those of least and of most welfare; profiles None where there is none."""

    num_equilibria: int
    worst: Optimum | None
    best: Optimum | None


def welfare_range(market: Market) -> tuple[float, float]:
    """Least and most welfare of a pure equilibrium, USD per query; NaN where there is none."""
    _, worst, best = extremes(market)
    return (np.nan, np.nan) if worst is None or best is None else (worst.value, best.value)


def extremes(market: Market) -> Extremes:
    """The pure equilibria of least and of most welfare, and how many there are, without listing them."""
    market = in_numpy(market)
    count, ends, alone = 0, list[Optimum](), list[np.ndarray]()
    for kinds, box in equilibrium_boxes(market):
        count += kinds.profiles(box)
        if box.sum() == market.num_providers:
            alone.append(box.argmax(axis=1))
        else:
            ends += _box_range(market, box)
    if alone:
        welfare = market.welfare(np.array(alone))
        ends += [Optimum(alone[k], float(welfare[k])) for k in (int(welfare.argmin()), int(welfare.argmax()))]
    if not ends:
        return Extremes(0, None, None)
    by_welfare = [end.value for end in ends]
    return Extremes(count, ends[int(np.argmin(by_welfare))], ends[int(np.argmax(by_welfare))])


def _box_range(market: Market, box: np.ndarray) -> list[Optimum]:
    """The profiles of least and most welfare in a box of levels: one optimum each over a market that has no others."""
    levels = np.where(box, np.arange(market.num_levels), box.argmax(axis=1)[:, None])
    tables: dict[str, Any] = {
        name: np.take_along_axis(getattr(market, name), levels, axis=1) for name in ("quality", "price", "cost")
    }
    inside = replace(market, outcomes=None, tokens=None, **tables)
    worst = optimum(inside, -inside.welfare_contribution, outside=-inside.outside_value)
    ends = Optimum(worst.profile, -worst.value), welfare_optimum(inside)
    return [Optimum(np.take_along_axis(levels, end.profile[:, None], axis=1)[:, 0], end.value) for end in ends]


def ratio(best: np.ndarray | float, attained: np.ndarray | float) -> np.ndarray:
    """The welfare `best` over what is `attained`, `(...)`, at least 1: rounding alone could leave less."""
    best, attained = np.asarray(best, dtype=float), np.asarray(attained, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = np.where(attained > 0, np.maximum(best / attained, 1.0), np.inf)
    return np.where((best <= 0) | np.isnan(attained), np.nan, found)
