"""Games of posted prices in closed form: on a grid the per-token game that they are, on a continuum by Lambert's W."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array, at
from ttc_env.equilibrium.best_response import near_best
from ttc_env.equilibrium.game import StageGame, Unanswered
from ttc_env.equilibrium.games.per_token import PerTokenGame
from ttc_env.equilibrium.log_space import TOLERANCE, levels_first, log_form, log_others, log_shares
from ttc_env.equilibrium.optimum import Optimum, welfare_optimum
from ttc_env.equilibrium.posted_price import best_odds, cartel_prices, nash_prices, posted_market
from ttc_env.equilibrium.regret import NashConv
from ttc_env.mechanisms import Bids, Outcome
from ttc_env.mechanisms.posted_price import PostedPrice

_ROUNDS = 1000  # of best responses


class PriceGame(StageGame):
    """What both forms have in common: prices to compare with."""

    mechanism: PostedPrice

    def reference_profits(self) -> tuple[np.ndarray, np.ndarray]:
        """Profits at the prices of the equilibrium and of the cartel where prices are real numbers."""
        return nash_prices(self.market).profit, cartel_prices(self.market).profit

    def figures(self, actions: np.ndarray, outcome: Outcome) -> dict[str, Any]:
        """Mean prices, beside those of the equilibrium and the cartel with real numbers as prices, USD per query."""
        return {
            "prices": outcome.bids.ask.mean(axis=0).tolist(),
            "nash_prices": nash_prices(self.market).price.tolist(),
            "cartel_prices": cartel_prices(self.market).price.tolist(),
        }


class PriceGridGame(PriceGame):
    """Posted prices on a grid, all offers shown: the per-token game whose levels are levels with a price.

    So all pure equilibria are known, for any number of providers, and ties are those of log utilities.
    """

    @cached_property
    def listed(self) -> PerTokenGame:
        """The per-token game; its level `k G + g` is action number `k G + g`."""
        return PerTokenGame(posted_market(self.market, self.mechanism.price_table(self.market)), "per_token")

    def deviations_from(self, bids: Bids) -> np.ndarray:
        """In log space; see `equilibrium.deviation_utility`."""
        utility = np.exp(log_shares(self._odds(bids))).T * self.listed.market.margin
        return utility.reshape(*np.shape(bids.level), self.num_actions)

    def best_response_to(self, bids: Bids) -> np.ndarray:
        """The best action of each provider, also where its share underflows."""
        form = log_form(self.listed.market)
        best = near_best(form, self._odds(bids), TOLERANCE + form.rounding)
        return self.actions[best.argmax(axis=0).T.reshape(np.shape(bids.level))]

    def nash_conv(self, actions: Array) -> NashConv:
        """See `equilibrium.nash_conv`."""
        return self.listed.nash_conv(self.numbers(actions))

    def is_equilibrium(self, actions: Array) -> np.ndarray:
        """See `equilibrium.is_nash`."""
        return self.listed.is_equilibrium(self.numbers(actions))

    def regrets(self, actions: Array) -> tuple[np.ndarray, np.ndarray]:
        """See `equilibrium.coarse_correlated_regret` and `equilibrium.swap_regret`."""
        return self.listed.regrets(self.numbers(actions))

    def equilibria(self) -> np.ndarray:
        """Every pure equilibrium, `(E, n, 2)`; see `equilibrium.pure_nash`."""
        return self.actions[self.listed.equilibria()]

    def equilibrium(self) -> np.ndarray:
        """The first pure equilibrium in lexicographic order."""
        return self.actions[self.listed.equilibrium()]

    def welfare_optimum(self) -> Optimum:
        """See `equilibrium.welfare_optimum`."""
        return self._named(self.listed.welfare_optimum())

    def joint_profit_optimum(self) -> Optimum:
        """See `equilibrium.joint_profit_optimum`."""
        return self._named(self.listed.joint_profit_optimum())

    def mixed_deviations(self, plays: Array, limit: int = 0) -> np.ndarray:
        """By one quadrature, for any number of providers; see `equilibrium.mixed_deviation_utility`."""
        return self.listed.mixed_deviations(self.numbers(plays))

    def uniform_nash_conv(self) -> NashConv:
        """See `equilibrium.mixed_nash_conv`."""
        return self.listed.uniform_nash_conv()

    def utility_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Attained, at the others' extreme offers."""
        return self.listed.utility_range()

    def figures(self, actions: np.ndarray, outcome: Outcome) -> dict[str, Any]:
        """Prices; number of equilibria and price of anarchy."""
        return super().figures(actions, outcome) | self.listed.figures(actions, outcome)

    def _odds(self, bids: Bids) -> np.ndarray:
        form = log_form(self.listed.market)
        return levels_first(form.logits) - log_others(_offers(self, bids, form.outside_value))

    def _named(self, best: Optimum) -> Optimum:
        return Optimum(self.actions[best.profile], best.value)


