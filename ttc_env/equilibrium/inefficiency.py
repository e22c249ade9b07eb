"""What equilibrium costs welfare: the price of anarchy and the price of stability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.nash import pure_nash
from ttc_env.equilibrium.optimum import welfare_optimum
from ttc_env.market import Market


def price_of_anarchy(market: Market) -> float:
    """Optimal welfare over the welfare of the *worst* pure equilibrium, at least 1.

    Infinite where that equilibrium leaves no welfare at all; NaN where even the optimum does not (the ratio has no
    meaning) or where there is no pure equilibrium.
    """
    return _ratio(market, np.min)


def price_of_stability(market: Market) -> float:
    """Optimal welfare over the welfare of the *best* pure equilibrium; infinite and NaN as `price_of_anarchy`."""
    return _ratio(market, np.max)


def _ratio(market: Market, pick: Callable[[np.ndarray], float]) -> float:
    market = in_numpy(market)
    equilibria = pure_nash(market)
    attained = pick(market.welfare(equilibria)) if len(equilibria) else np.nan
    return float(ratio(welfare_optimum(market).value, attained))


def ratio(best: np.ndarray | float, attained: np.ndarray | float) -> np.ndarray:
    """The welfare `best` over what is `attained`, `(...)`, at least 1: rounding alone could leave less."""
    best, attained = np.asarray(best, dtype=float), np.asarray(attained, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = np.where(attained > 0, np.maximum(best / attained, 1.0), np.inf)
    return np.where((best <= 0) | np.isnan(attained), np.nan, found)
