"""Players that answer what the others did: last period, or in all periods so far. They know the market.

In the auction one strategy is the best response to everything, so both play it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.parts.markets import each_market
from agents.scripted import Scripted, in_space
from ttc_env import Market, equilibrium
from ttc_env.mechanisms import SecondPrice
from ttc_env.repeated import RepeatedMarket, own_size


class BestResponse(Scripted):
    """The best response to what the others did last period, all at once.

    It starts from the levels that leave users least. Best responses rise with the value that the others offer, so that
    simultaneous play from there climbs to an equilibrium and cannot cycle. In the auction it is the dominant strategy.

    Source: Cournot 1838, chapter VII; for the convergence, Milgrom and Roberts 1990, theorem 8.
    """

    def prepare(self, game: RepeatedMarket) -> None:
        """Keep the markets, or for the auction the dominant strategy."""
        self.markets = [market for market, _ in each_market(game)]
        self.table = dominant_actions(game, self.seats) if isinstance(game.mechanism, SecondPrice) else None

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, 3)`."""
        rows = np.arange(len(observations))
        if self.table is not None:
            return self.table[rows % len(self.table)]
        first, n, m = own_size(self.game), self.game.market.num_providers, self.game.market.num_levels
        played = observations[:, 0, 3 * m, None] > 0
        last = np.rint(observations[:, 0, first : first + n] * (m - 1)).astype(np.int64)
        response = np.zeros((len(rows), n), dtype=np.int64)
        for k, market in enumerate(self.markets):
            mine, width = rows[k :: len(self.markets)], market.num_providers
            seen = np.minimum(last[mine, :width], market.num_levels - 1)
            start = market.user_value.argmin(axis=1)
            response[mine, :width] = equilibrium.best_response(market, np.where(played[mine], seen, start))
        return response[:, self.seats]


@dataclass(frozen=True)
class FictitiousPlayConfig:
    """Hyper-parameters of `FictitiousPlay`."""

    prior: float = 1.0
    """periods of uniform play that everybody is believed to have played before the first one"""


class FictitiousPlay(Scripted):
    """The best response to the empirical distribution of what the others did in all periods so far.

    The distribution is that of their joint play, so that the response is exact: the level that would have earned most.
    Experience belongs to a market; in one that was not trained on there is only the prior. In the auction every belief
    has the same best response, the dominant strategy, and that is what it plays.

    Source: Brown 1951; with the joint distribution, Marden, Arslan and Shamma 2009, section III.
    """

    Config = FictitiousPlayConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: FictitiousPlayConfig | None = None) -> None:
        self.earned: dict[str, np.ndarray] = {}
        super().__init__(env, total_steps, seed, config)

    def prepare(self, game: RepeatedMarket) -> None:
        """Look up the experience in these markets, or for the auction the dominant strategy."""
        self.auction = isinstance(game.mechanism, SecondPrice)
        self.table = dominant_actions(game, self.seats) if self.auction else self._responses()

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, 3)`."""
        return self.table[np.arange(len(observations)) % len(self.table)]

    def watch(self, info: dict[str, Any]) -> None:
        """Add what every level would have earned every provider, the mean over the rows of a market."""
        if self.auction:
            return
        for market, rows in each_market(self.game):
            levels = np.minimum(info["bids"].level[rows, : market.num_providers], market.num_levels - 1)
            utility = equilibrium.deviation_utility(market, levels).mean(axis=0)
            self.earned[_identity(market)] = self._earned(market) + utility
        self.table = self._responses()

    def state_dict(self) -> dict[str, Any]:
        """Experience, as lists by market, and progress."""
        return {"earned": {name: sums.tolist() for name, sums in self.earned.items()}, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.earned = {name: np.array(sums) for name, sums in state["earned"].items()}
        self.steps = state["steps"]
        self.prepare(self.game)

    def _earned(self, market: Market) -> np.ndarray:
        """What every level would have earned every provider in all periods, the prior's included, USD, `(n, m)`."""
        known = self.earned.get(_identity(market))
        if known is not None:
            return known
        uniform = np.full((market.num_providers, market.num_levels), 1 / market.num_levels)
        return self.config.prior * equilibrium.mixed_deviation_utility(market, uniform)

    def _responses(self) -> np.ndarray:
        levels = [self._earned(market).argmax(axis=1) for market, _ in each_market(self.game)]
        return in_space(self.game, levels, self.seats)


def dominant_actions(game: RepeatedMarket, seats: np.ndarray) -> np.ndarray:
    """The dominant strategy of the auction in each market, `(K, s, 3)`.

    Under `settlement="delivered"` the honest bid at the efficient level. Under `"declared"` a winner gains what it
    claims too much, so it claims as much as it may: then its score is again all that a sale is worth to it.
    """
    assert isinstance(game.mechanism, SecondPrice)
    levels = [market.welfare_contribution.argmax(axis=1) for market, _ in each_market(game)]
    bids = in_space(game, levels, seats)
    if game.mechanism.settlement == "declared":
        box = game.mechanism.action_type == "box"
        bids[..., 2] = 1.0 if box else len(game.mechanism.grid) - 1
    return bids


def _identity(market: Market) -> str:
    """The same for equal markets, also in another precision."""
    tables = [np.float32(table).tobytes() for table in (market.quality, market.price, market.cost)]
    numbers = np.array([market.beta, market.outside_value], np.float32).tobytes()
    return hashlib.sha256(b"".join([*tables, numbers])).hexdigest()
