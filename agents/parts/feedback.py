"""Full counterfactual feedback: what every action of a provider would have earned, given what the others did."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.parts.actions import FlatActions
from agents.parts.markets import each_market, utility_range
from ttc_env import StageGame
from ttc_env.mechanisms import Bids


class Feedback:
    """Exact expected utility of every own action against the bids of a period, scaled to [0, 1].

    The scale runs from the least to the most a provider can earn in the market (`agents.parts.markets.utility_range`),
    and the result is the mean over the rows of the batch.

    Args:
        env: the markets, backend numpy.
        actions: the numbering of the actions.
    """

    def __init__(self, env: Any, actions: FlatActions) -> None:
        self.game, self.seats, self.actions = env.game, env.seats, actions
        self.parts = []
        for market, rows in each_market(env.game):
            game = StageGame(market, env.game.mechanism)
            self.parts.append((game, rows, *utility_range(env.game, game), self._numbers(game)))

    def __call__(self, bids: Bids) -> np.ndarray:
        """Mean scaled utility of every action of every learning seat, `(s, A)`, for bids `(B, n)`."""
        total = np.zeros((self.game.market.num_providers, self.actions.size))
        for game, rows, low, high, numbers in self.parts:
            made = Bids(*(np.asarray(part)[rows, : game.market.num_providers] for part in bids))
            made = made._replace(level=np.minimum(made.level, game.market.num_levels - 1))
            mean = game.mean_deviations(made)[:, numbers]
            scaled = (mean - low[:, None]) / np.where(high > low, high - low, 1.0)[:, None]
            total[: game.market.num_providers] += len(made.level) * scaled
        return total[self.seats] / len(bids.level)

    def _numbers(self, game: StageGame) -> np.ndarray:
        """The number in this market of every action; a level that it lacks repeats its highest one."""
        sizes = game.mechanism.action_sizes(game.market)
        components = np.unravel_index(np.arange(self.actions.size), self.actions.sizes)
        return np.ravel_multi_index(components, sizes, mode="clip")
