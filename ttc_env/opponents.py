"""Scripted play: what the providers that do not learn do, as functions from the last period to actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttc_env import equilibrium
from ttc_env.batch import one_market
from ttc_env.mechanisms import SecondPrice
from ttc_env.repeated import RepeatedMarket, State

Policy = Callable[[np.ndarray], np.ndarray]
Uniform = Callable[[tuple[int, ...]], np.ndarray]
Opponents = Callable[[np.ndarray, State, Uniform], np.ndarray]
NAMED = ("nash", "best_response", "random")


def make_opponents(
    game: RepeatedMarket, learners: Collection[int], opponents: str | Policy | Mapping[str | int, Policy] | Any
) -> Opponents:
    """A function `(observations, state, uniform) -> actions` for all providers; the learners' own are overwritten.

    Args:
        game: the repeated market, NumPy backend.
        learners: indices of the providers who are no opponents.
        opponents: one of

            * `"nash"`: the first pure equilibrium in lexicographic order; in the auction the dominant strategy;
            * `"best_response"`: the myopic best response to last period (to the lowest levels at the start);
            * `"random"`: uniform over the action space;
            * an array of actions, one per provider: a profile `(n,)`, or bids `(n, 3)`;
            * `Recorded(actions)`: draws from the play of other policies;
            * a function from observations `(B, n, d)` to actions `(B, n)` or `(B, n, 3)`;
            * a mapping from every opponent's name to a function from `(B, d)` to `(B,)` or `(B, 3)`.

    Raises:
        ValueError: another name, a mapping that lacks an opponent, or a record for other providers. The environment
            checks the actions.
    """
    if isinstance(opponents, str):
        if opponents == "nash":
            return Constant(equilibrium_actions(game))
        if opponents == "best_response":
            return (
                Constant(equilibrium_actions(game)) if isinstance(game.mechanism, SecondPrice) else BestResponse(game)
            )
        if opponents == "random":
            return Random(game)
        raise ValueError(f"unknown opponents {opponents!r}; allowed: {', '.join(NAMED)}, actions, or functions")
    if isinstance(opponents, Recorded):
        if opponents.actions.shape[1:] != action_shape(game):
            wanted, got = action_shape(game), opponents.actions.shape[1:]
            raise ValueError(f"recorded actions of one period must have shape {wanted}, got {got}")
        return opponents
    if isinstance(opponents, Mapping):
        return Each(game, learners, opponents)
    if callable(opponents):
        return Joint(opponents)
    return Constant(np.asarray(opponents))


def action_shape(game: RepeatedMarket) -> tuple[int, ...]:
    """Shape of one market's joint action: `(n,)` or `(n, 3)`."""
    sizes = game.mechanism.action_sizes(game.market)
    return (game.market.num_providers, *((len(sizes),) if len(sizes) > 1 else ()))


def equilibrium_actions(game: RepeatedMarket) -> np.ndarray:
    """Joint action of the analytic solution: the first pure equilibrium, or honest bids at the efficient levels.

    Raises:
        ValueError: there is no pure equilibrium, which can happen where prices are below costs.
    """
    market = one_market(game.market).to("numpy")
    if isinstance(game.mechanism, SecondPrice):
        return game.mechanism.honest(market, np.argmax(market.welfare_contribution, axis=-1))
    profile = next(equilibrium.iterate_nash(market), None)
    if profile is None:
        raise ValueError("the market has no pure equilibrium; choose other opponents")
    return profile


@dataclass(frozen=True, eq=False)
class Constant:
    """The same joint action in every market and period."""

    actions: np.ndarray

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, 3)`."""
        return np.tile(self.actions, (observations.shape[0],) + (1,) * self.actions.ndim)


@dataclass(frozen=True, eq=False)
class Recorded:
    """Frozen play: every provider draws from its own column of recorded actions, independently, in each period.

    Args:
        actions: `(S, n)` levels or `(S, n, 3)` bids of `S` periods.

    Raises:
        ValueError: no period, or not such an array.
    """

    actions: np.ndarray

    def __post_init__(self) -> None:
        actions = np.asarray(self.actions)
        if actions.ndim not in (2, 3) or not actions.size:
            raise ValueError(f"recorded actions must have shape (S, n) or (S, n, 3), S >= 1, got {actions.shape}")
        object.__setattr__(self, "actions", actions if actions.dtype.kind == "f" else actions.astype(np.int64))

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, 3)`."""
        periods, n = self.actions.shape[:2]
        drawn = np.minimum((uniform((observations.shape[0], n)) * periods).astype(np.int64), periods - 1)
        return self.actions[drawn, np.arange(n)]


@dataclass(frozen=True, eq=False)
class BestResponse:
    """Per-token pricing: the best response to last period's levels."""

    game: RepeatedMarket

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)`."""
        return equilibrium.best_response(one_market(self.game.market), state.bids.level)


@dataclass(frozen=True, eq=False)
class Random:
    """Uniform over the action space."""

    game: RepeatedMarket

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, 3)`."""
        mechanism = self.game.mechanism
        draws = uniform((observations.shape[0], *action_shape(self.game)))
        if mechanism.action_type == "box":
            return 2 * draws - 1
        sizes = mechanism.action_sizes(self.game.market)
        return (draws * np.array(sizes if len(sizes) > 1 else sizes[0])).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Joint:
    """One function from all observations to the joint action."""

    policy: Policy

    def __call__(self, observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, 3)`."""
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
        """Actions `(B, n)` or `(B, n, 3)`; those of learners without a function are zero."""
        batch, (n, *components) = observations.shape[0], action_shape(self.game)
        idle = np.zeros((batch, *components), dtype=float if self.game.mechanism.action_type == "box" else int)
        actions = [idle] * n
        for name, policy in self.policies.items():
            i = one_market(self.game.market).provider_index(name)
            actions[i] = np.asarray(policy(observations[:, i]))
        return np.stack(actions, axis=1)
