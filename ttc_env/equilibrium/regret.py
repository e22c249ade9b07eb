"""How far play is from equilibrium, in USD: of a profile, of mixed strategies, of a history."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.best_response import deviation_utility
from ttc_env.equilibrium.mixed import check_history, check_strategies, mixed_deviation_utility
from ttc_env.market import Market


class NashConv(NamedTuple):
    """What unilateral deviations gain, USD per query.

    total: sum over providers, `(...)`; zero exactly at an equilibrium.
    improvements: of each provider, `(..., n)`, never negative.
    """

    total: np.ndarray
    improvements: np.ndarray


def relative_gap(gap: float, profits: Array) -> float:
    """A gap in USD over what the providers earn and lose, `sum_i |profit_i|`: over total profit where nobody loses.

    Zero where there is no gap; infinite where nobody earns or loses anything and yet somebody could gain.
    """
    size = float(np.abs(profits).sum())
    return 0.0 if gap == 0 else gap / size if size > 0 else math.inf


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
    return _regrets(market, history)[0]


def swap_regret(market: Market, history: Array) -> np.ndarray:
    """What each provider would have gained by replacing each of its levels, wherever played, by the best other one.

    USD per period, `(n,)`, never negative; a history whose swap regrets are all at most epsilon is an epsilon
    correlated equilibrium (Blum and Mansour 2007, *From external to internal regret*, section 2).

    Args:
        market: the market.
        history: the profiles played, `(T, n)`.

    Raises:
        ValueError: not a history of at least one profile.
    """
    return _regrets(market, history)[1]


def regrets_of_log(
    utility: np.ndarray, played: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """External and swap regret of any game's log, USD per period, `(n,)` each.

    Args:
        utility: what every action would have earned against the others' of a period, `(T, n, K)`.
        played: the actions' numbers, `(T, n)`.
        weights: of the periods, `(T,)`; by default all the same.
    """
    weights = np.full(len(utility), 1 / len(utility)) if weights is None else weights
    gain = utility - np.take_along_axis(utility, played[..., None], axis=-1)
    plays = played[..., None] == np.arange(gain.shape[-1])  # (T, n, K)
    swaps = np.einsum("t,tik,til->ikl", weights, plays, gain)
    return np.tensordot(weights, gain, axes=1).max(axis=-1), swaps.max(axis=-1).sum(axis=-1)


def _regrets(market: Market, history: Array) -> tuple[np.ndarray, np.ndarray]:
    """Both regrets of a history of profiles; those that recur are judged once."""
    profiles, counts = np.unique(check_history(market, history), axis=0, return_counts=True)
    return regrets_of_log(deviation_utility(market, profiles), profiles, counts / counts.sum())
