"""What one bidder meets: the highest of the others' scores, and who shares it.

Others enter an auction only through the highest of their scores `M`, and through how many of them tie with a bid.
For a bid of score `s` two numbers say everything:

    share(s)  = E[1 / (1 + T); M <= s],  T the number of opponents who score just s
    spread(s) = E[(s - max(M, v0))+]   = integral from v0 to s of P(M <= y) dy

so that a winner who is worth `G` and leaves the users the second score earns `share(s) (G - s) + spread(s)`, and one
who is paid its ask earns `share(s) (ask - cost)`.

Where the others draw their bids independently, `P(M <= y) = prod_j F_j(y)`. All bids of all providers are sorted once;
of the product over everybody a provider's own factor is taken out again, so that the work is `N log N` in the number of
bids and not in its square, and ties cost no more than those who are in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ttc_env.equilibrium.mixed import product_of_others
from ttc_env.mechanisms import Bids

_NOTHING = 1e-40  # chances below are nothing beside rounding: who shares them is not asked
_BLOCK = 2**20  # numbers held at a time


class Rivals(Protocol):
    """What one provider meets."""

    def share(self, score: np.ndarray) -> np.ndarray:
        """Expected share of the market of bids with these scores, where the users' outside value is reached."""

    def spread(self, score: np.ndarray, reserve: float) -> np.ndarray:
        """Expected lead of each score over the highest other one or `reserve`, where there is a lead, USD."""


@dataclass(frozen=True, eq=False)
class LoggedRivals:
    """The distribution of the highest opposing score in a log; `(X,)` each.

    Attributes:
        points: the highest scores met, increasing, USD; `-inf` where there was no opponent.
        probability: of each.
        tied: expected share of the market for a bid of just this score, where nobody bids more.
    """

    points: np.ndarray
    probability: np.ndarray
    tied: np.ndarray

    def share(self, score: np.ndarray) -> np.ndarray:
        """See `Rivals`."""
        beaten = np.searchsorted(self.points, score)
        meets = np.minimum(beaten, len(self.points) - 1)
        ties = np.where(self.points[meets] == score, self.tied[meets], 0.0)
        return np.concatenate([[0.0], np.cumsum(self.probability)])[beaten] + ties

    def spread(self, score: np.ndarray, reserve: float) -> np.ndarray:
        """See `Rivals`."""
        beaten = np.searchsorted(self.points, score)
        wins, left = (
            np.concatenate([[0.0], np.cumsum(part)])
            for part in (self.probability, self.probability * np.maximum(self.points, reserve))
        )
        return np.where(score >= reserve, wins[beaten] * score - left[beaten], 0.0)


def logged_rivals(bids: Bids) -> list[LoggedRivals]:
    """What each provider met in a log of joint bids, `(T, n)` each: in every period the highest opposing score."""
    scores = np.asarray(bids.claim) - np.asarray(bids.ask)
    found = []
    for i in range(scores.shape[1]):
        others = np.delete(scores, i, axis=1)
        highest = others.max(axis=1, initial=-np.inf)
        points, place, counts = np.unique(highest, return_inverse=True, return_counts=True)
        share = 1 / (1 + (others == highest[:, None]).sum(axis=1))
        found.append(LoggedRivals(points, counts / len(scores), np.bincount(place, share) / len(scores)))
    return found


def independent_rivals(strategies: Bids) -> list[Rivals]:
    """What each provider meets where `j` draws one of its bids, `(n, S)`, independently of the others."""
    crowd = Crowd(np.asarray(strategies.claim - strategies.ask))
    return [Others(crowd, i) for i in range(len(crowd.own))]


