"""The per-token game in closed form: log-space best responses, every pure equilibrium, exact optima."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.best_response import best_response, deviation_utility, is_nash
from ttc_env.equilibrium.game import StageGame, Unanswered
from ttc_env.equilibrium.inefficiency import price_of_anarchy
from ttc_env.equilibrium.mixed import empirical_strategies, mixed_deviation_utility
from ttc_env.equilibrium.nash import count_nash, iterate_nash, pure_nash
from ttc_env.equilibrium.optimum import Optimum, joint_profit_optimum, optimum, welfare_optimum
from ttc_env.equilibrium.regret import NashConv, coarse_correlated_regret, mixed_nash_conv, nash_conv, swap_regret
from ttc_env.mechanisms import Bids, Outcome

_NONE = "the market has no pure equilibrium, which can happen where prices are below costs"


class PerTokenGame(StageGame):
    """Per-token pricing; an action is a level. Ties are those of log utilities, see `equilibrium.best_response`."""

    def deviations_from(self, bids: Bids) -> np.ndarray:
        """What every level would earn each provider, USD, `(..., n, m)`."""
        return deviation_utility(self.market, bids.level)

    def best_response_to(self, bids: Bids) -> np.ndarray:
        """The best level of each provider, also where its share underflows."""
        return best_response(self.market, bids.level)

    def nash_conv(self, actions: Array) -> NashConv:
        """See `equilibrium.nash_conv`."""
        return nash_conv(self.market, self.check(actions))

    def is_equilibrium(self, actions: Array) -> np.ndarray:
        """See `equilibrium.is_nash`."""
        return is_nash(self.market, self.check(actions))

    def regrets(self, actions: Array) -> tuple[np.ndarray, np.ndarray]:
        """See `equilibrium.coarse_correlated_regret` and `equilibrium.swap_regret`."""
        return coarse_correlated_regret(self.market, actions), swap_regret(self.market, actions)

    def equilibria(self) -> np.ndarray:
        """Every pure equilibrium, `(E, n)`; see `equilibrium.pure_nash`.

        Raises:
            Unanswered: there is none, or more than are listed, with their number.
        """
        if not len(self._equilibria):
            raise Unanswered(_NONE)
        return self._equilibria

    def equilibrium(self) -> np.ndarray:
        """The first pure equilibrium in lexicographic order."""
        found = next(iterate_nash(self.market), None)
        if found is None:
            raise Unanswered(_NONE)
        return found

    def welfare_optimum(self) -> Optimum:
        """See `equilibrium.welfare_optimum`."""
        return self._welfare_optimum

    def joint_profit_optimum(self) -> Optimum:
        """See `equilibrium.joint_profit_optimum`."""
        return self._joint_profit_optimum

    def best_sale(self, worth: Array, outside: float) -> Optimum:
        """See `equilibrium.optimum`."""
        return optimum(self.market, worth, outside=outside)

    def mixed_deviations(self, plays: Array, limit: int = 0) -> np.ndarray:
        """By one quadrature, for any number of providers; see `equilibrium.mixed_deviation_utility`."""
        return mixed_deviation_utility(self.market, empirical_strategies(self.market, self.check(plays)))

    def uniform_nash_conv(self) -> NashConv:
        """See `equilibrium.mixed_nash_conv`."""
        return mixed_nash_conv(self.market, np.full(self.market.quality.shape, 1 / self.market.num_levels))

    def utility_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Attained: a share falls as the others offer more value, so their extreme levels give its extremes."""
        values = self.market.user_value
        utility = deviation_utility(self.market, np.stack([values.argmin(axis=1), values.argmax(axis=1)]))
        return utility.min(axis=(0, 2)), utility.max(axis=(0, 2))

    def figures(self, actions: np.ndarray, outcome: Outcome) -> dict[str, Any]:
        """Number of equilibria and price of anarchy."""
        if not (number := self._num_equilibria):
            raise Unanswered(_NONE)
        return {"num_equilibria": number, "price_of_anarchy": self._price_of_anarchy}

    @cached_property
    def _equilibria(self) -> np.ndarray:
        try:
            return pure_nash(self.market)
        except ValueError as error:  # indifference makes more of them than are listed
            raise Unanswered(str(error)) from None

    @cached_property
    def _num_equilibria(self) -> int:
        return count_nash(self.market)

    @cached_property
    def _welfare_optimum(self) -> Optimum:
        return welfare_optimum(self.market)

    @cached_property
    def _joint_profit_optimum(self) -> Optimum:
        return joint_profit_optimum(self.market)

    @cached_property
    def _price_of_anarchy(self) -> float:
        return price_of_anarchy(self.market)
