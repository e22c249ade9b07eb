"""How good play is: greedy episodes, and their distance from the analytic equilibrium and optimum.

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
from ttc_env.mechanisms import Bids, Outcome, SecondPrice


class Play(NamedTuple):
    """One market played for `T` periods: actions `(T, n)` or `(T, n, 3)`, bids `(T, n)`, and expected outcomes."""

    actions: np.ndarray
    bids: Bids
    outcome: Outcome


def play(env: VectorMarket | Seats, act: Callable[[np.ndarray], Any], periods: int, seed: int = 0) -> Play:
    """Play from a reset with `act`, observations `(1, n, d)` to actions.

    `env` has one market, backend numpy; the actions recorded are those of all providers, also where only some learn.
    """
    observations, _ = env.reset(seed)
    actions, bids = [], []
    for _ in range(periods):
        action = np.asarray(act(observations))
        observations, _, _, _, info = env.step(action)
        actions.append(info.get("actions", action)[0])
        bids.append([part[0] for part in info["bids"]])
    made = Bids(*(np.stack(part) for part in zip(*bids, strict=True)))
    return Play(np.stack(actions), made, env.game.mechanism.clear(env.market, made))


def evaluate(env: VectorMarket | Seats, played: Play) -> dict[str, Any]:
    """Figures of a play beside the analytic ones, whatever the mechanism; means over its periods.

    `levels` is the profile of the last period (level indices) and `nash_levels` the analytic profile closest to it;
    `at_equilibrium` says whether nobody could gain by deviating from the last period. `nash_conv` sums what each
    provider could gain by its best deviation in a period; `relative_nash_conv` is that over total profit.
    """
    outcome, levels = played.outcome, played.bids.level[-1].tolist()
    mechanism = env.game.mechanism
    analytic = _auction(env, mechanism, played) if isinstance(mechanism, SecondPrice) else _per_token(env, played)
    profit = float(outcome.utility.sum(axis=-1).mean())
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


def _per_token(env: VectorMarket | Seats, played: Play) -> dict[str, Any]:
    market, levels = one_market(env.market), played.bids.level
    equilibria = equilibrium.pure_nash(market)
    if not len(equilibria):
        raise ValueError("the market has no pure equilibrium to compare with")
    distance = (equilibria != levels[-1]).sum(axis=-1)
    nearest = equilibria[int(distance.argmin())]
    at_nash = env.game.mechanism.clear(market, env.game.mechanism.bids(market, nearest))
    return {
        "nash_levels": nearest.tolist(),
        "at_equilibrium": bool(distance.min() == 0),
        "nash_conv": float(equilibrium.nash_conv(market, levels).total.mean()),
        "welfare_optimum": equilibrium.welfare_optimum(market).value,
        "nash_welfare": float(at_nash.welfare),
        "nash_user_value": float(at_nash.user_value),
        "nash_provider_profit": float(at_nash.utility.sum()),
        "nash_payment": float(at_nash.payment.sum()),
        "nash_shares": at_nash.shares.tolist(),
        "nash_profits": at_nash.utility.tolist(),
        "num_equilibria": len(equilibria),
        "price_of_anarchy": equilibrium.price_of_anarchy(market),
    }


def _auction(env: VectorMarket | Seats, mechanism: SecondPrice, played: Play) -> dict[str, Any]:
    market, bids, outcome = one_market(env.market), played.bids, played.outcome
    analytic = equilibrium.second_price_outcome(market)
    shares = np.zeros(market.num_providers)
    profits = shares.copy()
    if analytic.winner is not None:
        shares[analytic.winner], profits[analytic.winner] = 1.0, analytic.provider_profit
    truth = market.welfare_contribution.max(axis=-1)
    efficient = (truth == truth.max()) & (truth >= market.outside_value)
    won = outcome.shares if efficient.any() else outcome.outside_share[:, None]
    joint, period, count = np.unique(played.actions, axis=0, return_inverse=True, return_counts=True)
    regret = [equilibrium.auction_regret(market, mechanism, actions).sum() for actions in joint]
    return {
        "nash_levels": analytic.levels.tolist(),
        "at_equilibrium": bool(regret[period[-1]] < 1e-12),
        "nash_conv": float(np.average(regret, weights=count)),
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
