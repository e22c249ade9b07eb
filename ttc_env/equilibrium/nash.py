"""Every pure equilibrium of the per-token game, by interval contraction on the total weight.

Source: the game is that of arXiv:2601.21839, section 3; the method is derived in docs/theory.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ttc_env.checks import whole, within
from ttc_env.equilibrium.log_space import TOLERANCE, in_numpy, log_form
from ttc_env.equilibrium.search import boxes
from ttc_env.market import Market

_NO_TWINS = np.empty((0, 2), dtype=np.intp)
_MOMENT = 5_000  # boxes


def pure_nash(market: Market, *, tolerance: float = TOLERANCE, limit: int = 100_000) -> np.ndarray:
    """All pure equilibria, `(num_equilibria, n)` ints in lexicographic order.

    Complete for any `n` and `m` (see `iterate_nash`). With positive margins and without ties there are at most
    `n (m - 1) + 1`, every two comparable in user values; ties can make exponentially many.

    Args:
        market: the market.
        tolerance: utilities that differ by less than this fraction tie, and a tie is no reason to deviate.
        limit: refuse to list more equilibria than this; `iterate_nash` yields them one by one.

    Raises:
        ValueError: more equilibria than `limit`, with their number.
    """
    within("tolerance", tolerance, 0.0)
    whole("limit", limit)
    market = in_numpy(market)
    found, total = [], 0
    for box in boxes(market, tolerance, log_form(market).candidates, _NO_TWINS, whole=True):
        found.append(box)
        total += math.prod(box.sum(axis=1).tolist())
        if total > limit:
            raise ValueError(
                f"{_length(market, tolerance)} pure equilibria, more than limit={limit} (ties multiply them); raise "
                "the limit, take them one by one with iterate_nash, or count them with count_nash"
            )
    listed = [profile for box in found for profile in itertools.product(*map(np.flatnonzero, box))]
    profiles = np.array(listed, dtype=np.intp).reshape(-1, market.num_providers)
    return profiles[np.lexsort(profiles.T[::-1])]


def iterate_nash(market: Market, *, tolerance: float = TOLERANCE) -> Iterator[np.ndarray]:
    """Yield the pure equilibria one by one, `(n,)` ints, in lexicographic order.

    Level `k` is a best response of provider `i` exactly while the others weigh `X_i` in one interval, hence only while
    the total weight lies in that interval plus `w_ik`. Levels whose segment misses the range of possible totals are
    dropped, the range is recomputed, and so on; where several levels remain, the first such provider's are halved.
    No step drops a level of an equilibrium, and every profile left is verified by `is_nash` before it is yielded.

    Profiles in which a provider of positive margins meets one whose margins are all negative need not have a pure
    equilibrium; with one sign of margins the potential guarantees one.
    """
    within("tolerance", tolerance, 0.0)
    market = in_numpy(market)
    found = boxes(market, tolerance, log_form(market).candidates, _NO_TWINS, whole=False)
    return (box.argmax(axis=1) for box in found)


def count_nash(market: Market, *, tolerance: float = TOLERANCE) -> int:
    """The number of pure equilibria, without listing those that differ by identical or indifferent providers or levels.

    Thirty identical providers can have 2^30 equilibria and only 31 that are not permutations of each other; where
    nobody earns a margin, every profile is one.
    """
    within("tolerance", tolerance, 0.0)
    return sum(kinds.profiles(box) for kinds, box in equilibrium_boxes(market, tolerance))


def equilibrium_boxes(market: Market, tolerance: float = TOLERANCE) -> Iterator[tuple[Kinds, np.ndarray]]:
    """Boxes `(n, m)` of equilibria that cover all but for the order of identical providers and identical levels."""
    market = in_numpy(market)
    kinds = Kinds.of(market)
    levels = log_form(market).candidates & kinds.first
    return ((kinds, box) for box in boxes(market, tolerance, levels, kinds.twins, whole=True))


class Kinds(NamedTuple):
    """Which providers, and which levels of one provider, are the same to everybody.

    groups: indices of identical providers, each in increasing order.
    copies: how many levels are identical to each, `(n, m)`; `first`, whether none before it is, bool `(n, m)`.
    twins: neighbours within groups, `(T, 2)`.
    """

    groups: list[np.ndarray]
    copies: np.ndarray
    first: np.ndarray
    twins: np.ndarray

    @staticmethod
    def of(market: Market) -> Kinds:
        """Those of a market, NumPy."""
        tables = np.stack([market.user_value, market.margin], axis=-1)
        same = (tables[:, :, None] == tables[:, None, :]).all(axis=-1)
        kind = np.unique(tables.reshape(market.num_providers, -1), axis=0, return_inverse=True)[1].reshape(-1)
        groups = [np.flatnonzero(kind == one) for one in range(kind.max() + 1)]
        twins = np.concatenate([_NO_TWINS, *(np.stack([own[:-1], own[1:]], axis=1) for own in groups)])
        return Kinds(groups, same.sum(axis=-1), same.argmax(axis=-1) == np.arange(market.num_levels), twins)

    def profiles(self, box: np.ndarray) -> int:
        """Profiles that are in a box, but for the order of identical providers and levels."""
        return math.prod(_arrangements(box[own].tolist(), self.copies[own[0]].tolist()) for own in self.groups)


def _arrangements(box: list[list[bool]], copies: list[int]) -> int:
    """Choices of `g` identical providers that lie, sorted, in a box `(g, m)`; level `k` stands for `copies[k]`."""
    size = len(box)
    ways = [1] + [0] * size  # with the first j places of the sorted choices filled
    for level, times in enumerate(copies):
        renewed = list(ways)
        for j, before in enumerate(ways):
            place = j
            while before and place < size and box[place][level]:
                place += 1
                renewed[place] += before * math.comb(size - j, place - j) * times ** (place - j)
        ways = renewed
    return ways[size]


def _length(market: Market, tolerance: float) -> str:
    """How many equilibria there are, if that can be counted in a moment."""
    some = list(itertools.islice(equilibrium_boxes(market, tolerance), _MOMENT + 1))
    total = sum(kinds.profiles(box) for kinds, box in some)
    return f"{total}" if len(some) <= _MOMENT else f"at least {total}"
