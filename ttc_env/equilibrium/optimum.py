"""Exact optima of share-weighted objectives over all profiles, by fractional programming in sign and logarithm.

Source: Dinkelbach (1967), *On nonlinear fractional programming*; derived in docs/theory.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, at
from ttc_env.equilibrium.log_space import in_numpy, log_form, log_total
from ttc_env.market import Market, logit_shares

_SMALLEST = np.finfo(np.float64).min  # stands in for the logarithm of zero where -inf would be subtracted from itself


class Optimum(NamedTuple):
    """A best profile, `(n,)` ints, and what it attains, USD per query."""

    profile: np.ndarray
    value: float


def welfare_optimum(market: Market) -> Optimum:
    """The profile of highest welfare `sum_i share_i W_i + share_0 v0`, and that welfare."""
    market = in_numpy(market)
    return optimum(market, market.welfare_contribution, outside=market.outside_value)


def joint_profit_optimum(market: Market) -> Optimum:
    """What a cartel would choose: the highest total profit `sum_i share_i (p_i - c_i)`."""
    return optimum(market, in_numpy(market).margin)


def optimum(market: Market, objective: Array, *, outside: float = 0.0) -> Optimum:
    """The profile that maximises `sum_i share_i x_i + share_0 x_0`, exactly, at any `beta`.

    For a trial value `lambda` the sign of `sum_i w_i (x_i - lambda) + x_0 - lambda` says whether some profile attains
    more, and its maximum separates over providers; a few rounds of O(n m) reach the optimum.

    Args:
        market: the market.
        objective: `x`, what a sale of each provider at each level is worth, USD, `(n, m)`.
        outside: `x_0`, what a user who does not buy is worth, USD.

    Raises:
        ValueError: an objective of another shape, or not finite.
    """
    market = in_numpy(market)
    table = np.asarray(objective, dtype=np.float64)
    if table.shape != market.quality.shape or not np.isfinite(table).all():
        raise ValueError(f"objective must be finite numbers of shape {market.quality.shape}, got {objective!r}")
    logits = log_form(market).logits
    profile, seen = logits.argmax(axis=1), set()
    with np.errstate(divide="ignore"):  # the logarithm of zero is -inf, as it should be
        while (key := profile.tobytes()) not in seen:
            seen.add(key)
            sign, size = _gains(logits, table, profile, outside)
            best = sign.max(axis=1, keepdims=True)
            profile = np.where(sign == best, best * (logits + size), -np.inf).argmax(axis=1)
    shares, stay_out = logit_shares(at(market.user_value, profile), market.beta, market.outside_value)
    return Optimum(profile, float(shares @ at(table, profile) + stay_out * outside))


def _gains(logits: np.ndarray, table: np.ndarray, profile: np.ndarray, outside: float) -> tuple[np.ndarray, np.ndarray]:
    """Sign and logarithm of `x - lambda` for every entry, where `lambda` is what the profile attains.

    One option often takes all but `exp(-1000)` of the market, and `lambda` equals its `x` to the last bit. So
    `lambda` is carried as a difference to that option's `x`.
    """
    rows = np.arange(len(profile))
    served, values = logits[rows, profile], table[rows, profile]
    heaviest = served.argmax()
    anchor = values[heaviest] if served[heaviest] > 0 else outside
    differences = np.append(values, outside) - anchor
    sizes = np.log(np.abs(differences)) + np.append(served, 0.0)
    top = max(sizes.max(), _SMALLEST)
    excess = (np.sign(differences) * np.exp(sizes - top)).sum()  # lambda - anchor, but for a factor
    excess_size = np.log(abs(excess)) + top - log_total(served)
    differences = table - anchor
    sizes = np.log(np.abs(differences))
    top = np.maximum(np.maximum(sizes, excess_size), _SMALLEST)
    gains = np.sign(differences) * np.exp(sizes - top) - np.sign(excess) * np.exp(excess_size - top)
    return np.sign(gains), np.where(gains == 0, 0.0, np.log(np.abs(gains)) + top)
