"""How far profiles of many markets are from equilibrium."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ttc_env.equilibrium import regret
from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.equilibrium.regret import NashConv
from ttc_env.market import Market


def nash_conv(markets: Sequence[Market], profiles: np.ndarray) -> NashConv:
    """What unilateral deviations from one profile of each market gain, USD, `(B,)` and `(B, n)`.

    Args:
        markets: the markets.
        profiles: level indices `(B, n)`; what stands where a smaller market has no provider is not read.

    Raises:
        ValueError: not one profile for each market.
    """
    profiles = np.asarray(profiles)
    if profiles.ndim != 2 or len(profiles) != len(markets):
        raise ValueError(f"profiles must have one row for each of {len(markets)} markets, got shape {profiles.shape}")
    return solve(lambda block, own: regret.nash_conv(block, own[:, : block.num_providers]), markets, profiles)