class ContinuousPriceGame(PriceGame):
    """Posted prices on a continuum between two ends, all offers shown.

    Against given offers a provider's profit at a level rises with its price up to one price and then falls, so that its
    best price there is this one, or the end of the range nearer to it.
    """

    def best_bids(self, bids: Bids) -> tuple[Bids, np.ndarray]:
        """The best level and price of each provider against bids `(..., n)`, and what they earn, USD, `(..., n)`.

        Ties go to the lowest level.
        """
        shape, market = np.shape(bids.level), self.market
        rest = log_others(_offers(self, bids, market.outside_value))[:, None]  # (n, 1, B)
        logits = market.beta * (market.welfare_contribution - market.outside_value)[..., None]
        wanted = market.cost[..., None] + (1 + best_odds(logits, rest)) / market.beta
        price = np.clip(wanted, *(end[:, None] for end in self._ends))  # (n, m, B)
        margin = price - market.cost[..., None]
        log_share = log_shares(market.beta * (market.quality[..., None] - price - market.outside_value) - rest)
        log_utility = np.where(margin > 0, np.log(np.where(margin > 0, margin, 1.0)) + log_share, -np.inf)
        earns, loses = log_utility.argmax(axis=1), (np.exp(log_share) * margin).argmax(axis=1)
        level = np.where(np.any(margin > 0, axis=1), earns, loses)[:, None]
        own = np.take_along_axis(price, level, axis=1), np.take_along_axis(np.exp(log_share) * margin, level, axis=1)
        level, ask, utility = (part[:, 0].T.reshape(shape) for part in (level, *own))
        return Bids(level, ask, at(market.quality, level)), utility

    def best_response_to(self, bids: Bids) -> np.ndarray:
        """The best level and price of each provider; see `best_bids`."""
        return self._actions_of(self.best_bids(bids)[0])

    def nash_conv(self, actions: Array) -> NashConv:
        """What the best levels and prices would gain."""
        outcome = self.outcome(actions)
        improvements = np.maximum(self.best_bids(outcome.bids)[1] - outcome.utility, 0.0)
        return NashConv(improvements.sum(axis=-1), improvements)

    def equilibria(self) -> np.ndarray:
        """The equilibrium, `(1, n, 2)`: the only one with all prices inside the range; others are not searched for."""
        return self.equilibrium()[None]

    def equilibrium(self) -> np.ndarray:
        """See `equilibrium.nash_prices`; where an end of the range stops it, where best responses to it end, certified.

        Raises:
            Unanswered: they end nowhere.
        """
        free = nash_prices(self.market)
        actions = self._actions_of(Bids(free.levels, free.price, at(self.market.quality, free.levels)))
        for _ in range(_ROUNDS):
            if self.is_equilibrium(actions):
                return actions
            actions = self.best_response(actions)
        raise Unanswered(f"{self}: best responses from the equilibrium without bounds on prices go on for ever")

    def welfare_optimum(self) -> Optimum:
        """At the ends of the range of prices, where it lies, by `equilibrium.welfare_optimum`."""
        best = welfare_optimum(posted_market(self.market, np.concatenate(self._ends, axis=1)))
        level, end = np.divmod(best.profile, 2)
        actions = self.mechanism.honest(self.market, level)
        actions[..., 1] = 2 * end - 1
        return Optimum(actions, best.value)

    def joint_profit_optimum(self) -> Optimum:
        """What a cartel would choose, `equilibrium.cartel_prices` where these are in the range (Dinkelbach 1967).

        For a trial value `x` of the profit, `exp(beta (q - p)) (p - c - x)` is largest at `p = c + x + 1 / beta`.
        """
        market, low_high = self.market, self._ends
        highest = self._actions_of(Bids(np.zeros(len(low_high[1]), dtype=int), low_high[1][:, 0], low_high[1][:, 0]))
        best, actions, profit = -np.inf, highest, float(self.utility(highest).sum())
        while profit > best:
            best = profit
            price = np.clip(market.cost + best + 1 / market.beta, *low_high)
            gain = price - market.cost - best
            size = market.beta * (market.quality - price) + np.log(np.abs(np.where(gain == 0, 1.0, gain)))
            earns = np.where(gain > 0, size, -np.inf).argmax(axis=1)
            loses = np.where(gain == 0, -np.inf, size).argmin(axis=1)
            level = np.where(np.any(gain > 0, axis=1), earns, loses)
            actions = self._actions_of(Bids(level, at(price, level), at(market.quality, level)))
            profit = float(self.utility(actions).sum())
        return Optimum(actions, profit)

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest price of each provider, `(n, 1)` each."""
        table = self.mechanism.price_table(self.market)
        return table[:, :1], table[:, -1:]

    def _actions_of(self, bids: Bids) -> np.ndarray:
        """The actions that make these bids, or those with the prices of the range nearest to them."""
        low, high = (end[:, 0] for end in self._ends)
        actions = self.mechanism.honest(self.market, bids.level)
        actions[..., 1] = np.clip(2 * (bids.ask - low) / np.where(high > low, high - low, 1.0) - 1, -1.0, 1.0)
        return actions


def _offers(game: StageGame, bids: Bids, outside_value: float | np.ndarray) -> np.ndarray:
    """What the others of a deviation offer, `beta (V - v0)` with this `v0`, `(n, B)`."""
    value = np.asarray(bids.claim - bids.ask).reshape(-1, game.market.num_providers)
    return game.market.beta * (value - outside_value).T
