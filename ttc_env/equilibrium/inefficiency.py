"""What equilibrium costs welfare: the price of anarchy and the price of stability."""

from __future__ import annotations

import math
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
    best = welfare_optimum(market).value
    equilibria = pure_nash(market)
    if best <= 0 or not len(equilibria):
        return math.nan
    attained = float(pick(market.welfare(equilibria)))
    return max(1.0, best / attained) if attained > 0 else math.inf  # rounding alone could leave less than 1
