"""Scripted play: what the providers that do not learn do, as functions from the last period to actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ttc_env import equilibrium
from ttc_env.mechanisms import SecondPrice
from ttc_env.repeated import RepeatedMarket, State

Policy = Callable[[np.ndarray], np.ndarray]
Uniform = Callable[[tuple[int, ...]], np.ndarray]
Opponents = Callable[[np.ndarray, State, Uniform], np.ndarray]
NAMED = ("nash", "best_response", "random")


def make_opponents(game: RepeatedMarket, opponents: str | Policy | Mapping[str, Policy] | Any) -> Opponents:
    """A function `(observations, state, uniform) -> actions` for all providers; the learner's own is overwritten.

    Args:
        game: the repeated market, NumPy backend.
        opponents: one of

            * `"nash"`: the first pure equilibrium in lexicographic order; in the auction the dominant strategy;
            * `"best_response"`: the myopic best response to last period (to the lowest levels at the start);
            * `"random"`: uniform over the action space;
            * an array of actions, one per provider: a profile `(n,)`, or bids `(n, 3)`;
            * a function from observations `(B, n, d)` to actions `(B, n)` or `(B, n, 3)`;
            * a mapping from every opponent's name to a function from `(B, d)` to `(B,)` or `(B, 3)`.

    Raises:
        ValueError: something else, naming it.
    """
    if isinstance(opponents, str):
        if opponents == "nash":
            return _constant(game, equilibrium_actions(game))
        if opponents == "best_response":
            return _best_response(game)
        if opponents == "random":
            return _random(game)
        raise ValueError(f"unknown opponents {opponents!r}; allowed: {', '.join(NAMED)}, actions, or functions")
    if isinstance(opponents, Mapping):
        return _each(game, opponents)
    if callable(opponents):
        return lambda observations, state, uniform: np.array(opponents(observations))
    actions = np.asarray(opponents)
    shape = action_shape(game)
    if actions.shape != shape:
        raise ValueError(f"opponents given as actions must have shape {shape}, got {opponents!r}")
    return _constant(game, actions)


def action_shape(game: RepeatedMarket) -> tuple[int, ...]:
    """Shape of one market's joint action: `(n,)` or `(n, 3)`."""
    sizes = game.mechanism.action_sizes(game.market)
    return (game.market.num_providers, *((len(sizes),) if len(sizes) > 1 else ()))


def equilibrium_actions(game: RepeatedMarket) -> np.ndarray:
    """Joint action of the analytic solution: the first pure equilibrium, or honest bids at the efficient levels."""
    if isinstance(game.mechanism, SecondPrice):
        levels = np.argmax(game.market.welfare_contribution, axis=-1)
        return game.mechanism.honest(game.market, levels)
    return equilibrium.pure_nash(game.market)[0]


def _constant(game: RepeatedMarket, actions: np.ndarray) -> Opponents:
    def play(observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        return np.tile(actions, (observations.shape[0],) + (1,) * actions.ndim)

    return play


def _best_response(game: RepeatedMarket) -> Opponents:
    if isinstance(game.mechanism, SecondPrice):
        return _constant(game, equilibrium_actions(game))
    return lambda observations, state, uniform: equilibrium.best_response(game.market, state.bids.level)


def _random(game: RepeatedMarket) -> Opponents:
    sizes = game.mechanism.action_sizes(game.market)
    shape = action_shape(game)
    continuous = isinstance(game.mechanism, SecondPrice) and game.mechanism.action_type == "box"
    counts = np.array(sizes if len(sizes) > 1 else sizes[0])

    def play(observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        draws = uniform((observations.shape[0], *shape))
        return 2 * draws - 1 if continuous else (draws * counts).astype(np.int64)

    return play


def _each(game: RepeatedMarket, policies: Mapping[str, Policy]) -> Opponents:
    indices = {game.market.provider_index(name): policy for name, policy in policies.items()}
    if len(indices) < game.market.num_providers - 1:
        raise ValueError(
            f"opponents must hold a function for every provider but the learner, got {sorted(policies)}; "
            f"providers: {', '.join(game.market.providers)}"
        )

    def play(observations: np.ndarray, state: State, uniform: Uniform) -> np.ndarray:
        shape = action_shape(game)
        acts = {i: np.asarray(policy(observations[:, i])) for i, policy in indices.items()}
        joint = np.zeros((observations.shape[0], *shape), dtype=next(iter(acts.values())).dtype)
        for i, act in acts.items():
            joint[:, i] = act
        return joint

    return play
