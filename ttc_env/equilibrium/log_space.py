"""The per-token game in logarithms, where no share underflows.

Weights are `w_ik = exp(beta (V_ik - v0))`, so the outside option weighs one, and `X_i = 1 + sum_{j != i} w_j` is all
that provider `i` feels of the others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar, cast

import numpy as np

from ttc_env.arrays import at
from ttc_env.market import Market
from ttc_env.markets import Markets

M = TypeVar("M", bound=Market | Markets)

TOLERANCE = 1e-12  # two utilities closer than this, as a fraction, are a tie
_ROUNDING = 64 * np.finfo(np.float64).eps  # of logarithms of size one, with room for the sums over providers
_NOTHING = 800.0  # exp(-800) is zero: an outside value still farther off changes nothing, but would drown differences


class LogForm(NamedTuple):
    """What a provider compares: `log |utility| = log_margin - log(1 + exp(log X_i - logits))`.

    Of one market; of `B` markets all have `B` as first axis.

    logits: `beta (V - v0)`, `(n, m)`, with `v0` brought so near that the outside option just takes all, or nothing.
    sign: of the best margin a provider has, `(n,)`. Shares are positive, so it is the sign of its best utility.
    candidates: levels that can be a best response because their margin has that sign, `(n, m)`.
    log_margin: `log |p - c|` of the candidates, `(n, m)`; 0 elsewhere and where the margin is 0.
    rounding: what rounding may do to a logarithm here, a number.
    outside_value: that `v0`, USD, a number.
    """

    logits: np.ndarray
    sign: np.ndarray
    candidates: np.ndarray
    log_margin: np.ndarray
    rounding: np.ndarray
    outside_value: np.ndarray


def in_numpy(market: M) -> M:
    """The market with NumPy tables in double precision, which is what everything here computes with."""
    exact = isinstance(market.quality, np.ndarray) and market.quality.dtype == np.float64
    return market if exact else cast(M, _converted(cast(Market, market)))


@lru_cache(maxsize=64)  # by identity: a market is immutable, and environments ask again at every step
def _converted(market: Market) -> Market:
    return market.to("numpy")


def log_form(market: Market | Markets) -> LogForm:
    """Logits, signs and logarithms of a market, or of many."""
    return _kept(market) if isinstance(market, Market) else _log_form(market)


@lru_cache(maxsize=64)
def _kept(market: Market) -> LogForm:
    return _log_form(in_numpy(market))


def _log_form(market: Market | Markets) -> LogForm:
    beta, outside_value = (np.asarray(x)[..., None] for x in (market.beta, market.outside_value))
    value = market.user_value
    least, most = (end(value, axis=(-2, -1), keepdims=True) for end in (np.min, np.max))
    with np.errstate(over="ignore"):  # where beta is next to nothing, no outside value is too far away
        far = _NOTHING / beta
    outside_value = np.clip(outside_value, least - far, most + far)
    logits = beta.astype(value.dtype) * (value - outside_value.astype(value.dtype))
    signs = np.sign(market.margin)
    sign = signs.max(axis=-1)
    candidates = signs == sign[..., None]
    log_margin = np.log(np.abs(np.where(candidates & (signs != 0), market.margin, 1.0)))
    scale = 1.0 + np.abs(logits).max(axis=(-2, -1)) + np.abs(log_margin).max(axis=(-2, -1))
    rounding = np.asarray(_ROUNDING * scale, logits.dtype)
    return LogForm(logits, sign, candidates, log_margin, rounding, outside_value[..., 0, 0])


def levels_first(table: np.ndarray) -> np.ndarray:
    """A table `(n, m)` or `(B, n, m)` as `(m, n, 1)` or `(m, n, B)`, for quick reductions."""
    return table.T if table.ndim == 3 else table.T[..., None]


def pick(table: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The rows `keep` of a `(B, ...)` array, batch innermost in memory as it is in blocks of `Markets`."""
    return np.compress(keep, table.T, axis=-1).T


def flat(market: Market | Markets, profile: np.ndarray) -> np.ndarray:
    """A checked profile as rows `(B, n)`: any number of one market, one of each of many.

    Raises:
        ValueError: several profiles of each of many markets.
    """
    if isinstance(market, Markets) and profile.ndim > 2:
        raise ValueError(f"many markets take one profile each, {market.quality.shape[:2]}, got {profile.shape}")
    return profile.reshape(-1, profile.shape[-1])


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
    return levels_first(form.logits) - log_others(at(form.logits, profiles).T)


def log_shares(odds: np.ndarray) -> np.ndarray:
    """Logarithm of the share that goes with `log w - log X`."""
    return np.minimum(odds, 0.0) - np.log1p(np.exp(-np.abs(odds)))
