"""Figures of the play that some seats have shown: regret, how they answer their rivals, and play without fallbacks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ttc_env import Market, StageGame
from ttc_env.equilibrium import Unanswered
from ttc_env.evaluation.responsiveness import responsiveness
from ttc_env.mechanisms import Mechanism
from ttc_env.metrics import evaluate_play, replay

CLEAN = ("welfare", "user_value", "provider_profit", "nash_conv", "relative_nash_conv", "profit_gain")


def figures_of_play(
    market: Market, mechanism: Mechanism, seats: np.ndarray, actions: np.ndarray, fallen: np.ndarray
) -> dict[str, Any]:
    """What a log of play shows, in expected outcomes.

    `regret` of each seat is what its best action in hindsight would have added, USD per period. `responsiveness` of
    each seat is that of its asks where the mechanism shows asks, else of its levels (in units of compute), see
    `ttc_env.evaluation.responsiveness`. `without_fallbacks` are figures of the periods in which all seats gave an
    answer. `path` holds every period in long form.

    Args:
        market: the one market.
        mechanism: how it was cleared.
        seats: who is looked at, `(s,)`.
        actions: of all providers, `(T, B, n)` or `(T, B, n, c)`.
        fallen: where a seat repeated its last action, `(T, B, s)`.
    """
    played = replay(market, mechanism, actions)
    offer = "ask" if "ask" in mechanism.public else "level"
    offers = np.asarray(market.levels)[played.bids.level] if offer == "level" else np.asarray(played.bids.ask)
    found: dict[str, Any] = {
        "seats": seats.tolist(),
        "offer": offer,
        "regret": _regret(market, mechanism, seats, actions),
    }
    found["responsiveness"] = []
    for seat in seats.tolist():
        rivals = np.delete(offers, seat, axis=2)
        if rivals.shape[2]:
            fit = responsiveness(offers[..., seat], rivals.mean(axis=2))
            found["responsiveness"].append({name: _number(value) for name, value in fit._asdict().items()})
    clean = ~fallen.any(axis=2)
    if clean.any():
        figures = evaluate_play(market, mechanism, replay(market, mechanism, actions[clean]))
        found["without_fallbacks"] = {"periods": int(clean.sum())} | {
            name: _number(figures[name]) for name in CLEAN if name in figures
        }
    found["path"] = _path(played, seats, fallen)
    return found


def _regret(market: Market, mechanism: Mechanism, seats: np.ndarray, actions: np.ndarray) -> list[float] | None:
    """The mean over markets; None where actions cannot be listed."""
    game = StageGame(market, mechanism)
    try:
        logs = [game.regrets(actions[:, row])[0][seats] for row in range(actions.shape[1])]
    except (Unanswered, ValueError):
        return None
    return np.mean(logs, axis=0).tolist()


def _path(played: Any, seats: np.ndarray, fallen: np.ndarray) -> dict[str, list[Any]]:
    periods, markets, providers = (part.ravel().tolist() for part in np.indices(played.bids.level.shape))
    repeated = np.zeros(played.bids.level.shape, dtype=int)
    repeated[:, :, seats] = fallen
    columns = {"level_index": played.bids.level, "ask": played.bids.ask, "claim": played.bids.claim}
    columns |= {"share": played.outcome.shares, "profit": played.outcome.utility, "repeated": repeated}
    return {"period": [period + 1 for period in periods], "market": markets, "provider": providers} | {
        name: np.asarray(column).ravel().tolist() for name, column in columns.items()
    }


def _number(value: float) -> float | None:
    """The number, None where JSON has none for it."""
    return value if math.isfinite(value) else None
