"""Full counterfactual feedback: what every action of a provider would have earned, given what the others did."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.parts.actions import FlatActions
from agents.parts.markets import each_market, utility_range
from ttc_env import Market, equilibrium
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
            (market, rows, *utility_range(env.game, market), self._bids(market))
            for market, rows in each_market(env.game)
        ]

    def __call__(self, bids: Bids) -> np.ndarray:
        """Mean scaled utility of every action of every learning seat, `(s, A)`, for bids `(B, n)`."""
        total = np.zeros((self.game.market.num_providers, self.actions.size))
        for market, rows, low, high, own in self.parts:
            n = market.num_providers
            made = Bids(*(np.asarray(part)[rows, :n] for part in bids))
            sums = self._levels(market, made.level) if own is None else self._auction(market, own, made)
            total[:n] += (sums - len(made.level) * low[:, None]) / np.where(high > low, high - low, 1.0)[:, None]
        return total[self.seats] / len(bids.level)

    def _levels(self, market: Market, levels: np.ndarray) -> np.ndarray:
        """Per-token pricing: sums over rows, `(n, m)`; missing levels repeat the highest one."""
        sums = equilibrium.deviation_utility(market, np.minimum(levels, market.num_levels - 1)).sum(axis=0)
        return np.pad(sums, ((0, 0), (0, self.actions.size - market.num_levels)), mode="edge")

    def _auction(self, market: Market, own: Bids, made: Bids) -> np.ndarray:
        """The auction: sums over rows of what every own bid would earn, `(n, A)`."""
        mean = equilibrium.bid_utility(market, self.game.mechanism, own, equilibrium.logged_rivals(made))
        return len(made.level) * mean

    def _bids(self, market: Market) -> Bids | None:
        """The auction: the bid behind every action of every provider, `(n, A)` each; missing levels are the highest."""
        mechanism = self.game.mechanism
        if not isinstance(mechanism, SecondPrice):
            return None
        actions = self.actions.unflatten(np.arange(self.actions.size))
        actions[:, 0] = np.minimum(actions[:, 0], market.num_levels - 1)
        own = mechanism.bids(market, np.repeat(actions[:, None], market.num_providers, axis=1))
        return Bids(*(part.T for part in own))
