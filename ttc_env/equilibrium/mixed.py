"""What mixed play earns: exact expectations over independent strategies, for any number of providers.

With `w / (w + X) = integral of w exp(-t (w + X)) dt` the expectation over the others factorises under the integral:

    E[share_ik] = integral of w_ik exp(-t w_ik) exp(-t) prod_{j != i} E[exp(-t w_j)] dt

so that one quadrature replaces the sum over `m^(n-1)` profiles. In `y = log t` the integrand is analytic in a strip of
half-width pi / 2 and the trapezoid rule converges like `exp(-pi^2 / step)`: below rounding at a step of 1/4.
"""

from __future__ import annotations

import numpy as np

from ttc_env.arrays import Array, own_table
from ttc_env.equilibrium.log_space import in_numpy, log_form, log_total
from ttc_env.market import Market

_STEP = 0.25
_BLOCK = 2**20  # numbers held at a time


def mixed_deviation_utility(market: Market, strategies: Array) -> np.ndarray:
    """What each level would earn each provider against the others' mixed strategies, USD, `(n, m)`.

    Args:
        market: the market.
        strategies: probability of every level for every provider, independent of each other, `(n, m)`.

    Raises:
        ValueError: not a table of probabilities that add up to one per provider.
    """
    market = in_numpy(market)
    strategies = check_strategies(market, strategies)
    logits = log_form(market).logits
    lowest = -float(log_total(logits.max(axis=1))) - 40.0  # below, the integrand is under exp(-40) of the whole
    nodes = np.arange(lowest, 4.0, _STEP)  # above, exp(-exp(4)) of the outside option is nothing
    shares = np.zeros(logits.shape)
    for y in np.array_split(nodes, 1 + len(nodes) * logits.size // _BLOCK):
        weight = np.minimum(logits[..., None] + y, 7.0)  # t w; exp(-exp(7)) is zero already
        factors = np.sum(strategies[..., None] * np.exp(-np.exp(weight)), axis=1)
        shares += np.sum(np.exp(weight - np.exp(weight) - np.exp(y)) * product_of_others(factors)[:, None], axis=-1)
    return _STEP * shares * market.margin


def empirical_strategies(market: Market, history: Array) -> np.ndarray:
    """How often each provider chose each level in a history `(S, n)`: independent mixed strategies `(n, m)`.

    Raises:
        ValueError: not a history of at least one profile.
    """
    history = check_history(market, history)
    return np.mean(history[..., None] == np.arange(market.num_levels), axis=0)


def check_history(market: Market, history: Array) -> np.ndarray:
    """The history as an integer array `(T, n)`.

    Raises:
        ValueError: not a history of at least one profile.
    """
    history = in_numpy(market).check(history)
    if history.ndim != 2 or len(history) == 0:
        raise ValueError(f"history must be profiles (T, {market.num_providers}), got shape {history.shape}")
    return history


def check_strategies(market: Market, strategies: Array) -> np.ndarray:
    """The mixed strategies as an array `(n, m)`.

    Raises:
        ValueError: another shape, a negative entry, or a row that does not sum to one within 1e-9.
    """
    shape = (market.num_providers, market.num_levels)
    given = own_table(f"strategies, {shape} probabilities,", strategies)
    if given.shape != shape or not (np.all(given >= 0) and np.all(np.abs(given.sum(axis=1) - 1) <= 1e-9)):
        raise ValueError(f"strategies must be {shape} probabilities with rows that sum to one, got {strategies!r}")
    return given


def product_of_others(factors: np.ndarray) -> np.ndarray:
    """`prod_{j != i} factors_j` over the first axis, without a division by factors that underflow."""
    edge = np.ones((1, factors.shape[1]))
    before = np.cumprod(np.concatenate([edge, factors[:-1]]), axis=0)
    after = np.cumprod(np.concatenate([edge, factors[:0:-1]]), axis=0)[::-1]
    return before * after
