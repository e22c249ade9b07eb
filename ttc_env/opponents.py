"""Scripted play: what the providers that do not learn do, as functions from the last period to actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ttc_env.arrays import as_numpy
from ttc_env.batch import one_market
from ttc_env.dynamics import DISCOUNT, Dynamics, MarkovGame, encode
from ttc_env.equilibrium import StageGame
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, action_shape
from ttc_env.repeated import RepeatedMarket, State

Policy = Callable[[np.ndarray], np.ndarray]
Uniform = Callable[[tuple[int, ...]], np.ndarray]
Opponents = Callable[[np.ndarray, State, Uniform], np.ndarray]
NAMED = ("nash", "best_response", "random")
CARRIED = ("nash", "stage", "myopic", "constant", "random")  # where something is carried over


def make_opponents(
    game: RepeatedMarket, learners: Collection[int], opponents: str | Policy | Mapping[str | int, Policy] | Any
) -> Opponents:
    """A function `(observations, state, uniform) -> actions` for all providers; the learners' own are overwritten.

    Args:
        game: the repeated market, NumPy backend.
        learners: indices of the providers who are no opponents.
        opponents: one of

            * `"nash"`: an equilibrium of the stage game, `StageGame.equilibrium`; with dynamics the Markov perfect one,
              `MarkovGame.equilibrium` at the discount `DISCOUNT`, and there are `"stage"`, `"myopic"` and `"constant"`;
            * `"best_response"`: the myopic best response to last period (to the lowest actions at the start);
            * `"random"`: uniform over the action space;
            * an array of actions, one per provider, `(n,)` or `(n, c)`;
            * `Recorded(actions)`: draws from the play of other policies;
            * an object with a method `against(game, learners)` that returns such a function, as `agents.frozen.Frozen`,
              which plays what a run has learnt;
            * a function from observations `(B, n, d)` to actions `(B, n)` or `(B, n, c)`;
            * a mapping from every opponent's name to a function from `(B, d)` to `(B,)` or `(B, c)`.

    Raises:
        ValueError: another name, a mapping that lacks an opponent, a record for other providers, or a game in which no
            equilibrium was found. The environment checks the actions.
    """
    if isinstance(opponents, str) and game.dynamics is not None and opponents != "random":
        return ByState(markov_actions(game, opponents), game.dynamics.sizes(game.market))
    if isinstance(opponents, str):
        if opponents == "nash":
            return Constant(equilibrium_actions(game))
        if opponents == "best_response":
            return BestResponse(StageGame(one_market(game.market), game.mechanism))
        if opponents == "random":
            return Random(game)
        raise ValueError(f"unknown opponents {opponents!r}; allowed: {', '.join(NAMED)}, actions, or functions")
    if isinstance(opponents, Recorded):
        wanted, got = action_shape(game.mechanism, game.market), opponents.actions.shape[1:]
        if got != wanted:
            raise ValueError(f"recorded actions of one period must have shape {wanted}, got {got}")
        return opponents
    if hasattr(opponents, "against"):
        return opponents.against(game, learners)
    if isinstance(opponents, Mapping):
        return Each(game, learners, opponents)
    if callable(opponents):
        return Joint(opponents)
    return Constant(np.asarray(opponents))


def equilibrium_actions(game: RepeatedMarket) -> np.ndarray:
    """An equilibrium of one period, `(n,)` or `(n, c)`; see `StageGame.equilibrium`.

    Raises:
        ValueError: none was found.
    """
    return StageGame(one_market(game.market), game.mechanism).equilibrium()


def markov_actions(
    game: RepeatedMarket, policy: str, discount: float = DISCOUNT, market: Market | None = None
) -> np.ndarray:  # fmt: skip
    """What all providers do in each state, `(S, n)` or `(S, n, c)`, by the name of a Markov policy.

    Args:
        game: the repeated market, with dynamics.
        policy: `"nash"`, `"stage"`, `"myopic"` or `"constant"`; see `MarkovGame`. Where the state is shown to nobody
            the best constant actions are those of the mean market's equilibrium.
        discount: of the next period.
        market: which one is meant where different markets are played at once.

    Raises:
        ValueError: another name, a game too large for an exact answer, or one in which no equilibrium was found.
    """
    assert game.dynamics is not None
    if policy not in CARRIED:
        raise ValueError(f"unknown opponents {policy!r}; allowed with dynamics: {', '.join(CARRIED)}, or functions")
    market = one_market(game.market) if market is None else market
    known = game.dynamics.equilibria(market, game.mechanism)
    if known is None or (policy == "constant" and game.dynamics.fields(market)):
        return _markov_actions(market, game.mechanism, game.dynamics, policy, discount)
    if policy == "constant":
        return np.repeat(StageGame(market, game.mechanism).equilibrium()[None], len(known), axis=0)
    return known  # the state moves on its own, so that the stage equilibria are all there is


@lru_cache(maxsize=64)  # by identity: who is entered again and again asks again and again
def _markov_actions(
    market: Market, mechanism: Mechanism, dynamics: Dynamics, policy: str, discount: float
) -> np.ndarray:
    exact = MarkovGame(market, mechanism, dynamics, discount)
    find = {
        "nash": exact.equilibrium,
        "stage": exact.stage_policy,
        "myopic": exact.myopic_policy,
        "constant": lambda: exact.best_constant().policy,
    }
    return exact.actions[find[policy]()]


@dataclass(frozen=True, eq=False)
class Constant:
    """The same joint action in every market and period."""

    actions: np.ndarray

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`."""
        return np.tile(self.actions, (observations.shape[0],) + (1,) * self.actions.ndim)


