"""The best that can be done without looking at the state: one action for each provider, played for ever."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ttc_env.equilibrium import Unanswered

if TYPE_CHECKING:
    from ttc_env.dynamics.game import MarkovGame

LISTED = 300  # profiles that are gone through; each needs the best response of every provider
CHANGES = 500  # actions of all providers together, up to which they are changed one by one
STARTS = 3  # random profiles after the stage game's, from which providers are changed one by one


class BestConstant(NamedTuple):
    """Constant play of least NashConv.

    policy: action indices, `(S, n)`, the same in every state.
    gap: its NashConv, USD, or its NashConv over profit.
    exact: whether all profiles were gone through; otherwise a better one may exist.
    """

    policy: np.ndarray
    gap: float
    exact: bool


def best_constant(game: MarkovGame, relative: bool = False) -> BestConstant:
    """The profile of constant actions from which least can be gained, by policies that may see the state.

    Up to 300 profiles are gone through. Where there are more, one provider's action after another is changed to the
    one that leaves least, until none does, from the stage game's equilibrium and from three random profiles.

    Args:
        game: the market with its dynamics.
        relative: least NashConv over profit, instead of least NashConv.

    Raises:
        Unanswered: more actions than can be changed one by one.
    """
    n, count = game.num_providers, game.num_actions
    known: dict[tuple[int, ...], float] = {}

    def gap(profile: np.ndarray) -> float:
        key = tuple(profile.tolist())
        if key not in known:
            policy = spread(game, profile)
            known[key] = game.relative_nash_conv(policy) if relative else float(game.nash_conv(policy).total)
        return known[key]

    if exact := n * math.log(count) <= math.log(LISTED):
        for profile in np.indices((count,) * n).reshape(n, -1).T:
            gap(profile)
    elif n * count > CHANGES:
        raise Unanswered(
            f"best constant play is searched among at most {CHANGES} actions of all providers together, got {n * count}"
        )
    else:
        for start in _starts(game):
            _descend(gap, start, count)
    best = min(known, key=known.__getitem__)
    return BestConstant(spread(game, np.array(best)), known[best], exact)


def spread(game: MarkovGame, profile: np.ndarray) -> np.ndarray:
    """The policy that plays action indices `(n,)` in every state, `(S, n)`."""
    return np.tile(profile, (game.num_states, 1))


def _starts(game: MarkovGame) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    found = [generator.integers(game.num_actions, size=game.num_providers) for _ in range(STARTS)]
    try:
        return [game.stage_policy()[game.start], *found]
    except Unanswered:
        return found


def _descend(gap: Callable[[np.ndarray], float], profile: np.ndarray, count: int) -> None:
    """Change one action after another to the best, until none is changed."""
    settled, i = 0, 0
    while settled < len(profile):
        trials = [np.where(np.arange(len(profile)) == i, k, profile) for k in range(count)]
        gaps = [gap(trial) for trial in trials]
        best = int(np.argmin(gaps))
        if gaps[best] < gap(profile):
            profile, settled = trials[best], 0
        settled, i = settled + 1, (i + 1) % len(profile)
