"""Playing a market and writing it down: rollouts, their actions, and their expected outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, Outcome


class Play(NamedTuple):
    """One market played for `T` periods: actions `(T, n)` or `(T, n, c)`, bids `(T, n)`, and expected outcomes."""

    actions: np.ndarray
    bids: Bids
    outcome: Outcome


def play(env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int = 0) -> Play:
    """Play from a reset with `act`, observations `(1, n, d)` to actions; `env` has one market, backend numpy."""
    return replay(one_market(env.market), env.game.mechanism, record_play(env, act, periods, seed))


def record_play(env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int = 0) -> np.ndarray:
    """Frozen play: the actions of `periods` periods from a reset, all markets of `env` one after another.

    Args:
        env: copies of a market, NumPy.
        act: from observations to actions, for example `learner.act`.
        periods: how many, at least 1.
        seed: of the markets.

    Returns:
        `(periods * num_markets, n)` or `(periods * num_markets, n, c)`: what `FrozenPlay` and `Recorded` take; actions
        of all providers, also where only some learn.
    """
    if periods < 1:
        raise ValueError(f"periods must be at least 1, got {periods!r}")
    observations, _ = env.reset(seed)
    played = []
    for _ in range(periods):
        observations, _, _, _, info = env.step(np.asarray(act(observations)))
        played.append(info["actions"])
    return np.concatenate(played)


def replay(market: Market, mechanism: Mechanism, actions: np.ndarray) -> Play:
    """The play of recorded actions, `(T, n)` or `(T, n, c)`, with its expected outcomes."""
    bids = mechanism.bids(market, actions)
    return Play(actions, bids, mechanism.clear(market, bids))
