"""The prices of anarchy and of stability of many markets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.equilibrium.batched.nash import block_equilibria
from ttc_env.equilibrium.batched.optimum import block_welfare_optimum
from ttc_env.equilibrium.inefficiency import ratio
from ttc_env.market import Market
from ttc_env.markets import Markets


def price_of_anarchy(markets: Sequence[Market]) -> np.ndarray:
    """Of every market, `(B,)`; infinite and NaN as `equilibrium.price_of_anarchy`."""
    return solve(lambda block: _ratio(block, np.minimum), markets)


def price_of_stability(markets: Sequence[Market]) -> np.ndarray:
    """Of every market, `(B,)`; infinite and NaN as `equilibrium.price_of_stability`."""
    return solve(lambda block: _ratio(block, np.maximum), markets)


def _ratio(block: Markets, pick: np.ufunc) -> np.ndarray:
    rows, profiles = block_equilibria(block)
    attained = np.full(len(block), np.nan)
    found, first = np.unique(rows, return_index=True)
    if len(found):
        attained[found] = pick.reduceat(block[rows].welfare(profiles), first)
    return ratio(block_welfare_optimum(block).value, attained)
