"""Play that cannot be judged exactly: what it comes to by playing it, and what could be gained by a bound from below.

So it is in markets that carry something over where there are more states than can be gone through, where the state is
hidden (`observe="own"`), and where players remember more than the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ttc_env.batch import one_market
from ttc_env.dynamics import DISCOUNT, TooLarge
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import relative_gap
from ttc_env.evaluation.trained_response import Act, Plays, lower_bounds
from ttc_env.judging import markov_game

UPDATES, COPIES = 500, 16  # of a bound: periods of Q-learning, and copies of the market for each provider


def is_exact(env: VectorMarket | Seats, remembers: bool = False) -> bool:
    """Whether `ttc_env.judging.judge` has an exact answer for play in a market.

    Args:
        env: the market.
        remembers: whether the players have a memory of their own.
    """
    if env.game.dynamics is None:
        return True
    if remembers or env.game.observe != "public":
        return False
    try:
        markov_game(env)
    except TooLarge:
        return False
    return True


def bounded_figures(
    env: VectorMarket | Seats,
    act: Act,
    enter: Callable[[Any], Any] | None = None,
    discount: float = DISCOUNT,
    updates: int = UPDATES,
    num_markets: int = COPIES,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures of players, with the keys of `ttc_env.judging.figures` as far as they are known; USD of a period.

    They are averages over plays from the start, later periods counting less. `nash_conv` and `relative_nash_conv` are
    lower bounds (`nash_conv_bound` says so): what a trained response of each provider gains, up to
    `nash_conv_error`, its standard error. `at_equilibrium` is false, for no lower bound shows that nobody gains.

    Args:
        env: one market, backend numpy, all of whose providers are played by `act`.
        act: from observations `(B, n, d)` to actions.
        enter: told of the markets that the observations come from.
        discount: of the next period.
        updates: periods of Q-learning of the responses in each copy of the market.
        num_markets: copies for each provider.
        seed: of the markets and of what is tried.

    Raises:
        ValueError: some providers are scripted.
    """
    if isinstance(env, Seats):
        raise ValueError("all providers are judged together where gains are bounded; learners must be all")
    market, game = one_market(env.market), env.game
    everybody = range(market.num_providers)
    plays = Plays(
        market, act, everybody, game.mechanism, game.dynamics, game.observe, enter, discount, game.demand, num_markets,
        seed, game.reward_scale,
    )  # fmt: skip
    found = _averages(plays)
    bounds = lower_bounds(plays, updates)
    gap = sum(max(0.0, bound.gain) for bound in bounds)
    return found | {
        "nash_conv": gap,
        "relative_nash_conv": relative_gap(gap, found["profits"]),
        "nash_conv_error": float(np.linalg.norm([bound.standard_error for bound in bounds])),
        "nash_conv_bound": "lower",
        "at_equilibrium": False,
    }


def _averages(plays: Plays) -> dict[str, Any]:
    """Of the providers' own play: means over plays, and over periods by their weight."""
    observations, _ = plays.reset()
    names = ("welfare", "user_value", "utility", "payment", "shares")
    total: dict[str, Any] = dict.fromkeys(names, 0.0)
    for t in range(plays.horizon):
        observations, _, outcome = plays.step(observations, None)
        weight = (1 - plays.discount) * plays.discount**t
        for name in names:
            total[name] = total[name] + weight * getattr(outcome, name).mean(axis=0)
    levels = np.asarray(outcome.bids.level)
    return {
        "levels": [int(np.bincount(column).argmax()) for column in levels.T],
        "welfare": float(total["welfare"]),
        "user_value": float(total["user_value"]),
        "provider_profit": float(total["utility"].sum()),
        "payment": float(total["payment"].sum()),
        "shares": total["shares"].tolist(),
        "profits": total["utility"].tolist(),
    }
