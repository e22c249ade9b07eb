"""What all providers together could reach: a planner's best policy, a cartel's, or a bound on it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ttc_env.dynamics import decision
from ttc_env.dynamics.decision import Decision
from ttc_env.equilibrium import StageGame, Unanswered
from ttc_env.market import Market
from ttc_env.period import TABLES, PeriodMarket

if TYPE_CHECKING:
    from ttc_env.dynamics.game import MarkovGame

GONE_THROUGH = 2**22  # states x joint actions x states that may follow


class JointOptimum(NamedTuple):
    """The best that joint policies attain.

    values: from each state, USD discounted, `(S,)`: what the policy attains, or an upper bound where not `exact`.
    policy: a best one, action indices `(S, n)`, or None where only the bound is known.
    exact: whether the values are attained.
    """

    values: np.ndarray
    policy: np.ndarray | None
    exact: bool


def optimum(game: MarkovGame, objective: str) -> JointOptimum:
    """The most discounted `"welfare"`, or `"profit"` of all providers together.

    Where states and joint actions are too many, the bound that in every period the best state's best is had.
    """
    n, size, count = game.num_providers, game.num_states, game.num_actions
    if game.dynamics.names_seller:
        with suppress(Unanswered):
            return _by_sales(game, objective)
    if size * count**n * game.num_branches > GONE_THROUGH:
        return JointOptimum(np.full(size, _largest(game, objective) / (1 - game.discount)), None, False)
    every = np.indices((count,) * n).reshape(n, -1).T
    outcome, moves = game.clear(np.broadcast_to(every, (size, *every.shape)))
    reward = outcome.welfare if objective == "welfare" else outcome.utility.sum(axis=-1)
    chosen, values = decision.solve(Decision(reward, moves), game.discount)
    return JointOptimum(values, every[chosen], True)


def _by_sales(game: MarkovGame, objective: str) -> JointOptimum:
    """By policy iteration where the state names the seller: a sale is worth what it earns and what follows from it.

    Raises:
        Unanswered: the stage game has no closed form for what is best to sell.
    """
    n, welfare = game.num_providers, objective == "welfare"
    stages = [StageGame(game.market_in(s), game.mechanism) for s in range(game.num_states)]
    policy = np.zeros((game.num_states, n), dtype=np.int64)
    seen = set[bytes]()
    while (key := policy.tobytes()) not in seen:
        seen.add(key)
        values = game.welfare(policy) if welfare else game.values(policy).sum(axis=-1)
        after = game.discount * values
        best = []
        for stage in stages:
            market = stage.market
            earned = market.welfare_contribution if welfare else market.margin
            nothing = market.outside_value if welfare else 0.0
            best.append(stage.best_sale(earned + after[:n, None], nothing + after[n]).profile)
        policy = np.stack(best)
    return JointOptimum(values, policy, True)


def market_of(market: Market, period: PeriodMarket, state: int) -> Market:
    """The market that a period is in one state: of versions `(S, 1, n)`."""
    if period.rows is market.rows:
        return market
    tables: dict[str, Any] = {
        name: period.table(name)[state, 0] for name in TABLES if getattr(period, name) is not None
    }
    outside = np.broadcast_to(period.outside_value, (*period.rows.shape[:2], 1))[state, 0, 0]
    return replace(market, outside_value=float(outside), outcomes=None, **tables)


def _largest(game: MarkovGame, objective: str) -> float:
    """No period is better than this, USD: one query sold where a sale is best; or all earn the most that one can."""
    markets = [game.market_in(s) for s in range(game.num_states)]
    if objective == "welfare":
        best = max(max(float(one.welfare_contribution.max()), one.outside_value) for one in markets)
    else:
        best = game.num_providers * max(game.mechanism.utility_bounds(one)[1] for one in markets)
    return game.dynamics.arrival * best
