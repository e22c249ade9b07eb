"""Best-response dynamics of the per-token game, recorded turn by turn.

Source: arXiv:2601.21839, section 3. Every move raises the potential, so the sequential orders reach an equilibrium.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.equilibrium.best_response import best_response
from ttc_env.market import Array, Market

ORDERS = ("cyclic", "shuffled", "simultaneous")


class Dynamics(NamedTuple):
    """A run of best-response dynamics.

    profiles: before the first turn and after each, `(turns + 1, n)` ints; `market.potential(profiles)`,
        `market.shares(profiles)` and `market.utility(profiles)` are the records that the paper plots.
    movers: whose turn it was, `(turns,)` ints; -1 for a simultaneous move of all.
    converged: whether the last round changed nothing, so that the last profile is an equilibrium.
    """

    profiles: np.ndarray
    movers: np.ndarray
    converged: bool


def best_response_dynamics(
    market: Market,
    start: Array,
    *,
    order: str = "cyclic",
    ties: str = "stay",
    rng: np.random.Generator | None = None,
    max_rounds: int = 1000,
) -> Dynamics:
    """Let the providers answer each other until nobody moves.

    Args:
        market: the market.
        start: the first profile, `(n,)` ints.
        order: `"cyclic"`: in turn, by index; `"shuffled"`: in turn, in a new random order each round;
            `"simultaneous"`: all at once, which may cycle.
        ties: as in `best_response`; with `"stay"` only a gain makes a provider move.
        rng: draws the orders, where they are shuffled.
        max_rounds: stop after this many rounds, converged or not.

    Raises:
        ValueError: an unknown order, a batch of profiles, or a shuffled order without a generator.
    """
    if order not in ORDERS:
        raise ValueError(f"unknown order {order!r}; allowed: {', '.join(ORDERS)}")
    if order == "shuffled" and rng is None:
        raise ValueError("order='shuffled' needs a generator: rng=numpy.random.default_rng(seed)")
    profile = np.array(market.check(start))
    if profile.ndim != 1:
        raise ValueError(f"start must be one profile of shape ({market.num_providers},), got shape {profile.shape}")
    turns = np.arange(market.num_providers) if order != "simultaneous" else np.array([-1])
    profiles, movers = [profile], list[int]()
    for _ in range(max_rounds):
        before = profile
        for mover in turns if rng is None or order != "shuffled" else rng.permutation(turns):
            response = best_response(market, profile, ties=ties)
            moving = (mover < 0) | (np.arange(market.num_providers) == mover)
            profile = np.where(moving, response, profile)
            profiles.append(profile)
            movers.append(int(mover))
        if np.array_equal(profile, before):
            return Dynamics(np.array(profiles), np.array(movers), True)
    return Dynamics(np.array(profiles), np.array(movers, dtype=int), False)
