"""How good one play is: its figures, and their distance from the analytic equilibrium and optimum.

All figures are of the expected market, also where demand was sampled in training. USD are per arriving query. The stage
game is asked for what is known of it, whatever the mechanism; what it cannot answer is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import StageGame, Unanswered, relative_gap
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism
from ttc_env.playing import Play, play, record_play, replay

__all__ = ["Play", "evaluate", "evaluate_play", "play", "record_play", "replay"]  # playing had its home here

stage_game = lru_cache(maxsize=64)(StageGame)
"""The stage game of a market, which remembers what it has answered."""


def evaluate(env: VectorMarket | Seats, played: Play) -> dict[str, Any]:
    """Figures of a play beside the analytic ones, whatever the mechanism; see `evaluate_play`.

    Raises:
        ValueError: a batch of different markets, or curves that change: no one stage game is played.
    """
    dynamics = env.game.dynamics
    if dynamics is not None and dynamics.changes_curves:
        raise ValueError(f"figures of one stage game say nothing where {dynamics.name} change the curves")
    return evaluate_play(one_market(env.market), env.game.mechanism, played)


def evaluate_play(market: Market, mechanism: Mechanism, played: Play) -> dict[str, Any]:
    """Figures of a play beside the analytic ones, whatever the mechanism; means over its periods.

    `levels` is the profile of the last period (level indices). `nash_conv` sums what each provider could gain by its
    best deviation in a period, `relative_nash_conv` is that over what all earn and lose, `at_equilibrium` says whether
    nobody could gain by deviating from the last period. `nash_levels` and the other figures of `nash_...` are those of
    the equilibrium closest to the last period. `profit_gain` is 0 at that equilibrium's total profit and 1 at a
    cartel's (Calvano et al. 2020, section III.B); it is absent where a cartel can gain nothing. What the game cannot
    answer exactly is absent too, and `StageGame.figures` adds what it alone has.
    """
    game, outcome = stage_game(market, mechanism), played.outcome
    profit = float(outcome.utility.sum(axis=-1).mean())
    gap = float(game.nash_conv(played.actions).total.mean())
    figures = {
        "levels": played.bids.level[-1].tolist(),
        "relative_nash_conv": relative_gap(gap, outcome.utility.mean(axis=0)),
        "welfare": float(outcome.welfare.mean()),
        "user_value": float(outcome.user_value.mean()),
        "provider_profit": profit,
        "payment": float(outcome.payment.sum(axis=-1).mean()),
        "shares": outcome.shares.mean(axis=0).tolist(),
        "profits": outcome.utility.mean(axis=0).tolist(),
        "nash_conv": gap,
        "at_equilibrium": bool(game.is_equilibrium(played.actions[-1])),
    }
    figures |= _known(lambda: {"welfare_optimum": game.welfare_optimum().value})
    figures |= _known(lambda: _beside_equilibrium(game, played))
    if "nash_provider_profit" in figures:
        figures |= _known(lambda: _profit_gain(game, profit, figures["nash_provider_profit"]))
    return figures | _known(lambda: game.figures(played.actions, outcome))


def _known(answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """An answer of the game, or nothing where it has none."""
    try:
        return answer()
    except Unanswered:
        return {}


def _beside_equilibrium(game: StageGame, played: Play) -> dict[str, Any]:
    """The figures of the equilibrium in which most providers do what they did last."""
    equilibria = _equilibria(game, played.actions[-1])
    unlike = (equilibria != played.actions[-1]).reshape(*equilibria.shape[:2], -1).any(axis=-1).sum(axis=-1)
    nash = game.outcome(equilibria[int(unlike.argmin())])
    return {
        "nash_levels": nash.bids.level.tolist(),
        "nash_welfare": float(nash.welfare),
        "nash_user_value": float(nash.user_value),
        "nash_provider_profit": float(nash.utility.sum()),
        "nash_payment": float(nash.payment.sum()),
        "nash_shares": nash.shares.tolist(),
        "nash_profits": nash.utility.tolist(),
    }


def _equilibria(game: StageGame, actions: np.ndarray) -> np.ndarray:
    """All equilibria, or where they cannot be listed what was played, if it is one, or the one that can be found."""
    try:
        return game.equilibria()
    except Unanswered:
        return (actions if game.is_equilibrium(actions) else game.equilibrium())[None]


def _profit_gain(game: StageGame, profit: float, competitive: float) -> dict[str, float]:
    cartel = game.joint_profit_optimum().value
    return {"profit_gain": (profit - competitive) / (cartel - competitive)} if cartel > competitive else {}
