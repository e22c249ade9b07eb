"""Pure Markov perfect equilibria: best responses in turns, each an exact decision problem, until nobody moves.

Nothing guarantees that this ends; what it ends in is certified by one more round in which nobody gains at any state.

Source: Pakes and McGuire 1994, *Computing Markov-perfect Nash equilibria* (section 3: one player at a time).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from ttc_env.checks import whole
from ttc_env.dynamics import decision
from ttc_env.equilibrium import StageGame, Unanswered

if TYPE_CHECKING:
    from ttc_env.dynamics.game import MarkovGame

ROUNDS = 100  # of best responses from one start
STARTS = 5  # random policies after the stage game's, before the search is given up


def stage_policy(game: MarkovGame) -> np.ndarray:
    """The first stage equilibrium in every state: of the base market, or of each state's if it moves by itself."""
    if not game.dynamics.exogenous:
        return np.tile(_first(game.stage_game), (game.num_states, 1))
    policy = np.zeros((game.num_states, game.num_providers), dtype=np.int64)
    for s in np.flatnonzero(game.there.any(axis=1)).tolist():
        policy[s, game.there[s]] = _first(game.stage_in(s))
    return policy


def find(game: MarkovGame) -> np.ndarray:
    """An equilibrium, from the stage game's or else from random policies.

    Raises:
        Unanswered: none was found; it states the least gain.
    """
    least = np.inf
    for start in _starts(game, STARTS, 0):
        policy, gain = climb(game, start)
        if gain == 0:
            return policy
        least = min(least, gain)
    raise Unanswered(
        f"best responses in turns found no pure Markov perfect equilibrium from {1 + STARTS} starts; where they "
        f"stopped, some provider could still gain {least:g} USD at the least (discounted, at the best of states)"
    )


def find_all(game: MarkovGame, starts: int, seed: int) -> np.ndarray:
    """The distinct equilibria reached from the stage game's policy and from random ones, `(E, S, n)`."""
    found: list[np.ndarray] = []
    for start in _starts(game, whole("starts", starts), whole("seed", seed, least=0)):
        policy, gain = climb(game, start)
        if gain == 0 and not any(np.array_equal(policy, one) for one in found):
            found.append(policy)
    return np.array(found, dtype=np.int64).reshape(-1, game.num_states, game.num_providers)


def climb(game: MarkovGame, policy: np.ndarray) -> tuple[np.ndarray, float]:
    """Best responses in turns from a policy, and the most that one provider could still gain at any state in the end.

    That is 0 at an equilibrium. They end without one when they come to a policy again.
    """
    policy, seen, settled = policy.copy(), set[bytes](), 0  # settled: how many in a row would not move
    while (key := policy.tobytes()) not in seen and len(seen) < ROUNDS:
        seen.add(key)
        for i in range(game.num_providers):
            response, _ = decision.solve(game.decision(policy, i), game.discount, policy[:, i], ties="stay")
            settled += 1
            if (response != policy[:, i]).any():
                policy[:, i], settled = response, 1
            if settled == game.num_providers:
                return policy, 0.0
    return policy, float(game.gains(policy).max())


def _starts(game: MarkovGame, count: int, seed: int) -> Iterator[np.ndarray]:
    with suppress(Unanswered):  # random policies are left
        yield stage_policy(game)
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield generator.integers(game.num_actions, size=(game.num_states, game.num_providers))


def _first(stage: StageGame) -> np.ndarray:
    """Action indices of a stage game's equilibrium, `(n,)`.

    Raises:
        Unanswered: none was found.
    """
    return stage.numbers(stage.equilibrium())
