"""Playing a market and writing it down: rollouts, their actions, and their expected outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, Outcome, check_actions
from ttc_env.observing import observe


class Play(NamedTuple):
    """One market played for `T` periods: actions `(T, n)` or `(T, n, c)`, bids `(T, n)`, and expected outcomes."""

    actions: np.ndarray
    bids: Bids
    outcome: Outcome


def play(env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int = 0) -> Play:
    """Play from a reset with `act`, observations `(1, n, d)` to actions; `env` has one market, backend numpy."""
    return replay(one_market(env.market), env.game.mechanism, record_play(env, act, periods, seed))


def record_play(
    env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int | Sequence[int] = 0
) -> np.ndarray:
    """Frozen play: the actions of `periods` periods from a reset, all markets of `env` one after another.

    Args:
        env: copies of a market, NumPy.
        act: from observations to actions, for example `learner.act`.
        periods: how many, at least 1.
        seed: of the markets, or one for each.

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


def play_types(env: VectorMarket, act: Callable[[np.ndarray], Any], periods: int = 10, seed: int = 0) -> np.ndarray:
    """What a policy does on every query type of a mixture after one and the same past.

    Args:
        env: a mixture of `T` types in as many markets, NumPy; the first market's past is that of all.
        act: from observations to actions.
        periods: of this past, played from a reset.
        seed: of the markets.

    Returns:
        Actions `(T, n)` or `(T, n, c)`: where information is private, a strategy as `PrivateGame` takes it.

    Raises:
        ValueError: another number of markets than of types, or no types.
    """
    types = 0 if env.game.dynamics is None else sum(env.game.dynamics.sizes(env.game.market))
    if types != env.num_markets:
        raise ValueError(f"a policy is asked on every type at once: num_markets must be {types}, got {env.num_markets}")
    observations, _ = env.reset(seed)
    for _ in range(periods):
        observations = env.step(np.asarray(act(observations)))[0]
    past = _of_the_first(env.record(), types)._replace(carried=np.arange(types)[:, None])
    return np.array(act(observe(env.game, past)))


def _of_the_first(record: Any, rows: int) -> Any:
    """A record whose rows are all the first one of the given."""
    if isinstance(record, tuple):
        return type(record)(*(_of_the_first(part, rows) for part in record))
    return None if record is None else np.repeat(record[:1], rows, axis=0)


def replay(market: Market, mechanism: Mechanism, actions: np.ndarray) -> Play:
    """The play of recorded actions, `(T, n)` or `(T, n, c)`, with its expected outcomes.

    Raises:
        ValueError: actions of another shape or outside the space.
    """
    actions = np.ascontiguousarray(check_actions(mechanism, market, actions))  # sums round as memory lies
    bids = mechanism.bids(market, actions)
    return Play(actions, bids, mechanism.clear(market, bids))
