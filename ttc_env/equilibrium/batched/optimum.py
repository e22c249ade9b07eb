"""The optima of many markets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.equilibrium.log_space import log_form
from ttc_env.equilibrium.optimum import attained, dinkelbach
from ttc_env.market import Market
from ttc_env.markets import Markets


class Optima(NamedTuple):
    """The best profile of every market, `(B, n)` ints, and what it attains, USD per query, `(B,)`."""

    profile: np.ndarray
    value: np.ndarray


def welfare_optimum(markets: Sequence[Market]) -> Optima:
    """The profile of highest welfare of every market, and that welfare."""
    return solve(block_welfare_optimum, markets)


def joint_profit_optimum(markets: Sequence[Market]) -> Optima:
    """What a cartel would choose in every market, and its total profit."""
    return solve(block_joint_profit_optimum, markets)


def block_welfare_optimum(block: Markets) -> Optima:
    """The same of one block."""
    return _optimum(block, block.welfare_contribution, block.outside_value)


def block_joint_profit_optimum(block: Markets) -> Optima:
    """The same of one block."""
    return _optimum(block, block.margin, np.zeros_like(block.outside_value))


def _optimum(block: Markets, table: np.ndarray, outside: np.ndarray) -> Optima:
    table = table.astype(np.float64)
    profile = dinkelbach(log_form(block).logits, table, outside)
    return Optima(profile, attained(block, table, profile, outside))
