"""Figures of the play that some seats have shown: regret, how they answer their rivals, and play without fallbacks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ttc_env import Market, StageGame
from ttc_env.batch import one_market
from ttc_env.dynamics import decode
from ttc_env.dynamics.protocol import clear
from ttc_env.equilibrium import Unanswered
from ttc_env.evaluation.responsiveness import responsiveness
from ttc_env.mechanisms import Bids, Mechanism
from ttc_env.metrics import evaluate_play, replay
from ttc_env.period import period_of
from ttc_env.repeated import RepeatedMarket

CLEAN = ("welfare", "user_value", "provider_profit", "nash_conv", "relative_nash_conv", "profit_gain")


class Shown(NamedTuple):
    """Play that was shown: bids `(T, B, n)`, and expected shares and profits, the same shape."""

    bids: Bids
    shares: np.ndarray
    utility: np.ndarray


def figures_of_play(
    game: RepeatedMarket, seats: np.ndarray, actions: np.ndarray, fallen: np.ndarray, states: np.ndarray | None = None
) -> dict[str, Any]:
    """What a log of play shows, in expected outcomes.

    `regret` of each seat is what its best action in hindsight would have added, USD per period; None where something
    is carried over, for another action would have led elsewhere. `responsiveness` of each seat is that of its asks
    where the mechanism shows asks, else of its levels (in units of compute), see
    `ttc_env.evaluation.responsiveness`. `without_fallbacks` are figures of the periods in which all seats gave an
    answer. `path` holds every period in long form.

    Args:
        game: the repeated market, one market and NumPy.
        seats: who is looked at, `(s,)`.
        actions: of all providers, `(T, B, n)` or `(T, B, n, c)`.
        fallen: where a seat repeated its last action, `(T, B, s)`.
        states: that were played in, by index, `(T, B)`, where something is carried over.
    """
    market, mechanism = one_market(game.market), game.mechanism
    shown = _shown(game, actions, states)
    offer = "ask" if "ask" in mechanism.public else "level"
    offers = np.asarray(market.levels)[shown.bids.level] if offer == "level" else np.asarray(shown.bids.ask)
    found: dict[str, Any] = {
        "seats": seats.tolist(),
        "offer": offer,
        "regret": _regret(market, mechanism, seats, actions) if states is None else None,
    }
    found["responsiveness"] = []
    for seat in seats.tolist():
        rivals = np.delete(offers, seat, axis=2)
        if rivals.shape[2]:
            fit = responsiveness(offers[..., seat], rivals.mean(axis=2))
            found["responsiveness"].append({name: _number(value) for name, value in fit._asdict().items()})
    clean = ~fallen.any(axis=2)
    if clean.any() and states is None:
        figures = evaluate_play(market, mechanism, replay(market, mechanism, actions[clean]))
        found["without_fallbacks"] = {"periods": int(clean.sum())} | {
            name: _number(figures[name]) for name in CLEAN if name in figures
        }
    elif clean.any():
        profit = float(shown.utility[clean].sum(axis=-1).mean())
        found["without_fallbacks"] = {"periods": int(clean.sum()), "provider_profit": profit}
    found["path"] = _path(shown, seats, fallen)
    return found


def _shown(game: RepeatedMarket, actions: np.ndarray, states: np.ndarray | None) -> Shown:
    """What was played, with what it earned on average; in the states it was played in, where there are some."""
    market = one_market(game.market)
    if game.dynamics is None or states is None:
        played = replay(market, game.mechanism, actions)
        return Shown(played.bids, np.asarray(played.outcome.shares), np.asarray(played.outcome.utility))
    digits, rows = decode(states.ravel(), game.dynamics.sizes(market)), states.size
    period = game.dynamics.period(period_of(market), digits)
    outcome = clear(game.dynamics, game.mechanism, period, digits, actions.reshape(rows, *actions.shape[2:]))
    shape = actions.shape[:3]
    bids = Bids(*(np.reshape(part, shape) for part in outcome.bids))
    return Shown(bids, np.reshape(outcome.shares, shape), np.reshape(outcome.utility, shape))


def _regret(market: Market, mechanism: Mechanism, seats: np.ndarray, actions: np.ndarray) -> list[float] | None:
    """The mean over markets; None where actions cannot be listed."""
    game = StageGame(market, mechanism)
    try:
        logs = [game.regrets(actions[:, row])[0][seats] for row in range(actions.shape[1])]
    except (Unanswered, ValueError):
        return None
    return np.mean(logs, axis=0).tolist()


def _path(shown: Shown, seats: np.ndarray, fallen: np.ndarray) -> dict[str, list[Any]]:
    periods, markets, providers = (part.ravel().tolist() for part in np.indices(shown.shares.shape))
    repeated = np.zeros(shown.shares.shape, dtype=int)
    repeated[:, :, seats] = fallen
    columns = {"level_index": shown.bids.level, "ask": shown.bids.ask, "claim": shown.bids.claim}
    columns |= {"share": shown.shares, "profit": shown.utility, "repeated": repeated}
    return {"period": [period + 1 for period in periods], "market": markets, "provider": providers} | {
        name: np.asarray(column).ravel().tolist() for name, column in columns.items()
    }


def _number(value: float) -> float | None:
    """The number, None where JSON has none for it."""
    return value if math.isfinite(value) else None
