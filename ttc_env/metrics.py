"""How good one play is: its figures, and their distance from the analytic equilibrium and optimum.

All figures are of the expected market, also where demand was sampled in training. USD are per arriving query.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ttc_env import equilibrium
from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, Outcome, SecondPrice


class Play(NamedTuple):
    """One market played for `T` periods: actions `(T, n)` or `(T, n, 3)`, bids `(T, n)`, and expected outcomes."""

    actions: np.ndarray
    bids: Bids
    outcome: Outcome


def play(env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int = 0) -> Play:
    """Play from a reset with `act`, observations `(1, n, d)` to actions; `env` has one market, backend numpy."""
    return replay(one_market(env.market), env.game.mechanism, record_play(env, act, periods, seed))


def record_play(env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int = 0) -> np.ndarray:
    """Frozen play: the actions of `periods` periods from a reset, all markets of `env` one after another.

    Args:
        env: copies of a market, NumPy.
        act: from observations to actions, for example `learner.act`.
        periods: how many, at least 1.
        seed: of the markets.

    Returns:
        `(periods * num_markets, n)` or `(periods * num_markets, n, 3)`: what `FrozenPlay` and `Recorded`
        take; actions of all providers, also where only some learn.
    """
    if periods < 1:
        raise ValueError(f"periods must be at least 1, got {periods!r}")
    observations, _ = env.reset(seed)
    played = []
    for _ in range(periods):
        actions = np.asarray(act(observations))
        observations, _, _, _, info = env.step(actions)
        played.append(info.get("actions", actions))
    return np.concatenate(played)


def replay(market: Market, mechanism: Mechanism, actions: np.ndarray) -> Play:
    """The play of recorded actions, `(T, n)` or `(T, n, 3)`, with its expected outcomes."""
    bids = mechanism.bids(market, actions)
    return Play(actions, bids, mechanism.clear(market, bids))


def evaluate(env: VectorMarket | Seats, played: Play) -> dict[str, Any]:
    """Figures of a play beside the analytic ones, whatever the mechanism; see `evaluate_play`."""
    return evaluate_play(one_market(env.market), env.game.mechanism, played)


def evaluate_play(market: Market, mechanism: Mechanism, played: Play) -> dict[str, Any]:
    """Figures of a play beside the analytic ones, whatever the mechanism; means over its periods.

    `levels` is the profile of the last period (level indices) and `nash_levels` the analytic profile closest to it;
    `at_equilibrium` says whether nobody could gain by deviating from the last period. `nash_conv` sums what each
    provider could gain by its best deviation in a period; `relative_nash_conv` is that over total profit. Per-token
    pricing: `profit_gain` is 0 at that equilibrium's total profit and 1 at a cartel's (Calvano et al. 2020, section
    III.B); it is absent where a cartel can gain nothing.
    """
    outcome, levels = played.outcome, played.bids.level[-1].tolist()
    profit = float(outcome.utility.sum(axis=-1).mean())
    if isinstance(mechanism, SecondPrice):
        analytic = _auction(market, mechanism, played)
    else:
        analytic = _per_token(market, mechanism, played, profit)
    return {
        "levels": levels,
        "relative_nash_conv": analytic["nash_conv"] / profit if profit > 0 else math.inf,
        "welfare": float(outcome.welfare.mean()),
        "user_value": float(outcome.user_value.mean()),
        "provider_profit": profit,
        "payment": float(outcome.payment.sum(axis=-1).mean()),
        "shares": outcome.shares.mean(axis=0).tolist(),
        "profits": outcome.utility.mean(axis=0).tolist(),
    } | analytic


def _per_token(market: Market, mechanism: Mechanism, played: Play, profit: float) -> dict[str, Any]:
    levels = played.bids.level
    equilibria = equilibrium.pure_nash(market)
    if not len(equilibria):
        raise ValueError("the market has no pure equilibrium to compare with")
    distance = (equilibria != levels[-1]).sum(axis=-1)
    nearest = equilibria[int(distance.argmin())]
    at_nash = replay(market, mechanism, nearest).outcome
    competitive, cartel = float(at_nash.utility.sum()), equilibrium.joint_profit_optimum(market).value
    gain = {"profit_gain": (profit - competitive) / (cartel - competitive)} if cartel > competitive else {}
    return gain | {
        "nash_levels": nearest.tolist(),
        "at_equilibrium": bool(distance.min() == 0),
        "nash_conv": float(equilibrium.nash_conv(market, levels).total.mean()),
        "welfare_optimum": equilibrium.welfare_optimum(market).value,
        "nash_welfare": float(at_nash.welfare),
        "nash_user_value": float(at_nash.user_value),
        "nash_provider_profit": competitive,
        "nash_payment": float(at_nash.payment.sum()),
        "nash_shares": at_nash.shares.tolist(),
        "nash_profits": at_nash.utility.tolist(),
        "num_equilibria": len(equilibria),
        "price_of_anarchy": equilibrium.price_of_anarchy(market),
    }


def _auction(market: Market, mechanism: SecondPrice, played: Play) -> dict[str, Any]:
    bids, outcome = played.bids, played.outcome
    analytic = equilibrium.second_price_outcome(market)
    shares = np.zeros(market.num_providers)
    profits = shares.copy()
    if analytic.winner is not None:
        shares[analytic.winner], profits[analytic.winner] = 1.0, analytic.provider_profit
    truth = market.welfare_contribution.max(axis=-1)
    efficient = (truth == truth.max()) & (truth >= market.outside_value)
    won = outcome.shares if efficient.any() else outcome.outside_share[:, None]
    regret = equilibrium.auction_regret(market, mechanism, played.actions).sum(axis=-1)
    return {
        "nash_levels": analytic.levels.tolist(),
        "at_equilibrium": bool(regret[-1] < 1e-12),
        "nash_conv": float(regret.mean()),
        "welfare_optimum": analytic.welfare,
        "nash_welfare": analytic.welfare,
        "nash_user_value": analytic.user_value,
        "nash_provider_profit": analytic.provider_profit,
        "nash_shares": shares.tolist(),
        "nash_profits": profits.tolist(),
        "winner": market.providers[int(outcome.shares.mean(axis=0).argmax())],
        "analytic_winner": None if analytic.winner is None else market.providers[analytic.winner],
        "winner_efficiency": float(won[:, efficient if efficient.any() else [0]].sum(axis=-1).mean()),
        "analytic_payment": analytic.payment,
        "truthfulness_gap": float(np.abs(bids.claim - bids.ask - truth).mean()),
    }
