"""Full counterfactual feedback: what every action of a provider would have earned, given what the others did."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents.parts.actions import FlatActions
from agents.parts.markets import each_market, utility_range
from ttc_env import Market, equilibrium
from ttc_env.arrays import at
from ttc_env.mechanisms import Bids, SecondPrice


class Feedback:
    """Exact expected utility of every own action against the bids of a period, scaled to [0, 1].

    The scale runs from the least to the most a provider can earn in the market (`agents.parts.markets.utility_range`),
    and the result is the mean over the rows of the batch. A bid meets the others only in their best score, so that the
    mean over `B` rows takes `O((A + B) log B)` for `A` bids and not `O(A B)`.

    Args:
        env: the markets, backend numpy.
        actions: the numbering of the actions.
    """

    def __init__(self, env: Any, actions: FlatActions) -> None:
        self.game, self.seats, self.actions = env.game, env.seats, actions
        self.parts = [
            (market, rows, *utility_range(env.game, market), self._auction(market))
            for market, rows in each_market(env.game)
        ]

    def __call__(self, bids: Bids) -> np.ndarray:
        """Mean scaled utility of every action of every learning seat, `(s, A)`, for bids `(B, n)`."""
        total = np.zeros((self.game.market.num_providers, self.actions.size))
        for market, rows, low, high, auction in self.parts:
            n = market.num_providers
            made = Bids(*(np.asarray(part)[rows, :n] for part in bids))
            sums = self._levels(market, made.level) if auction is None else auction.sums(market, made)
            total[:n] += (sums - len(made.level) * low[:, None]) / np.where(high > low, high - low, 1.0)[:, None]
        return total[self.seats] / len(bids.level)

    def _levels(self, market: Market, levels: np.ndarray) -> np.ndarray:
        """Per-token pricing: sums over rows, `(n, m)`; missing levels repeat the highest one."""
        sums = equilibrium.deviation_utility(market, np.minimum(levels, market.num_levels - 1)).sum(axis=0)
        return np.pad(sums, ((0, 0), (0, self.actions.size - market.num_levels)), mode="edge")

    def _auction(self, market: Market) -> _AuctionTable | None:
        mechanism = self.game.mechanism
        if not isinstance(mechanism, SecondPrice):
            return None
        actions = self.actions.unflatten(np.arange(self.actions.size))
        actions[:, 0] = np.minimum(actions[:, 0], market.num_levels - 1)
        own = mechanism.bids(market, np.repeat(actions[:, None], market.num_providers, axis=1))
        settled = own.claim if mechanism.settlement == "declared" else at(market.quality, own.level)
        return _AuctionTable((own.claim - own.ask).T.copy(), (settled - at(market.cost, own.level)).T.copy())


class _AuctionTable(NamedTuple):
    """Score and worth (USD, before the payment of the runner-up's score) of every bid of every provider, `(n, A)`."""

    score: np.ndarray
    worth: np.ndarray

    def sums(self, market: Market, made: Bids) -> np.ndarray:
        """What every bid would earn, summed over the rows of `made`, USD, `(n, A)`."""
        scores = made.claim - made.ask
        sums = np.empty(self.worth.shape)
        for i, (score, worth) in enumerate(zip(self.score, self.worth, strict=True)):
            others = np.delete(scores, i, axis=1)
            best = np.maximum(others.max(axis=1, initial=-np.inf), market.outside_value).astype(scores.dtype)
            share = 1.0 / (1 + (others == best[:, None]).sum(axis=1))  # of a bid that ties with it
            order = np.argsort(best)
            best, share = best[order], np.concatenate([[0.0], np.cumsum(share[order])])
            paid = np.concatenate([[0.0], np.cumsum(best, dtype=np.float64)])
            below, upto = np.searchsorted(best, score, "left"), np.searchsorted(best, score, "right")
            sums[i] = worth * below - paid[below] + (worth - score) * (share[upto] - share[below])
        return sums
