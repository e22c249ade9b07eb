"""How far play is from equilibrium, in USD: of a profile, of mixed strategies, of a history."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.best_response import deviation_utility
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.mixed import check_strategies, mixed_deviation_utility
from ttc_env.market import Market


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


def mixed_nash_conv(market: Market, strategies: Array) -> NashConv:
    """The same for independent mixed strategies `(n, m)`: expectations are exact, also where `m^n` is out of reach.

    Raises:
        ValueError: not a table of probabilities.
    """
    utility = mixed_deviation_utility(market, strategies)
    improvements = utility.max(axis=1) - np.sum(check_strategies(market, strategies) * utility, axis=1)
    improvements = np.maximum(improvements, 0.0)  # the mean can exceed the largest by rounding
    return NashConv(improvements.sum(), improvements)


def coarse_correlated_regret(market: Market, history: Array) -> np.ndarray:
    """What each provider would have gained with the best single level in hindsight, USD per period, `(n,)`.

    A history whose regrets are all at most epsilon is an epsilon coarse correlated equilibrium; a regret can be
    negative, where correlated play earns more than any fixed level.

    Args:
        market: the market.
        history: the profiles played, `(T, n)`.

    Raises:
        ValueError: not a history of at least one profile.
    """
    history = in_numpy(market).check(history)
    if history.ndim != 2 or len(history) == 0:
        raise ValueError(f"history must be profiles (T, {market.num_providers}), got shape {history.shape}")
    profiles, counts = np.unique(history, axis=0, return_counts=True)
    utility = deviation_utility(market, profiles)
    earned = np.take_along_axis(utility, profiles[..., None], axis=-1)
    return np.tensordot(counts / counts.sum(), utility - earned, axes=1).max(axis=-1)
