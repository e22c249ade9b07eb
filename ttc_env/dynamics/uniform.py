"""What random play leaves to be gained in a game with a state: where the scale of scores begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ttc_env.dynamics import decision
from ttc_env.dynamics.lotteries import lottery
from ttc_env.equilibrium import NashConv

if TYPE_CHECKING:
    from ttc_env.dynamics.game import MarkovGame

WORK = 2**21  # numbers of one decision problem, up to which the others' joint actions are gone through
SAMPLE = 1024  # of them at the most, where they are not
LEAST = 16


def uniform_nash_conv(game: MarkovGame) -> NashConv:
    """NashConv of providers who draw each action with the same probability in every state, USD.

    Exact where the state moves by itself (as far as the stage games are) and where the joint actions of the others can
    be gone through. Elsewhere they are a fixed sample of up to 1,024 joint actions, the same in every call and state:
    the expectations over them are estimates, in which no further randomness enters.

    Raises:
        ValueError: too many states and actions even for a small sample.
    """
    if game.dynamics.exogenous:
        gains = np.zeros(game.there.shape)
        for state in np.flatnonzero(game.there.any(axis=1)).tolist():
            gains[state, game.there[state]] = game.stage_in(state).uniform_nash_conv().improvements
        here = game.stage(np.zeros(gains.shape, dtype=np.int64)).moves
        improvements = game.start_weights @ decision.evaluate(gains, here, game.discount)
        return NashConv(improvements.sum(), improvements)
    improvements = np.array([_gain(game, i) for i in range(game.num_providers)])
    return NashConv(improvements.sum(), improvements)


def _gain(game: MarkovGame, provider: int) -> float:
    """What the best response to uniform play earns more than uniform play itself, from the start, USD."""
    problem = game.decision_against(*_others(game, provider), provider)
    best = decision.solve(problem, game.discount)[1]
    own = decision.random_values(problem, game.discount)
    return max(0.0, float(game.start_weights @ (best - own)))


def _others(game: MarkovGame, provider: int) -> tuple[np.ndarray, np.ndarray]:
    """Joint actions of the others and their probabilities: all, or a sample; the same in every state."""
    size, n, count = game.num_states, game.num_providers, game.num_actions
    each = size * count * max(n, game.num_branches)
    if count ** (n - 1) * each <= WORK:
        others = [j for j in range(n) if j != provider]
        return lottery(np.full((size, n, count), 1 / count), others, lambda *sizes: None)
    drawn = min(SAMPLE, WORK // each)
    if drawn < LEAST:
        raise ValueError(
            f"uniform play of {n} providers with {count} actions in {size} states is too large to be judged: "
            f"{LEAST * each} numbers for a sample of {LEAST} joint actions, more than {WORK}"
        )
    profiles = np.random.default_rng(0).integers(count, size=(1, drawn, n))
    return np.repeat(profiles, size, axis=0), np.full((size, drawn), 1 / drawn)