class Crowd:
    """Providers who draw their scores independently, each with equal chances from its row of `(n, S)`.

    Attributes:
        own: the scores of each provider, increasing, `(n, S)`.
        points: all scores that occur, increasing, `-inf` first, `(X,)`.
        all_below: chance that everybody scores at most so much, `(X,)`.
        but_one: the same without the one provider that never scores so little, if it is one, `(X,)`.
        area, area_but_one: their integrals from the lowest score on, `(X,)`.
        sharing: what a bid of just this score by somebody else keeps of that chance after ties, `(X,)`.
        own_sharing: the same for the provider's own scores, `(n, S)`.
    """

    def __init__(self, scores: np.ndarray) -> None:
        n, size = scores.shape
        self.own = np.sort(scores, axis=1)
        order = np.argsort(self.own, axis=None, kind="stable")  # of equal scores those of one provider together
        value, (who, rank) = self.own.ravel()[order], np.divmod(order, size)
        grows = np.where(rank > 0, np.log1p(1 / np.maximum(rank, 1)), -np.log(size))  # of log F, 0 while F is 0
        logs = np.cumsum(grows[::-1])[::-1]
        logs = np.append(-logs[1:], 0.0)  # summed from above, where it matters
        zeros = n - np.cumsum(rank == 0)
        ends = np.flatnonzero(np.append(value[1:] != value[:-1], True))
        self.points = np.append(-np.inf, value[ends])
        chance = np.append(1.0, np.exp(np.minimum(logs[ends], 0.0)))
        zeros = np.append(n, zeros[ends])
        self.all_below, self.but_one = np.where(zeros == 0, chance, 0.0), np.where(zeros == 1, chance, 0.0)
        width = np.diff(self.points[1:])
        self.area, self.area_but_one = (
            np.concatenate([[0.0, 0.0], np.cumsum(below[1:-1] * width)]) for below in (self.all_below, self.but_one)
        )
        point = np.repeat(np.arange(1, len(self.points)), np.diff(ends, prepend=-1))
        self._share_ties(point, who, rank, order)

    def _share_ties(self, point: np.ndarray, who: np.ndarray, rank: np.ndarray, order: np.ndarray) -> None:
        """With `h_j = P(score_j = s | score_j <= s)` a bid keeps `E[1 / (1 + T)] = int prod_j (1 - (1 - z) h_j) dz`."""
        firsts = np.flatnonzero(np.append(True, (point[1:] != point[:-1]) | (who[1:] != who[:-1])))
        counts = np.diff(firsts, append=len(point))
        hazard = counts / (rank[firsts] + counts)
        place = point[firsts]
        tied = np.bincount(place, minlength=len(self.points))
        start = np.cumsum(tied) - tied
        self.sharing, kept = np.ones(len(self.points)), np.ones(len(firsts))
        matters = np.maximum(self.all_below, self.but_one) > _NOTHING
        for number in np.unique(tied[matters & (tied > 0)]):
            found = np.flatnonzero(matters & (tied == number))
            for some in np.array_split(found, 1 + len(found) * number // _BLOCK):
                pairs = start[some] + np.arange(number)[:, None]
                nodes, weights = np.polynomial.legendre.leggauss(number // 2 + 1)  # exact up to degree number + 1
                alone, among = 0.0, 0.0
                for z, weight in zip((1 - nodes) / 2, weights / 2, strict=True):
                    factors = 1 - z * hazard[pairs]
                    others = product_of_others(factors)
                    among, alone = among + weight * others, alone + weight * others[0] * factors[0]
                kept[pairs], self.sharing[some] = among, alone
        self.own_sharing = np.empty(self.own.shape)
        self.own_sharing.ravel()[order] = np.repeat(kept, counts)


class Others:
    """What one provider of a crowd meets."""

    def __init__(self, crowd: Crowd, provider: int) -> None:
        self.crowd, self.own = crowd, crowd.own[provider]
        self.own_sharing = crowd.own_sharing[provider]
        area = self._area(self.own, crowd.all_below, crowd.area)
        steps = np.diff(area) * len(self.own) / np.arange(1, len(self.own))
        first = self._area(self.own[:1], crowd.but_one, crowd.area_but_one)
        self._below_own = np.append(first, first + np.cumsum(steps))

    def share(self, score: np.ndarray) -> np.ndarray:
        """See `Rivals`."""
        crowd = self.crowd
        place = np.searchsorted(crowd.points, score, side="right") - 1
        rank = np.minimum(np.searchsorted(self.own, score), len(self.own) - 1)
        sharing = np.where(self.own[rank] == score, self.own_sharing[rank], crowd.sharing[place])
        meets = crowd.points[place] == score
        return self._chance(place, np.searchsorted(self.own, score, side="right")) * np.where(meets, sharing, 1.0)

    def spread(self, score: np.ndarray, reserve: float) -> np.ndarray:
        """See `Rivals`."""
        return np.where(score >= reserve, self._integral(score) - self._integral(np.array(reserve)), 0.0)

    def _chance(self, place: np.ndarray, count: np.ndarray) -> np.ndarray:
        """`P(M <= y)` at a point, `count` of whose own scores are at most there."""
        factor = np.maximum(count, 1) / len(self.own)
        return np.where(count > 0, self.crowd.all_below[place] / factor, self.crowd.but_one[place])

    def _integral(self, score: np.ndarray) -> np.ndarray:
        """`integral of P(M <= y) dy` up to a score, from the lowest score of all."""
        count = np.searchsorted(self.own, score, side="right")
        last = np.maximum(count - 1, 0)
        crowd, since = self.crowd, self.own[last]
        grown = self._area(score, crowd.all_below, crowd.area) - self._area(since, crowd.all_below, crowd.area)
        above = self._below_own[last] + grown * len(self.own) / (last + 1)
        return np.where(count > 0, above, self._area(score, crowd.but_one, crowd.area_but_one))

    def _area(self, score: np.ndarray, below: np.ndarray, area: np.ndarray) -> np.ndarray:
        points = self.crowd.points
        place = np.searchsorted(points, score, side="right") - 1
        return area[place] + below[place] * (score - np.maximum(points[place], points[1]))
