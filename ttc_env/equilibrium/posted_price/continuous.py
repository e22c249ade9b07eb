"""Posted prices on a continuum: the price equilibrium and the prices of a cartel, without a share that underflows.

A provider that leaves its users the value `v` earns `share(v) (W - v)`, so the level `argmax_k W` is best whatever the
price. What is left are prices, written as mark-ups `m_i = p_i - c_i` at that level; `a_i = beta (W_i - v0)`.

Source of the demand and of the check in the tests: Calvano, Calzolari, Denicolo and Pastorello 2020, section II.B.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, at
from ttc_env.equilibrium.log_space import in_numpy, log_others, pick
from ttc_env.market import Market
from ttc_env.markets import Markets

_MOST_STEPS = 1000  # the slowest of many thousand markets took 42


class Prices(NamedTuple):
    """What the providers charge and what follows, USD per query, each `(n,)`; of many markets `(B, n)`.

    levels: the efficient level `argmax_k W` of each provider; ties go to the lowest.
    price: asked at that level.
    markup: `price - cost`.
    shares: fraction of the users who buy from each provider.
    profit: `share * markup`.
    """

    levels: np.ndarray
    price: np.ndarray
    markup: np.ndarray
    shares: np.ndarray
    profit: np.ndarray


def nash_prices(market: Market | Markets) -> Prices:
    """The equilibrium where prices are real numbers: the only solution of `m_i = 1 / (beta (1 - share_i))`.

    In odds `x_i = share_i / (1 - share_i)` a provider's best answer is `x_i = W(exp(a_i - 1) / X_i)`, with Lambert's W
    and `X_i = 1 + sum_{j != i} exp(a_j - beta m_j)`; its mark-up is `(1 + x_i) / beta`, its profit `x_i / beta`.
    Answers rise with the others' mark-ups, so from the lowest ones they climb to the equilibrium; near it, every step
    about halves the error at least. Unique: given the total weight `T`, shares solve `log share_i + 1 / (1 - share_i)
    = a_i - log T`; they fall as `T` rises, and only one `T` makes them add up to `1 - 1 / T`.
    """
    levels, logits = _efficient(market)
    odds = _climb(np.atleast_2d(logits)).reshape(logits.shape)
    return _prices(market, levels, 1 + odds, odds / (1 + odds))


def _climb(logits: np.ndarray) -> np.ndarray:
    """The odds in equilibrium of many markets at once, `(B, n)`; each leaves when its own prices have settled."""
    found, waiting = np.empty(logits.shape), np.arange(len(logits))
    rounding = 16 * np.finfo(np.float64).eps * (1 + np.abs(logits).max(axis=-1, keepdims=True))
    scaled = np.ones(logits.shape)  # mark-ups in units of 1 / beta
    for _ in range(_MOST_STEPS):
        odds = best_odds(logits, log_others((logits - scaled).T).T)
        settled = np.all(np.abs(1 + odds - scaled) <= rounding, axis=-1)
        found[waiting[settled]] = odds[settled]
        waiting = waiting[~settled]
        if not waiting.size:
            return found
        logits, scaled, rounding = (pick(rows, ~settled) for rows in (logits, 1 + odds, rounding))
    raise RuntimeError(f"no equilibrium prices after {_MOST_STEPS} steps in {len(waiting)} markets")


def cartel_prices(market: Market | Markets) -> Prices:
    """The prices that earn all providers together most: one mark-up for all, `m = (1 + w) / beta`.

    `w = W(A / e)` with `A = sum_i exp(a_i)` and Lambert's W; together the providers earn `w / beta`. Any mark-ups with
    the same total share `S` earn `sum_i share_i (a_i - log share_i + log(1 - S)) / beta`, which is largest where the
    shares are in proportion to `exp(a_i)`.
    """
    levels, logits = _efficient(market)
    top = logits.max(axis=-1, keepdims=True)
    weights = np.exp(logits - top)
    total = weights.sum(axis=-1, keepdims=True)
    odds = wright_omega(top + np.log(total) - 1)
    return _prices(market, levels, np.broadcast_to(1 + odds, logits.shape), weights / total * (odds / (1 + odds)))


def best_odds(logits: Array, log_rest: Array) -> np.ndarray:
    """The odds `share / (1 - share)` of the best mark-up against weight `exp(log_rest)` of the others and not buying.

    The mark-up is `(1 + odds) / beta`. Shapes `(...)`.
    """
    return wright_omega(np.asarray(logits) - 1 - log_rest)


def wright_omega(x: Array) -> np.ndarray:
    """The solution of `w + log w = x`, which is Lambert's `W(exp(x))`, to a few units in the last place.

    By Newton's method for `log w` from above, where the function is convex: five steps suffice for every double.
    """
    x = np.asarray(x, dtype=np.float64)
    log_w = np.where(x > 1, np.log(np.maximum(x, 1.0)), x)
    for _ in range(6):
        w = np.exp(log_w)
        log_w = log_w - (w + log_w - x) / (w + 1)
    return np.exp(log_w)


def _efficient(market: Market | Markets) -> tuple[np.ndarray, np.ndarray]:
    """The efficient level of each provider, and `beta (W - v0)` there, `(n,)` each."""
    contribution = np.asarray(in_numpy(market).welfare_contribution, dtype=np.float64)
    return contribution.argmax(axis=-1), market.beta * (contribution.max(axis=-1) - market.outside_value)


def _prices(market: Market | Markets, levels: np.ndarray, scaled: np.ndarray, shares: np.ndarray) -> Prices:
    markup = scaled / market.beta
    return Prices(levels, at(in_numpy(market).cost, levels) + markup, markup, shares, shares * markup)
