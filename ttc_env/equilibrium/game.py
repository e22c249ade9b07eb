"""The stage game of any mechanism: one door to what is known exactly, in closed form or by going through the actions.

    game = StageGame(market, mechanism)
    game.nash_conv(actions), game.equilibria(), game.welfare_optimum()

Here everything is found by enumeration, so that a mechanism of one's own has a truth of its own on the first day. A
mechanism with closed forms names a subclass (`Mechanism.known`), and `StageGame(...)` makes that one, as `pathlib.Path`
makes the path of the system it runs on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.log_space import TOLERANCE, in_numpy
from ttc_env.equilibrium.optimum import Optimum
from ttc_env.equilibrium.regret import NashConv, regrets_of_log
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, Outcome, action_shape, check_actions, every_action, make_mechanism

LISTED = 2**20  # joint actions whose payoffs are kept at once
SUMMED = 2**24  # joint actions gone through for one number: about ten seconds for nine providers
_BLOCK = 2**18  # numbers of one array held at a time
_ROUNDS = 1000  # of best responses in turns


class Unanswered(ValueError):
    """The game has no exact answer that could be given: there is none, or it would take too long."""


class StageGame:
    """One period of a market under a mechanism, as a game in actions.

    Actions are those of the environment: `(..., n)` integers, or `(..., n, c)` where an action has `c` components.
    The `K` actions of a provider are numbered in lexicographic order. All figures are of expected demand.

    Args:
        market: the market; figures are NumPy, in the precision of its tables.
        mechanism: a mechanism, or what `ttc_env.mechanisms.make_mechanism` takes.

    Raises:
        ValueError: no market or mechanism.
    """

    def __new__(cls, market: Market, mechanism: str | Mechanism = "per_token") -> StageGame:
        """The game of the mechanism's own class."""
        return super().__new__(make_mechanism(mechanism).known() if cls is StageGame else cls)

    def __init__(self, market: Market, mechanism: str | Mechanism = "per_token") -> None:
        if not isinstance(market, Market):
            raise ValueError(f"a stage game is that of one Market, got {market!r}")
        self.market = in_numpy(market)
        self.mechanism = make_mechanism(mechanism)
        self.action_shape = action_shape(self.mechanism, market)

    def __reduce__(self) -> tuple[Any, ...]:
        return StageGame, (self.market, self.mechanism)

    @cached_property
    def actions(self) -> np.ndarray:
        """Every action of a provider, `(K,)` or `(K, c)`.

        Raises:
            ValueError: continuous actions.
        """
        return every_action(self.mechanism, self.market)[:, 0]

    @property
    def num_actions(self) -> int:
        """Actions of each provider, `K`."""
        return len(self.actions)

    @property
    def num_profiles(self) -> int:
        """Joint actions, `K^n`."""
        return self.num_actions**self.market.num_providers

    @cached_property
    def bids(self) -> Bids:
        """The bid behind every action of every provider, three arrays `(n, K)`."""
        made = self.mechanism.bids(self.market, every_action(self.mechanism, self.market))
        return Bids(*(np.asarray(part).T for part in made))

    @cached_property
    def scale(self) -> float:
        """The size of profits here, USD, for tolerances."""
        return max(map(abs, self.mechanism.utility_bounds(self.market))) or self.market.unit

    def check(self, actions: Array) -> np.ndarray:
        """Joint actions as an array `(..., n)` or `(..., n, c)`.

        Raises:
            ValueError: another shape or type, or an action outside the space.
        """
        return check_actions(self.mechanism, self.market, actions)

    def numbers(self, actions: Array) -> np.ndarray:
        """Numbers of actions among the `K`, `(..., n)`."""
        actions = self.check(actions)
        if len(self.action_shape) == 1:
            return actions
        return np.ravel_multi_index(tuple(np.moveaxis(actions, -1, 0)), self.mechanism.action_sizes(self.market))

    def outcome(self, actions: Array) -> Outcome:
        """The expected outcome of joint actions."""
        return self.mechanism.clear(self.market, self.mechanism.bids(self.market, self.check(actions)))

    def utility(self, actions: Array) -> np.ndarray:
        """Expected profit of every provider, USD, `(..., n)`."""
        return np.asarray(self.outcome(actions).utility)

    def deviations(self, actions: Array) -> np.ndarray:
        """What every action would earn each provider if the others' stayed as given, USD, `(..., n, K)`."""
        return self.deviations_from(self.mechanism.bids(self.market, self.check(actions)))

    def deviations_from(self, bids: Bids) -> np.ndarray:
        """`deviations` from bids `(..., n)`, which need not be those of any action."""
        shape = np.shape(bids.level)
        made = Bids(*(np.reshape(part, (-1, shape[-1])) for part in bids))
        utility = np.empty((len(made.level), shape[-1], self.num_actions))
        rows = max(1, _BLOCK // (shape[-1] * self.num_actions))
        for first in range(0, len(utility), rows):
            some = slice(first, first + rows)
            for i in range(shape[-1]):
                trial = [np.repeat(part[some, None], self.num_actions, axis=1) for part in made]
                for part, own in zip(trial, self.bids, strict=True):
                    part[..., i] = own[i]
                utility[some, i] = self.mechanism.clear(self.market, Bids(*trial)).utility[..., i]
        return utility.reshape(*shape, self.num_actions)

    def mean_deviations(self, bids: Bids) -> np.ndarray:
        """`deviations_from` the bids of `T` periods, `(T, n)` each, averaged: `(n, K)`."""
        return self.deviations_from(bids).mean(axis=0)

    def best_response(self, actions: Array) -> np.ndarray:
        """What is best for each provider if the others' actions stay as given; ties go to the lowest number."""
        return self.best_response_to(self.mechanism.bids(self.market, self.check(actions)))

    def best_response_to(self, bids: Bids) -> np.ndarray:
        """`best_response` to bids `(..., n)`."""
        return self.actions[self.lowest_best(self.deviations_from(bids))]

    def lowest_best(self, utility: np.ndarray) -> np.ndarray:
        """Along the last axis the first entry that is the largest but for rounding."""
        return np.argmax(utility >= utility.max(axis=-1, keepdims=True) - TOLERANCE * self.scale, axis=-1)

    def nash_conv(self, actions: Array) -> NashConv:
        """What the providers could gain by their best deviations, each on its own, USD: `(...)` and `(..., n)`."""
        improvements = np.maximum(self.deviations(actions).max(axis=-1) - self.utility(actions), 0.0)
        return NashConv(improvements.sum(axis=-1), improvements)

    def is_equilibrium(self, actions: Array) -> np.ndarray:
        """Whether nobody gains by deviating, but for rounding, `(...)`."""
        return np.all(self.nash_conv(actions).improvements <= TOLERANCE * self.scale, axis=-1)

    def dominant(self) -> np.ndarray | None:
        """The joint action in which everybody does what is best whatever the others do; None where none is known."""
        return None

    def regrets(self, actions: Array) -> tuple[np.ndarray, np.ndarray]:
        """External and swap regret of a log of joint actions, `(T, n)` or `(T, n, c)`, USD per period, `(n,)` each."""
        return regrets_of_log(self.deviations(actions), self.numbers(actions))

    def utility_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and most that each provider can earn, USD, `(n,)` each: bounds, or attained in a closed form."""
        low, high = self.mechanism.utility_bounds(self.market)
        return np.full(self.market.num_providers, low), np.full(self.market.num_providers, high)

    def equilibria(self) -> np.ndarray:
        """Every pure equilibrium, `(E, n)` or `(E, n, c)` actions in lexicographic order.

        Raises:
            Unanswered: there is none, or too many joint actions to go through.
        """
        payoffs = self.payoffs().reshape(*(self.num_actions,) * self.market.num_providers, -1)
        stable = np.ones(payoffs.shape[:-1], dtype=bool)
        for i in range(payoffs.shape[-1]):
            own = payoffs[..., i]
            stable &= own >= own.max(axis=i, keepdims=True) - TOLERANCE * self.scale
        if not stable.any():
            raise Unanswered(f"{self} has no pure equilibrium: all {self.num_profiles} joint actions were tried")
        return self.actions[np.argwhere(stable)]

    def equilibrium(self) -> np.ndarray:
        """One pure equilibrium, `(n,)` or `(n, c)`: the first of `equilibria`, or where these cannot be listed the end
        of best responses in turns, certified.

        Raises:
            Unanswered: none was found.
        """
        if self.num_profiles <= LISTED:
            return self.equilibria()[0]
        efficient = self.mechanism.honest(self.market, self.market.welfare_contribution.argmax(axis=-1))
        least = math.inf
        for start in (np.zeros(self.action_shape, dtype=np.int64), efficient):
            actions = self._in_turns(start)
            if self.is_equilibrium(actions):
                return actions
            least = min(least, float(self.nash_conv(actions).total))
        raise Unanswered(f"{self}: best responses in turns found no equilibrium; the least NashConv met is {least} USD")

    def welfare_optimum(self) -> Optimum:
        """The joint action of highest welfare, and that welfare in USD per query.

        Raises:
            Unanswered: too many joint actions to go through.
        """
        return self._optima[0]

    def joint_profit_optimum(self) -> Optimum:
        """The joint action of highest total profit, a cartel's choice, and that profit in USD per query.

        Raises:
            Unanswered: too many joint actions to go through.
        """
        return self._optima[1]

    def best_sale(self, worth: Array, outside: float) -> Optimum:
        """The joint action of highest `sum_i share_i worth_ik + share_0 outside`, levels `k` as in `worth`, `(n, m)`.

        Raises:
            Unanswered: no closed form is known.
        """
        raise Unanswered(f"{self}: no closed form is known for what is best to sell")

    def mixed_deviations(self, plays: Array, limit: int = LISTED) -> np.ndarray:
        """What every action earns each provider on average against independent mixed strategies, USD, `(n, K)`.

        Args:
            plays: the strategies: every provider draws from its own column of `(S, n)` or `(S, n, c)` actions.
            limit: joint actions gone through at the most.

        Raises:
            Unanswered: more joint actions than that.
        """
        numbers, providers = self.numbers(plays), np.arange(self.market.num_providers)
        chances = np.stack([np.bincount(own, minlength=self.num_actions) for own in numbers.T]) / len(numbers)
        total = np.zeros(chances.shape)
        for joint in self._profiles(limit):
            utility, chance = self.utility(self.actions[joint]), chances[providers, joint]
            for i in providers:
                others = np.delete(chance, i, axis=1).prod(axis=1)
                total[i] += np.bincount(joint[:, i], utility[:, i] * others, self.num_actions)
        return total

    def mixed_utility(self, actions: Array, plays: Array) -> np.ndarray:
        """What each of the actions, `(T, n)` or `(T, n, c)`, earns in its seat against `plays`, USD, `(T, n)`."""
        return np.take_along_axis(self.mixed_deviations(plays), self.numbers(actions).T, axis=1).T

    def uniform_nash_conv(self) -> NashConv:
        """NashConv of independent uniformly random play.

        Raises:
            Unanswered: too many joint actions to go through.
        """
        worth = self.mixed_deviations(every_action(self.mechanism, self.market), SUMMED)
        improvements = worth.max(axis=1) - worth.mean(axis=1)
        return NashConv(improvements.sum(), improvements)

    def payoffs(self, limit: int = LISTED) -> np.ndarray:
        """Profit of every provider at every joint action, `(K^n, n)` USD, in lexicographic order of the numbers.

        Raises:
            Unanswered: more joint actions than `limit`.
        """
        return np.concatenate([self.utility(self.actions[joint]) for joint in self._profiles(limit)])

    def reference_profits(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Profits in competition and of a cartel that hang on no grid of actions, USD, `(n,)` each; None if unknown."""
        return None

    def figures(self, actions: np.ndarray, outcome: Outcome) -> dict[str, Any]:
        """Figures of `T` periods that this game alone has, beside those that all have (`ttc_env.metrics`)."""
        return {}

    @cached_property
    def _optima(self) -> tuple[Optimum, Optimum]:
        """The joint actions of highest welfare and of highest total profit."""
        best = [Optimum(np.zeros(self.action_shape, dtype=np.int64), -math.inf)] * 2
        for joint in self._profiles(SUMMED):
            outcome = self.outcome(self.actions[joint])
            for k, value in enumerate((outcome.welfare, outcome.utility.sum(axis=-1))):
                if value.max() > best[k].value:
                    best[k] = Optimum(self.actions[joint[value.argmax()]], float(value.max()))
        return best[0], best[1]

    def _in_turns(self, actions: np.ndarray) -> np.ndarray:
        """Where best responses in turns end, or stand after many rounds."""
        for _ in range(_ROUNDS):
            before = actions
            for i in range(self.market.num_providers):
                if self.nash_conv(actions).improvements[i] > TOLERANCE * self.scale:
                    actions = actions.copy()
                    actions[i] = self.best_response(actions)[i]
            if np.array_equal(before, actions):
                break
        return actions

    def _profiles(self, limit: int) -> Iterator[np.ndarray]:
        """All joint actions as numbers, `(B, n)` at a time.

        Raises:
            Unanswered: more of them than `limit`.
        """
        if self.num_profiles > limit:
            raise Unanswered(
                f"{self} has {self.num_actions}^{self.market.num_providers} joint actions, more than the {limit} that "
                "are gone through; only a closed form could answer"
            )
        shape = (self.num_actions,) * self.market.num_providers
        for first in range(0, self.num_profiles, _BLOCK // self.market.num_providers + 1):
            last = min(self.num_profiles, first + _BLOCK // self.market.num_providers + 1)
            yield np.stack(np.unravel_index(np.arange(first, last), shape), axis=-1)

    def __repr__(self) -> str:
        return f"the {self.mechanism.name} game of {self.market.num_providers} providers"
