"""The second-price auction in closed form: the dominant strategy, and bids against given or mixed opponents."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.auction import AuctionOutcome, second_price_outcome
from ttc_env.equilibrium.auction_play import (
    auction_regret,
    best_rivals,
    bid_gains,
    bid_utility,
    grid_bids,
    mixed_auction_nash_conv,
    win_share,
)
from ttc_env.equilibrium.game import StageGame
from ttc_env.equilibrium.optimum import Optimum
from ttc_env.equilibrium.regret import NashConv
from ttc_env.equilibrium.rivals import independent_rivals, logged_rivals
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Outcome, SecondPrice

_GAIN = 1e-12  # USD that no bid is changed for


class SecondPriceGame(StageGame):
    """The reverse second-price auction; bids on a grid or continuous.

    One bid of each provider is best against anything: the efficient level at its true cost, with the true quality as
    claim (`settlement="delivered"`) or the highest allowed (`"declared"`). That is the equilibrium given here; there
    are others, in which losers bid what they like below the winner.
    """

    mechanism: SecondPrice

    def deviations_from(self, bids: Bids) -> np.ndarray:
        """A bid meets the others only in their best score and in how many share it."""
        best, count = best_rivals(bids)
        share = win_share(self.bids.claim - self.bids.ask, best, count, self.market.outside_value)
        return share * (self._gains - np.maximum(best, self.market.outside_value)[..., None])

    def mean_deviations(self, bids: Bids) -> np.ndarray:
        """A bid meets the others only in their best score: `O((K + T) log T)` and not `O(K T)`."""
        return bid_utility(self.market, self.mechanism, self.bids, logged_rivals(bids))

    def best_response_to(self, bids: Bids) -> np.ndarray:
        """The dominant strategy, whatever the bids."""
        best = self.equilibrium()
        return np.broadcast_to(best, (*np.shape(bids.level)[:-1], *best.shape)).copy()

    def nash_conv(self, actions: Array) -> NashConv:
        """See `equilibrium.auction_regret`."""
        improvements = auction_regret(self.market, self.mechanism, self.check(actions))
        return NashConv(improvements.sum(axis=-1), improvements)

    def is_equilibrium(self, actions: Array) -> np.ndarray:
        """Whether no bid gains over those made."""
        return self.nash_conv(actions).total < _GAIN

    def regrets(self, actions: Array) -> tuple[np.ndarray, np.ndarray]:
        """External and swap regret coincide, because one bid is always best."""
        regret = self.nash_conv(actions).improvements.mean(axis=0)
        return regret, regret

    def equilibria(self) -> np.ndarray:
        """The equilibrium in dominant strategies, `(1, n, 3)`; see the class for the others."""
        return self.equilibrium()[None]

    def equilibrium(self) -> np.ndarray:
        """The dominant strategy of everybody, `(n, 3)`."""
        return self.dominant()

    def dominant(self) -> np.ndarray:
        """The bid at the efficient level that claims the truth, or the most where claims are paid, `(n, 3)`."""
        actions = self.mechanism.honest(self.market, self.market.welfare_contribution.argmax(axis=-1))
        if self.mechanism.settlement == "declared":
            actions[..., 2] = 1.0 if self.mechanism.action_type == "box" else len(self.mechanism.grid) - 1
        return actions

    def welfare_optimum(self) -> Optimum:
        """The most efficient provider serves at its efficient level, or nobody."""
        efficient = self.mechanism.honest(self.market, self.market.welfare_contribution.argmax(axis=-1))
        return Optimum(efficient, self.truth.welfare)

    def joint_profit_optimum(self) -> Optimum:
        """One sells, and all others bid as low as they can, so that the users are left with as little as possible."""
        market, (low, high) = self.market, (self.mechanism.grid[0], self.mechanism.grid[-1])
        spread, providers = (high - low) * market.unit, np.arange(market.num_providers)
        worst = market.welfare_contribution.min(axis=1) - spread  # lowest score of each
        rivals = np.array([np.delete(worst, i).max(initial=-np.inf) for i in providers])
        left = np.maximum(rivals, market.outside_value)[:, None]  # to the users, if provider i sells
        lie = high * market.unit if self.mechanism.settlement == "declared" else 0.0
        score = market.welfare_contribution + spread
        sells = (score >= market.outside_value) & (score > rivals[:, None])
        profit = np.where(sells, market.welfare_contribution + lie - left, -np.inf)
        actions = self.mechanism.honest(market, market.welfare_contribution.argmin(axis=1))
        bottom, top = (-1.0, 1.0) if self.mechanism.action_type == "box" else (0, len(self.mechanism.grid) - 1)
        actions[..., 1:] = top, bottom
        idle = float(self.utility(actions).sum())
        if profit.max() <= idle:
            return Optimum(actions, idle)
        seller, level = np.unravel_index(profit.argmax(), profit.shape)
        actions[seller] = self.mechanism.honest(market, np.full(market.num_providers, level))[seller]
        actions[seller, 1:] = bottom, top
        return Optimum(actions, float(profit.max()))

    def mixed_deviations(self, plays: Array, limit: int = 0) -> np.ndarray:
        """In closed form for any number of providers; see `equilibrium.auction_play`."""
        return bid_utility(self.market, self.mechanism, self.bids, independent_rivals(self._offers(plays)))

    def mixed_utility(self, actions: Array, plays: Array) -> np.ndarray:
        """The same for continuous bids."""
        return bid_utility(
            self.market, self.mechanism, self._offers(actions), independent_rivals(self._offers(plays))
        ).T  # fmt: skip

    def uniform_nash_conv(self) -> NashConv:
        """See `equilibrium.mixed_auction_nash_conv`."""
        return mixed_auction_nash_conv(self.market, self.mechanism, grid_bids(self.market, self.mechanism))

    def figures(self, actions: np.ndarray, outcome: Outcome) -> dict[str, Any]:
        """Who wins and should, what it is paid, and how far scores are from the truth."""
        truth, bids = self.market.welfare_contribution.max(axis=-1), outcome.bids
        return auction_figures(self.market, self.truth, outcome) | {
            "truthfulness_gap": float(np.abs(bids.claim - bids.ask - truth).mean())
        }

    @cached_property
    def _gains(self) -> np.ndarray:
        """What winning is worth with every action before the users get their part, USD, `(n, K)`."""
        return bid_gains(self.market, self.mechanism, self.bids)

    @cached_property
    def truth(self) -> AuctionOutcome:
        """The outcome of honest bids."""
        return second_price_outcome(self.market)

    def _offers(self, actions: Array) -> Bids:
        """The bids `(n, S)` behind actions `(S, n, 3)`."""
        return Bids(*(part.T for part in self.mechanism.bids(self.market, self.check(actions))))


def auction_figures(market: Market, truth: AuctionOutcome, outcome: Outcome) -> dict[str, Any]:
    """Who wins an auction and should, and what the winner is paid where play is as in `truth`."""
    contribution = market.welfare_contribution.max(axis=-1)
    efficient = (contribution == contribution.max()) & (contribution >= market.outside_value)
    won = outcome.shares if efficient.any() else outcome.outside_share[:, None]
    return {
        "winner": market.providers[int(outcome.shares.mean(axis=0).argmax())],
        "analytic_winner": None if truth.winner is None else market.providers[truth.winner],
        "winner_efficiency": float(won[:, efficient if efficient.any() else [0]].sum(axis=-1).mean()),
        "analytic_payment": truth.payment,
    }
