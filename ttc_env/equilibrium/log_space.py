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


def in_numpy(market: Market) -> Market:
    """The market with NumPy tables."""
    return market if isinstance(market.quality, np.ndarray) else market.to("numpy")


@lru_cache(maxsize=64)  # by identity: a market is immutable, and environments ask again at every step
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
    """`log X_i = log(1 + sum_{j != i} exp(logits_j))` for every provider, `(..., n)`.

    Running sums from both ends: subtracting a dominating provider from the total would cancel everything.
    """
    rows = np.moveaxis(logits, -1, 0)
    edge = np.zeros((1, *rows.shape[1:]))
    before = np.logaddexp.accumulate(np.concatenate([edge, rows[:-1]]), axis=0)
    after = np.logaddexp.accumulate(np.concatenate([edge - np.inf, rows[:0:-1]]), axis=0)[::-1]
    return np.moveaxis(np.logaddexp(before, after), 0, -1)
