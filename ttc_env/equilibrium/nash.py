"""Every pure equilibrium of the per-token game, by interval contraction on the total weight.

Source: the game is that of arXiv:2601.21839, section 3; the method is derived in docs/theory.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np

from ttc_env.equilibrium.best_response import is_nash
from ttc_env.equilibrium.log_space import TOLERANCE, LogForm, in_numpy, log_form, log_total
from ttc_env.market import Market


def pure_nash(market: Market, *, tolerance: float = TOLERANCE, limit: int = 100_000) -> np.ndarray:
    """All pure equilibria, `(num_equilibria, n)` ints in lexicographic order.

    Complete for any `n` and `m` (see `iterate_nash`). With positive margins and without ties there are at most
    `n (m - 1) + 1`, every two comparable in user values; ties can make exponentially many.

    Args:
        market: the market.
        tolerance: utilities that differ by less than this fraction tie, and a tie is no reason to deviate.
        limit: refuse to list more equilibria than this; `iterate_nash` yields them one by one.

    Raises:
        ValueError: more equilibria than `limit`.
    """
    found = list(islice(iterate_nash(market, tolerance=tolerance), limit + 1))
    if len(found) > limit:
        raise ValueError(
            f"more than limit={limit} pure equilibria (ties multiply them); raise the limit, or take them one by one "
            "with iterate_nash"
        )
    return np.array(found, dtype=np.intp).reshape(-1, market.num_providers)


def iterate_nash(market: Market, *, tolerance: float = TOLERANCE) -> Iterator[np.ndarray]:
    """Yield the pure equilibria one by one, `(n,)` ints, in lexicographic order.

    Level `k` is a best response of provider `i` exactly while the others weigh `X_i` in one interval, hence only while
    the total weight lies in that interval plus `w_ik`. Levels whose segment misses the range of possible totals are
    dropped, the range is recomputed, and so on; where several levels remain, the first such provider's are halved.
    No step drops a level of an equilibrium, and every profile left is verified by `is_nash` before it is yielded.

    Profiles in which a provider of positive margins meets one whose margins are all negative need not have a pure
    equilibrium; with one sign of margins the potential guarantees one.
    """
    everything = log_form(market).candidates
    return _search(market, tolerance, everything, np.empty((0, 2), dtype=np.intp))


def count_nash(market: Market, *, tolerance: float = TOLERANCE) -> int:
    """The number of pure equilibria, without listing those that differ by identical providers or identical levels.

    Thirty identical providers can have 2^30 equilibria and only 31 that are not permutations of each other.
    """
    market = in_numpy(market)
    tables = np.stack([market.user_value, market.margin], axis=-1)
    same_level = (tables[:, :, None] == tables[:, None, :]).all(axis=-1)
    first_of_kind = same_level.argmax(axis=-1) == np.arange(market.num_levels)
    kind = np.unique(tables.reshape(market.num_providers, -1), axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(kind, kind="stable")
    twins = np.stack([order[:-1], order[1:]], axis=1)[kind[order[:-1]] == kind[order[1:]]]
    arrangements = math.prod(math.factorial(size) for size in np.bincount(kind).tolist())
    total = 0
    for profile in _search(market, tolerance, log_form(market).candidates & first_of_kind, twins):
        alike = Counter(zip(kind.tolist(), profile.tolist(), strict=True))
        copies = math.prod(same_level[np.arange(len(profile)), profile].sum(axis=-1).tolist())
        total += copies * arrangements // math.prod(math.factorial(size) for size in alike.values())
    return total


def _search(market: Market, tolerance: float, levels: np.ndarray, twins: np.ndarray) -> Iterator[np.ndarray]:
    """The equilibria within a box of levels `(n, m)` in which of two twins the second's level is not the lower one."""
    form = log_form(market)
    low, high = _segments(form, tolerance + float(form.rounding))
    boxes = [levels]
    while boxes:
        levels = _contract(boxes.pop(), twins, form.logits, low, high)
        counts = levels.sum(axis=1)
        if counts.min() == 0:
            continue
        if counts.max() == 1:
            profile = levels.argmax(axis=1)
            if is_nash(market, profile, tolerance=tolerance):
                yield profile
            continue
        provider = int(np.argmax(counts > 1))
        middle = np.flatnonzero(levels[provider])[counts[provider] // 2]
        lower, upper = levels.copy(), levels.copy()
        lower[provider, middle:] = False
        upper[provider, :middle] = False
        boxes += [upper, lower]


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
