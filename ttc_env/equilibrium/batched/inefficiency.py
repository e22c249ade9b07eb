"""The prices of anarchy and of stability of many markets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.equilibrium.batched.nash import only_equilibrium
from ttc_env.equilibrium.batched.optimum import block_welfare_optimum
from ttc_env.equilibrium.inefficiency import ratio, welfare_range
from ttc_env.market import Market
from ttc_env.markets import Markets


def price_of_anarchy(markets: Sequence[Market]) -> np.ndarray:
    """Of every market, `(B,)`; infinite and NaN as `equilibrium.price_of_anarchy`."""
    return solve(lambda block: _ratio(block, 0), markets)


def price_of_stability(markets: Sequence[Market]) -> np.ndarray:
    """Of every market, `(B,)`; infinite and NaN as `equilibrium.price_of_stability`."""
    return solve(lambda block: _ratio(block, 1), markets)


def _ratio(block: Markets, end: int) -> np.ndarray:
    profile, only = only_equilibrium(block)
    attained, rows = np.full(len(block), np.nan), np.flatnonzero(only)
    attained[rows] = block[rows].welfare(profile[rows])
    for row in np.flatnonzero(~only).tolist():
        attained[row] = welfare_range(block[row])[end]
    return ratio(block_welfare_optimum(block).value, attained)