@dataclass(frozen=True, eq=False)
class ByState:
    """What a Markov policy does in the present state.

    Args:
        actions: in each state by its index, `(S, n)` or `(S, n, c)`.
        sizes: of the components of a state.
    """

    actions: np.ndarray
    sizes: tuple[int, ...]

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`."""
        assert state.carried is not None
        return self.actions[encode(state.carried, self.sizes)]


@dataclass(frozen=True, eq=False)
class Recorded:
    """Frozen play: every provider draws from its own column of recorded actions, independently, in each period.

    Args:
        actions: `(S, n)` or `(S, n, c)` of `S` periods.

    Raises:
        ValueError: no period, or not such an array.
    """

    actions: np.ndarray

    def __post_init__(self) -> None:
        actions = np.asarray(self.actions)
        if actions.ndim not in (2, 3) or not actions.size:
            raise ValueError(f"recorded actions must have shape (S, n) or (S, n, c), S >= 1, got {actions.shape}")
        object.__setattr__(self, "actions", actions if actions.dtype.kind == "f" else actions.astype(np.int64))

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`."""
        periods, n = self.actions.shape[:2]
        drawn = np.minimum((uniform((observations.shape[0], n)) * periods).astype(np.int64), periods - 1)
        return self.actions[drawn, np.arange(n)]


@dataclass(frozen=True, eq=False)
class BestResponse:
    """The best response to last period's bids.

    Args:
        game: one period.
        start: joint action that is answered before the first period; by default everybody's lowest.
    """

    game: StageGame
    start: np.ndarray | None = None

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`."""
        played = state.period[:, None] > 0
        bids = (np.where(played, *parts) for parts in zip(as_numpy(state.bids), self._first, strict=True))
        return self.game.best_response_to(Bids(*bids))

    @cached_property
    def _first(self) -> Bids:
        lowest = np.full(self.game.action_shape, -1.0 if self.game.mechanism.action_type == "box" else 0)
        return self.game.mechanism.bids(self.game.market, lowest if self.start is None else self.start)


@dataclass(frozen=True, eq=False)
class Random:
    """Uniform over the action space."""

    game: RepeatedMarket

    def __call__(self, observations: np.ndarray, state: State | None, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`."""
        mechanism = self.game.mechanism
        draws = uniform((observations.shape[0], *action_shape(mechanism, self.game.market)))
        if mechanism.action_type == "box":
            return 2 * draws - 1
        sizes = mechanism.action_sizes(self.game.market)
        return (draws * np.array(sizes if len(sizes) > 1 else sizes[0])).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Joint:
    """One function from all observations to the joint action."""

    policy: Policy

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`."""
        return self.policy(observations)


@dataclass(frozen=True, eq=False)
class Each:
    """A function for every opponent, from its observations to its actions."""

    game: RepeatedMarket
    learners: Collection[int]
    policies: Mapping[str | int, Policy]

    def __post_init__(self) -> None:
        market = one_market(self.game.market)
        given = {market.provider_index(name) for name in self.policies}
        missing = set(range(market.num_providers)) - given - set(self.learners)
        if missing:
            names = ", ".join(market.providers[i] for i in sorted(missing))
            raise ValueError(f"opponents must hold a function for every provider but the learners; missing: {names}")

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, c)`; those of learners without a function are zero."""
        batch, (n, *components) = observations.shape[0], action_shape(self.game.mechanism, self.game.market)
        idle = np.zeros((batch, *components), dtype=float if self.game.mechanism.action_type == "box" else int)
        actions = [idle] * n
        for name, policy in self.policies.items():
            i = one_market(self.game.market).provider_index(name)
            actions[i] = np.asarray(policy(observations[:, i]))
        return np.stack(actions, axis=1)
