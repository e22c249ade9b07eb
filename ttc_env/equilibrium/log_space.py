"""The per-token game in logarithms, where no share underflows.

Weights are `w_ik = exp(beta (V_ik - v0))`, so the outside option weighs one, and `X_i = 1 + sum_{j != i} w_j` is all
that provider `i` feels of the others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ttc_env.market import Market

TOLERANCE = 1e-12  # two utilities closer than this, as a fraction, are a tie
_ROUNDING = 64 * np.finfo(np.float64).eps  # of logarithms of size one, with room for the sums over providers


class LogForm(NamedTuple):
    """What a provider compares: `log |utility| = log_margin - log(1 + exp(log X_i - logits))`.

    logits: `beta (V - v0)`, `(n, m)`.
    sign: of the best margin a provider has, `(n,)`. Shares are positive, so it is the sign of its best utility.
    candidates: levels that can be a best response because their margin has that sign, `(n, m)`.
    log_margin: `log |p - c|` of the candidates, `(n, m)`; 0 elsewhere and where the margin is 0.
    rounding: what rounding may do to a logarithm here.
    """

    logits: np.ndarray
    sign: np.ndarray
    candidates: np.ndarray
    log_margin: np.ndarray
    rounding: float


@lru_cache(maxsize=64)  # by identity: a market is immutable, and environments ask again at every step
def in_numpy(market: Market) -> Market:
    """The market with NumPy tables, which is what everything here computes with."""
    return market if isinstance(market.quality, np.ndarray) else market.to("numpy")


@lru_cache(maxsize=64)
def log_form(market: Market) -> LogForm:
    """Logits, signs and logarithms of a market."""
    market = in_numpy(market)
    logits = market.beta * (market.user_value - market.outside_value)
    signs = np.sign(market.margin)
    sign = signs.max(axis=1)
    candidates = signs == sign[:, None]
    log_margin = np.log(np.abs(np.where(candidates & (signs != 0), market.margin, 1.0)))
    scale = 1.0 + np.abs(logits).max() + np.abs(log_margin).max()
    return LogForm(logits, sign, candidates, log_margin, float(_ROUNDING * scale))


def log_total(logits: np.ndarray) -> np.ndarray:
    """`log(1 + sum_i exp(logits_i))` over the last axis: the outside option and everybody, `(...)`."""
    top = np.maximum(logits.max(axis=-1), 0.0)
    return top + np.log(np.exp(-top) + np.exp(logits - top[..., None]).sum(axis=-1))


def log_others(logits: np.ndarray) -> np.ndarray:
    """`log X_i = log(1 + sum_{j != i} exp(logits_j))` for every provider; providers are the first axis, `(n, ...)`.

    The heaviest option is summed around and the others are subtracted: the total without one of them is still at
    least the heaviest, so nothing cancels.
    """
    options = np.concatenate([logits, np.zeros((1, *logits.shape[1:]))])
    top = options.max(axis=0)
    heaviest = np.arange(len(options)).reshape(-1, *(1,) * top.ndim) == options.argmax(axis=0)
    weights = np.exp(options - top)
    rest = np.where(heaviest, 1.0, weights.sum(axis=0) - weights)
    lighter = np.where(heaviest, -np.inf, options)
    second = lighter.max(axis=0)
    around = second + np.log(np.exp(lighter - second).sum(axis=0))
    return np.where(heaviest, around, top + np.log(rest))[:-1]


def log_odds(form: LogForm, profiles: np.ndarray) -> np.ndarray:
    """`log w_ik - log X_i` for every unilateral deviation from profiles `(B, n)`: `(m, n, B)`, for quick reductions."""
    chosen = form.logits[np.arange(len(form.logits))[:, None], profiles.T]
    return form.logits.T[:, :, None] - log_others(chosen)


def log_shares(odds: np.ndarray) -> np.ndarray:
    """Logarithm of the share that goes with `log w - log X`."""
    return np.minimum(odds, 0.0) - np.log1p(np.exp(-np.abs(odds)))
