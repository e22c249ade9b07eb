"""The search for pure equilibria of the per-token game: boxes of levels, contracted, split, and verified.

Derived in docs/theory.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ttc_env.equilibrium.best_response import is_nash
from ttc_env.equilibrium.log_space import LogForm, log_form, log_total
from ttc_env.market import Market


def boxes(
    market: Market, tolerance: float, levels: np.ndarray, twins: np.ndarray, *, whole: bool
) -> Iterator[np.ndarray]:
    """Boxes of levels, bool `(n, m)`, that hold all equilibria within `levels` and nothing else.

    Providers whose best margin is zero earn nothing whatever they do: they are indifferent, and matter to the others
    only by what they weigh. As every level is best on one interval of the others' weight, all of a box is equilibria
    if its lightest and its heaviest choices of the indifferent providers are.

    Args:
        market: the market.
        tolerance: see `pure_nash`.
        levels: those looked at.
        twins: pairs of providers of which the second's level is not the lower one, `(T, 2)`.
        whole: leave the levels of indifferent providers together; otherwise every box holds one profile, and they come
            in lexicographic order.
    """
    form = log_form(market)
    low, high = _segments(form, tolerance + float(form.rounding))
    free = (form.sign == 0) & whole
    stack = [levels]
    while stack:
        levels = _contract(stack.pop(), twins, form.logits, low, high)
        counts = levels.sum(axis=1)
        if counts.min() == 0:
            continue
        open_ = (counts > 1) & ~free
        if not open_.any():
            lightest = np.where(levels, form.logits, np.inf).argmin(axis=1)
            heaviest = np.where(levels, form.logits, -np.inf).argmax(axis=1)
            ends = lightest if counts.max() == 1 else np.stack([lightest, heaviest])
            if is_nash(market, ends, tolerance=tolerance).all():
                yield levels
                continue
            open_ = counts > 1
            if not open_.any():
                continue
        provider = int(np.argmax(open_))
        middle = np.flatnonzero(levels[provider])[counts[provider] // 2]
        lower, upper = levels.copy(), levels.copy()
        lower[provider, middle:] = False
        upper[provider, :middle] = False
        stack += [upper, lower]


def _contract(
    levels: np.ndarray, twins: np.ndarray, logits: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Drop the levels that fit no total weight which the remaining levels can add up to, until all fit."""
    while True:
        lightest = np.where(levels, logits, np.inf).min(axis=1)
        heaviest = np.where(levels, logits, -np.inf).max(axis=1)
        floor = max(log_total(lightest), np.where(levels, low, np.inf).min(axis=1).max())
        ceiling = min(log_total(heaviest), np.where(levels, high, -np.inf).max(axis=1).min())
        kept = levels & (low <= ceiling) & (high >= floor)
        kept[twins[:, 1]] &= np.logical_or.accumulate(kept[twins[:, 0]], axis=1)
        if not kept.any(axis=1).all() or np.array_equal(kept, levels):
            return kept
        levels = kept


def _segments(form: LogForm, slack: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the total weight between which each level can be a best response, two arrays `(n, m)`.

    `1 / |utility| = X / (w |p - c|) + 1 / |p - c|` is a line in `X`, so one level beats another on a half-line. The
    rival's line is moved by twice the tolerated slack: a provider within it must not be lost to rounding.
    """
    sign = np.where(form.sign < 0, -1.0, 1.0)[:, None, None]
    height = -form.log_margin
    slope = height - form.logits
    rival_height = height[:, None, :] + 2 * slack * sign
    rival_slope = slope[:, None, :] + 2 * slack * sign
    steeper = sign * (slope[:, :, None] - rival_slope) > 0
    lower = sign * (rival_height - height[:, :, None])
    with np.errstate(divide="ignore", invalid="ignore"):  # equal heights or slopes cross at infinity
        crossing = _log_difference(height[:, :, None], rival_height) - _log_difference(slope[:, :, None], rival_slope)
    beats_until = np.where(steeper, np.where(lower > 0, crossing, -np.inf), np.inf)
    beats_from = np.where(~steeper & (lower < 0), crossing, -np.inf)
    rivals = form.candidates[:, None, :] & (form.sign != 0)[:, None, None]  # nothing beats a zero margin but a margin
    high = np.where(rivals, beats_until, np.inf).min(axis=2)
    low = np.where(rivals, beats_from, -np.inf).max(axis=2)
    low = np.maximum(low, 0.0)  # the outside option alone weighs one
    high = np.where(high >= low, high, -np.inf)
    return (
        np.where(high >= low, np.logaddexp(low, form.logits) - slack, np.inf),
        np.where(high >= low, np.logaddexp(high, form.logits) + slack, -np.inf),
    )


def _log_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`log |exp(first) - exp(second)|`."""
    return np.maximum(first, second) + np.log(-np.expm1(-np.abs(first - second)))
