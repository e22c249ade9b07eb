"""The reverse second-price auction in its dominant-strategy equilibrium.

Source: arXiv:2601.21839, section 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.market import Market


class AuctionOutcome(NamedTuple):
    """Who wins, and what everybody gets, USD per query.

    winner: index of the provider that adds most welfare, or None where nobody reaches the outside value.
    runner_up: index of the provider whose score sets the payment, or None where the outside value sets it
        (a single provider, no second score as high as `v0`, no sale).
    levels: the efficient level `argmax_k W` of each provider, `(n,)` ints; ties go to the lowest.
    payment: to the winner, `q_winner - max(W_runner_up, v0)`.
    user_value: left to the user, `max(W_runner_up, v0)`, or `v0` without a sale.
    provider_profit: of the winner, `W_winner - max(W_runner_up, v0)`.
    welfare: `W_winner`, or `v0` without a sale.
    """

    winner: int | None
    runner_up: int | None
    levels: np.ndarray
    payment: float
    user_value: float
    provider_profit: float
    welfare: float


def second_price_outcome(market: Market) -> AuctionOutcome:
    """The outcome when everybody computes efficiently and bids honestly, which is a dominant strategy.

    Equal scores: the environment draws the winner, and this function reports the lowest index; payments, profits and
    welfare are the same for either.
    """
    market = in_numpy(market)
    levels = market.welfare_contribution.argmax(axis=1)
    scores = market.welfare_contribution.max(axis=1)
    reserve = market.outside_value
    ranking = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= reserve]
    if not ranking:
        return AuctionOutcome(None, None, levels, 0.0, reserve, 0.0, reserve)
    winner, runner_up = ranking[0], ranking[1] if len(ranking) > 1 else None
    second = reserve if runner_up is None else float(scores[runner_up])
    return AuctionOutcome(
        winner,
        runner_up,
        levels,
        payment=float(market.quality[winner, levels[winner]]) - second,
        user_value=second,
        provider_profit=float(scores[winner]) - second,
        welfare=float(scores[winner]),
    )
