"""How far play is from equilibrium, in USD."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.equilibrium.best_response import deviation_utility
from ttc_env.market import Array, Market


class NashConv(NamedTuple):
    """What unilateral deviations gain, USD per query.

    total: sum over providers, `(...)`; zero exactly at an equilibrium.
    improvements: of each provider, `(..., n)`, never negative.
    """

    total: np.ndarray
    improvements: np.ndarray


def nash_conv(market: Market, profile: Array) -> NashConv:
    """How much the providers could gain by their best deviation from a profile `(..., n)`, each on its own.

    Raises:
        ValueError: not a profile of this market.
    """
    utility = deviation_utility(market, profile)
    earned = np.take_along_axis(utility, np.asarray(profile)[..., None], axis=-1)[..., 0]
    improvements = utility.max(axis=-1) - earned
    return NashConv(improvements.sum(axis=-1), improvements)
