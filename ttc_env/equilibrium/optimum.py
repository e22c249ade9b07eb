"""Exact optima of share-weighted objectives over all profiles, by fractional programming in sign and logarithm.

Source: Dinkelbach (1967), *On nonlinear fractional programming*; derived in docs/theory.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, at, table_rows, take
from ttc_env.equilibrium.log_space import in_numpy, log_form, log_total, pick
from ttc_env.market import Market, logit_shares
from ttc_env.markets import Markets

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
    profile = dinkelbach(log_form(market).logits[None], table[None], np.array([[outside]]))[0]
    return Optimum(profile, float(attained(market, table, profile, outside)))


def attained(
    market: Market | Markets, table: np.ndarray, profile: np.ndarray, outside: float | np.ndarray
) -> np.ndarray:
    """`sum_i share_i x_i + share_0 x_0` at a profile, of many markets `(B,)`; `outside` is then `(B, 1)`."""
    shares, stay_out = logit_shares(at(market.user_value, profile), market.beta, market.outside_value)
    return (np.sum(shares * at(table, profile), axis=-1, keepdims=True) + stay_out[..., None] * outside)[..., 0]


def dinkelbach(logits: np.ndarray, table: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The best profiles `(B, n)` for logits and values `x` `(B, n, m)` and values `x_0` `(B, 1)`.

    For a trial value `lambda` the sign of `sum_i w_i (x_i - lambda) + x_0 - lambda` says whether some profile attains
    more, and its maximum separates over providers; a few rounds of O(n m) reach the optimum, where a profile repeats.
    """
    best = logits.argmax(axis=-1)
    waiting, rounds, begins = np.arange(len(logits)), [best.copy()], table_rows(table)
    while True:
        profile = _improved(logits, table, outside, rounds[-1] + begins)
        best[waiting] = profile
        go_on = np.ones(len(waiting), dtype=bool)
        for earlier in rounds:
            go_on &= (profile != earlier).any(axis=-1)
        if not go_on.any():
            return best
        rounds.append(profile)
        if not go_on.all():
            waiting, outside = waiting[go_on], outside[go_on]
            logits, table = pick(logits, go_on), pick(table, go_on)
            rounds, begins = [earlier[go_on] for earlier in rounds], table_rows(table)


def _improved(logits: np.ndarray, table: np.ndarray, outside: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The levels with the largest `w (x - lambda)`, where `lambda` is what a profile attains; ties to the lowest.

    The profile is given by where its entries are in the flattened tables, `(B, n)`.

    One option often takes all but `exp(-1000)` of the market, and `lambda` equals its `x` to the last bit. So
    `lambda` is carried as its difference to that option's `x`, in sign and logarithm, and so are the gains.
    """
    served = np.concatenate([take(logits, index), 0.0 * outside], axis=-1)
    values = np.concatenate([take(table, index), outside], axis=-1)
    anchor = values[np.arange(len(values)), served.argmax(axis=-1), None]
    with np.errstate(divide="ignore"):  # the logarithm of zero is -inf, as it should be
        differences = values - anchor
        sizes = np.log(np.abs(differences)) + served
        top = np.maximum(sizes.max(axis=-1, keepdims=True), _SMALLEST)
        excess = (np.sign(differences) * np.exp(sizes - top)).sum(axis=-1, keepdims=True)
        excess_size = np.log(np.abs(excess)) + top - log_total(served[:, :-1])[:, None]
        sign = np.sign(excess)  # of lambda - anchor
        gains = (table - anchor[..., None]) - (sign * np.exp(excess_size))[..., None]
        sizes = np.log(np.abs(gains))
    at_anchor = (table == anchor[..., None]) & (sign != 0)[..., None]  # there lambda - anchor may be below any float
    signs = np.where(at_anchor, -sign[..., None], np.sign(gains))
    sizes = np.where(at_anchor, excess_size[..., None], np.where(signs == 0, 0.0, sizes))
    best = signs.max(axis=-1, keepdims=True)
    return np.where(signs == best, best * (logits + sizes), -np.inf).argmax(axis=-1)
