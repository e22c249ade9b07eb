"""The game that a market with dynamics makes: what any Markov policies are worth, and what could be gained, exactly.

    game = MarkovGame(market, "per_token", Loyalty(0.002), discount=0.95)
    game.nash_conv(game.stage_policy()), game.equilibrium()

A *Markov policy* says what each provider does in each state: action indices `(S, n)`, or probabilities `(S, n, K)`.
Values are discounted sums of profits in USD, `V = u + discount P V`, and so are gains.

Source: Maskin and Tirole 1988, *A theory of dynamic oligopoly*; Ericson and Pakes 1995.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.dynamics import constant, decision, joint, perfect, uniform
from ttc_env.dynamics.decision import Decision
from ttc_env.dynamics.lotteries import lottery, mixed
from ttc_env.dynamics.protocol import Dynamics, Moves, decode, encode
from ttc_env.dynamics.protocol import clear as clear_period
from ttc_env.dynamics.registry import make_dynamics
from ttc_env.equilibrium import NashConv, StageGame, Unanswered, relative_gap
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.period import PeriodMarket, period_of

DISCOUNT = 0.95  # of the next period, where none is said
LIMIT = 2**24  # numbers of one array: states x actions x states that may follow


class TooLarge(ValueError):
    """There are more states and actions than can be gone through."""


class Stage(NamedTuple):
    """What a policy earns in a period in each state: `(S, n)`, and `(S,)` for all together; and the moves."""

    utility: np.ndarray
    shares: np.ndarray
    payment: np.ndarray
    welfare: np.ndarray
    user_value: np.ndarray
    moves: Moves


def in_double(market: Market) -> Market:
    """The market in double precision on NumPy."""
    exact = not isinstance(market, Market) or getattr(market.quality, "dtype", None) == np.float64
    return market if exact else market.to("numpy")


class MarkovGame:
    """A market cleared again and again, with a state that is carried over.

    Args:
        market: the market; NumPy and double precision are used in any case.
        mechanism: a mechanism, or what `ttc_env.mechanisms.make_mechanism` takes; its actions must be finitely many.
        dynamics: a `Dynamics`, or what `ttc_env.dynamics.make_dynamics` takes.
        discount: of the next period, in [0, 1).

    Raises:
        ValueError: an argument out of range, or a dynamics that is not defined here.
        TooLarge: a ValueError, more states and actions than can be gone through, with their number.
    """

    def __init__(
        self, market: Market, mechanism: str | Mechanism = "per_token", dynamics: str | Dynamics = "loyalty",
        discount: float = DISCOUNT,
    ) -> None:  # fmt: skip
        self.stage_game = StageGame(in_double(market), mechanism)
        self.market, self.mechanism = self.stage_game.market, self.stage_game.mechanism
        self.dynamics = make_dynamics(dynamics)
        self.dynamics.check(self.market, self.mechanism)
        if isinstance(discount, bool) or not isinstance(discount, int | float | np.number) or not 0 <= discount < 1:
            raise ValueError(f"discount must be in [0, 1), got {discount!r}")
        self.discount = float(discount)
        self.sizes = self.dynamics.sizes(self.market)
        self.num_states = math.prod(self.sizes)
        self._limit(self.num_states, self.num_actions, self.num_providers)
        self._digits = decode(np.arange(self.num_states), self.sizes)[:, None, :]
        moves = self.clear(np.zeros((self.num_states, 1, self.num_providers), dtype=np.int64))[1]
        self.num_branches = moves.probability.shape[-1]
        """states that may follow one state, at most"""
        self._limit(self.num_states, self.num_actions, self.num_branches)

    @property
    def num_providers(self) -> int:
        """Number of providers, `n`."""
        return self.market.num_providers

    @property
    def actions(self) -> np.ndarray:
        """Every action of a provider, `(K,)` or `(K, components)`; policies hold their indices."""
        return self.stage_game.actions

    @property
    def num_actions(self) -> int:
        """Actions of each provider, `K`."""
        return self.stage_game.num_actions

    @property
    def start(self) -> int:
        """Index of the state at the start."""
        return int(encode(np.array(self.dynamics.start(self.market)), self.sizes))

    @cached_property
    def start_weights(self) -> np.ndarray:
        """Probability of each state in the first period, `(S,)`: one at `start`, unless the first state is drawn."""
        return self.dynamics.start_weights(self.market)

    @cached_property
    def states(self) -> tuple[Any, ...]:
        """What each state means, in the order of the indices."""
        return tuple(self.dynamics.label(self.market, tuple(digits)) for digits in self._digits[:, 0].tolist())

    def market_in(self, state: int) -> Market:
        """The market that a state makes, for what is asked of one market; with everybody present."""
        return joint.market_of(self.market, self._period, state)

    @cached_property
    def there(self) -> np.ndarray:
        """Whom users can choose in each state, `(S, n)`."""
        present = self._period.present
        shape = (self.num_states, self.num_providers)
        return np.ones(shape, dtype=bool) if present is None else np.broadcast_to(present[:, 0], shape)

    def stage_in(self, state: int) -> StageGame:
        """The game of those who are there in a state, without the others and without what follows.

        Raises:
            Unanswered: their actions would mean something else without the others.
        """
        market, there = self.market_in(state), self.there[state]
        stage = StageGame(market if there.all() else market.select(np.flatnonzero(there).tolist()), self.mechanism)
        if not there.all() and not all(map(np.array_equal, stage.bids, (part[there] for part in self.stage_game.bids))):
            raise Unanswered(f"{self.mechanism.name}: what actions mean depends on who is there")
        return stage

    def values(self, policy: Array) -> np.ndarray:
        """What the policies of all are worth to each provider from each state, USD, `(S, n)`."""
        stage = self.stage(policy)
        return decision.evaluate(stage.utility, stage.moves, self.discount)

    def welfare(self, policy: Array) -> np.ndarray:
        """Discounted welfare from each state, USD, `(S,)`."""
        stage = self.stage(policy)
        return decision.evaluate(stage.welfare, stage.moves, self.discount)

    def user_value(self, policy: Array) -> np.ndarray:
        """Discounted value left to the users from each state, USD, `(S,)`."""
        stage = self.stage(policy)
        return decision.evaluate(stage.user_value, stage.moves, self.discount)

    def best_response(self, policy: Array, provider: str | int) -> tuple[np.ndarray, np.ndarray]:
        """A best Markov policy of one provider against the others', and what it is worth.

        Returns:
            Action indices `(S,)`, the lowest of the best in each state, and values `(S,)`, USD.
        """
        return decision.solve(self.decision(self.check(policy), self.market.provider_index(provider)), self.discount)

    def gains(self, policy: Array) -> np.ndarray:
        """What each provider could gain by a best response from each state, USD, `(S, n)`, never negative."""
        policy = self.check(policy)
        best = [self.best_response(policy, i)[1] for i in range(self.num_providers)]
        return np.maximum(np.stack(best, axis=-1) - self.values(policy), 0.0)

    def nash_conv(self, policy: Array) -> NashConv:
        """What unilateral deviations gain from the start, USD; `relative_nash_conv` is this over the profit of all."""
        improvements = self.start_weights @ self.gains(policy)
        return NashConv(improvements.sum(), improvements)

    def relative_nash_conv(self, policy: Array) -> float:
        """NashConv from the start over what all earn and lose from there; see `equilibrium.relative_gap`."""
        return relative_gap(float(self.nash_conv(policy).total), self.start_weights @ self.values(policy))

    def uniform_nash_conv(self) -> NashConv:
        """NashConv of independent uniformly random play in every state; see `uniform.uniform_nash_conv`."""
        return uniform.uniform_nash_conv(self)

    def best_constant(self, *, relative: bool = False) -> constant.BestConstant:
        """Actions that never change, of least NashConv; see `constant.best_constant`."""
        return constant.best_constant(self, relative)

    def stage_policy(self) -> np.ndarray:
        """The stage game's equilibrium in every state, `(S, n)`; or each state's own, if it moves by itself."""
        return perfect.stage_policy(self)

    def myopic_policy(self) -> np.ndarray:
        """The equilibrium of players who see the state and have no patience, `(S, n)`: that of discount 0."""
        return perfect.find(MarkovGame(self.market, self.mechanism, self.dynamics, 0.0))

    def equilibrium(self) -> np.ndarray:
        """A pure Markov perfect equilibrium, `(S, n)`: nobody gains by any other policy from any state.

        Raises:
            ValueError: none was found; it states the least gain found.
        """
        return perfect.find(self)

    def equilibria(self, starts: int = 12, seed: int = 0) -> np.ndarray:
        """The distinct pure equilibria that best responses in turns reach from random policies, `(E, S, n)`."""
        return perfect.find_all(self, starts, seed)

    def stationary(self, policy: Array) -> np.ndarray:
        """How often each state is visited in the long run from the start, `(S,)`."""
        return decision.long_run(self.stage(policy).moves, self.start, self.num_states)

    def average(self, policy: Array) -> dict[str, Any]:
        """What a period is from the start on, USD, later ones counting less: `(1 - discount) sum_t discount^t x_t`.

        Returns:
            `profits`, `shares` and `payments` of the providers, `(n,)`, and `welfare` and `user_value`.
        """
        stage = self.stage(policy)
        visits = (1 - self.discount) * decision.visits(stage.moves, self.start_weights, self.discount)
        names = ("profits", "shares", "payments", "welfare", "user_value")
        return dict(zip(names, (visits @ part for part in stage[:-1]), strict=True))

    def welfare_optimum(self) -> joint.JointOptimum:
        """What a planner would have the providers do; exact, or a bound that says so."""
        return joint.optimum(self, "welfare")

    def joint_profit_optimum(self) -> joint.JointOptimum:
        """What a cartel of all providers would do; exact, or a bound that says so."""
        return joint.optimum(self, "profit")

    def stage(self, policy: Array) -> Stage:
        """One period of a policy in each state, in expectation."""
        policy = self.check(policy)
        profiles, weights = lottery(policy, range(self.num_providers), self._limit)
        outcome, moves = self.clear(profiles)
        parts = (outcome.utility, outcome.shares, outcome.payment, outcome.welfare, outcome.user_value)
        utility, shares, payment, welfare, user_value = (np.einsum("sl,sl...->s...", weights, x) for x in parts)
        moves = mixed(moves, weights[:, :, None], 1, squeeze=True)
        return Stage(utility, shares, payment, welfare, user_value, moves)

    def decision(self, policy: np.ndarray, provider: int) -> Decision:
        """The decision problem of one provider, the others' policies, `(S, n)` or `(S, n, K)`, given."""
        others = [j for j in range(self.num_providers) if j != provider]
        profiles, weights = lottery(policy, others, lambda *sizes: self._limit(*sizes, self.num_actions))
        return self.decision_against(profiles, weights, provider)

    def decision_against(self, profiles: np.ndarray, weights: np.ndarray, provider: int) -> Decision:
        """The same where the others play joint actions `(S, L, n)` with probabilities `(S, L)`, whatever is correlated.

        The provider's own actions in them are not read.
        """
        size, count, _ = profiles.shape
        profiles = np.repeat(profiles, self.num_actions, axis=1)
        profiles[..., provider] = np.tile(np.arange(self.num_actions), count)
        outcome, moves = self.clear(profiles)
        utility = outcome.utility[..., provider].reshape(size, count, self.num_actions)
        if count == 1:
            return Decision(utility[:, 0], moves)
        return Decision(np.einsum("sl,slk->sk", weights, utility), mixed(moves, weights[:, :, None], self.num_actions))

    def check(self, policy: Array) -> np.ndarray:
        """A policy as an array of indices `(S, n)` or of probabilities `(S, n, K)`.

        Raises:
            ValueError: another shape or type, an index out of range, or what are no probabilities.
        """
        given, shape = np.asarray(policy), (self.num_states, self.num_providers)
        if given.shape == shape and np.issubdtype(given.dtype, np.integer):
            if not np.all((given >= 0) & (given < self.num_actions)):
                raise ValueError(f"action indices must be in 0..{self.num_actions - 1}, got {policy!r}")
            return given.astype(np.int64)
        if given.shape == (*shape, self.num_actions) and np.issubdtype(given.dtype, np.floating):
            if not (np.all(given >= 0) and np.all(np.abs(given.sum(axis=-1) - 1) <= 1e-9)):
                raise ValueError("the probabilities of a policy must be >= 0 and sum to 1 for each state and provider")
            return given.astype(np.float64)
        raise ValueError(
            f"a policy holds action indices {shape} or probabilities {(*shape, self.num_actions)}, "
            f"got {given.dtype} of shape {given.shape}"
        )

    @cached_property
    def _period(self) -> PeriodMarket:
        return self.dynamics.period(period_of(self.market), self._digits)

    def clear(self, profiles: np.ndarray) -> tuple[Outcome, Moves]:
        """Outcomes and moves of profiles of indices `(S, L, n)`, `L` in each state."""
        outcome = clear_period(self.dynamics, self.mechanism, self._period, self._digits, self.actions[profiles])
        return outcome, self.dynamics.moves(self._period, self._digits, outcome)

    def _limit(self, *sizes: int) -> None:
        if math.prod(sizes) > LIMIT:
            raise TooLarge(
                f"{self.num_states} states of {self.dynamics.name} with {self.num_actions} actions of "
                f"{self.num_providers} providers are too many to go through: {' x '.join(map(str, sizes))} numbers, "
                f"more than {LIMIT}; take fewer providers, levels or states"
            )
