"""The first-price auction in closed form: equilibria on the grid, and bids against given or mixed opponents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array, at
from ttc_env.equilibrium.auction import AuctionOutcome
from ttc_env.equilibrium.auction_play import best_rivals, win_probability, win_share
from ttc_env.equilibrium.first_price import first_price_equilibria, first_price_outcome, frontier
from ttc_env.equilibrium.game import StageGame, Unanswered
from ttc_env.equilibrium.games.second_price import auction_figures
from ttc_env.equilibrium.log_space import TOLERANCE
from ttc_env.equilibrium.optimum import Optimum
from ttc_env.equilibrium.regret import NashConv
from ttc_env.equilibrium.rivals import Rivals, independent_rivals, logged_rivals
from ttc_env.mechanisms import Bids, Outcome
from ttc_env.mechanisms.first_price import FirstPrice


class FirstPriceGame(StageGame):
    """The reverse first-price auction; bids on a grid or continuous.

    Ties share the market. On a grid the equilibria are those of `equilibrium.first_price_equilibria`. Continuous bids
    have none, since the winner would always take a little more; how much any bid could gain is known all the same.
    """

    mechanism: FirstPrice

    @cached_property
    def margins(self) -> np.ndarray:
        """What every action of the grid earns if it wins, USD, `(n, K)`."""
        margin = np.array(self.mechanism.grid)[self.actions[:, 1]] * self.market.unit
        return np.broadcast_to(margin, (self.market.num_providers, len(margin)))

    @cached_property
    def scores(self) -> np.ndarray:
        """The score of every action of the grid, USD, `(n, K)`."""
        return self.bids.claim - self.bids.ask

    def deviations_from(self, bids: Bids) -> np.ndarray:
        """A bid meets the others only in their best score and in how many share it."""
        return win_share(self.scores, *best_rivals(bids), self.market.outside_value) * self.margins

    def mean_deviations(self, bids: Bids) -> np.ndarray:
        """`O((K + T) log T)` and not `O(K T)`."""
        return self._worth(self.scores, self.margins, logged_rivals(bids))

    def best_response_to(self, bids: Bids) -> np.ndarray:
        """What is best against bids `(..., n)`; ties go to the lowest number.

        Raises:
            Unanswered: continuous bids, of which always another one is better.
        """
        self._check_grid("best response")
        return super().best_response_to(bids)

    def nash_conv(self, actions: Array) -> NashConv:
        """What the providers could gain; with continuous bids the least bound, which no bid attains."""
        bids = self.mechanism.bids(self.market, self.check(actions))
        best, count = best_rivals(bids)
        earned = np.asarray(self.mechanism.clear(self.market, bids).utility)
        if self.mechanism.action_type == "box":
            efficient = self.market.welfare_contribution.max(axis=1) + self._lie
            most = np.minimum(efficient - np.maximum(best, self.market.outside_value), self._largest)
            gain = np.maximum(most, 0.0)
        else:
            gain = np.zeros(best.shape)
            for i, own in enumerate(map(frontier, self.scores, self.margins)):
                share = win_share(own.score, best[..., i], count[..., i], self.market.outside_value)
                gain[..., i] = (share * own.margin).max(axis=-1)
        improvements = np.maximum(gain - earned, 0.0)
        return NashConv(improvements.sum(axis=-1), improvements)

    def equilibria(self) -> np.ndarray:
        """One equilibrium for each outcome that equilibria have, `(E, n, 3)`; see `equilibrium.first_price_equilibria`.

        Raises:
            Unanswered: there is none.
        """
        if not len(self._equilibria):
            raise Unanswered(f"{self} has no pure equilibrium in bids that are not weakly dominated")
        return self._equilibria

    def equilibrium(self) -> np.ndarray:
        """The first of `equilibria`."""
        return self.equilibria()[0]

    def welfare_optimum(self) -> Optimum:
        """The most efficient provider serves at its efficient level, or nobody."""
        efficient = self.mechanism.honest(self.market, self.market.welfare_contribution.argmax(axis=-1))
        return Optimum(efficient, first_price_outcome(self.market).welfare)

    def joint_profit_optimum(self) -> Optimum:
        """One sells at the largest margin that still sells, and all others bid as low as they can.

        A continuous bid stays above its bound by a rounding.
        """
        market, box = self.market, self.mechanism.action_type == "box"
        actions = self.mechanism.honest(market, market.welfare_contribution.argmin(axis=1))
        bottom, top = (-1.0, 1.0) if box else (0, len(self.mechanism.grid) - 1)
        actions[..., 1:] = top, bottom
        idle = self.outcome(actions)
        profit = float(idle.utility.sum())
        bound = np.maximum(best_rivals(idle.bids)[0], market.outside_value)
        if box:
            levels = market.welfare_contribution.argmax(axis=1)
            margin = market.welfare_contribution.max(axis=1) + self._lie - bound - TOLERANCE * self.scale
            margin = np.minimum(margin, self._largest)
            x = margin / np.where(margin < 0, -self.mechanism.grid[0], self._largest / market.unit) / market.unit
            sellers = self.mechanism.honest(market, levels)
            sellers[:, 1], sellers[:, 2] = x, top
            margin = np.where(x >= -1, margin, -np.inf)
        else:
            sells = (self.scores >= market.outside_value) & (self.scores > best_rivals(idle.bids)[0][:, None])
            table = np.where(sells, self.margins, -np.inf)
            sellers, margin = self.actions[table.argmax(axis=1)], table.max(axis=1)
        if margin.max() > profit:
            seller, profit = int(margin.argmax()), float(margin.max())
            actions[seller] = sellers[seller]
        return Optimum(actions, profit)

    def mixed_deviations(self, plays: Array, limit: int = 0) -> np.ndarray:
        """In closed form for any number of providers; see `equilibrium.independent_rivals`."""
        return self._worth(self.scores, self.margins, independent_rivals(self._offers(plays)))

    def mixed_utility(self, actions: Array, plays: Array) -> np.ndarray:
        """The same for the bids given, continuous or not."""
        bids = self._offers(actions)
        margins = bids.ask - at(self.market.cost, bids.level.T).T
        return self._worth(bids.claim - bids.ask, margins, independent_rivals(self._offers(plays))).T

    def figures(self, actions: np.ndarray, outcome: Outcome) -> dict[str, Any]:
        """Who wins and should, and what it is paid in the continuous benchmark."""
        return auction_figures(self.market, self.truth, outcome)

    @cached_property
    def truth(self) -> AuctionOutcome:
        """The continuous benchmark with the claims that the grid allows."""
        return first_price_outcome(self.market, self._lie)

    @cached_property
    def _equilibria(self) -> np.ndarray:
        self._check_grid("equilibrium")
        reserve, tolerance = self.market.outside_value, TOLERANCE * self.scale
        return self.actions[first_price_equilibria(self.scores, self.margins, reserve, tolerance=tolerance)]

    @property
    def _lie(self) -> float:
        """The most that a claim can exceed the truth by, USD."""
        return self.mechanism.grid[-1] * self.market.unit

    @property
    def _largest(self) -> float:
        """The largest margin, USD."""
        return self.mechanism.grid[-1] * self.market.unit

    def _check_grid(self, wanted: str) -> None:
        if self.mechanism.action_type == "box":
            raise Unanswered(
                f"{self} has no {wanted} with continuous bids: the winner would always ask a little more; choose other "
                "opponents, or action_type='multi_discrete'; equilibrium.first_price_outcome is the benchmark"
            )

    def _worth(self, scores: np.ndarray, margins: np.ndarray, rivals: Sequence[Rivals]) -> np.ndarray:
        reserve = self.market.outside_value
        wins = [win_probability(score, met, reserve) for score, met in zip(scores, rivals, strict=True)]
        return np.stack(wins) * margins

    def _offers(self, actions: Array) -> Bids:
        """The bids `(n, S)` behind actions `(S, n, 3)`."""
        return Bids(*(part.T for part in self.mechanism.bids(self.market, self.check(actions))))
