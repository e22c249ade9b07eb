"""Best-response dynamics of the per-token game, recorded turn by turn.

Source: arXiv:2601.21839, section 3. Every move raises the potential, so the sequential orders reach an equilibrium.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.best_response import best_response
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.market import Market

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
    market = in_numpy(market)
    profile = market.check(start)
    if profile.ndim != 1:
        raise ValueError(f"start must be one profile of shape ({market.num_providers},), got shape {profile.shape}")
    providers = np.arange(market.num_providers)
    profiles, movers, converged = [profile], list[int](), False
    while not converged and max_rounds > 0:
        turns = np.array([-1]) if order == "simultaneous" else providers
        if rng is not None and order == "shuffled":
            turns = rng.permutation(providers)
        for mover in turns:
            response = best_response(market, profiles[-1], ties=ties)
            profiles.append(np.where((providers == mover) | (mover < 0), response, profiles[-1]))
            movers.append(int(mover))
        converged = np.array_equal(profiles[-1], profiles[-1 - len(turns)])
        max_rounds -= 1
    return Dynamics(np.array(profiles), np.array(movers, dtype=np.intp), converged)
