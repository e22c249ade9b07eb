"""The reverse second-price auction: its dominant-strategy outcome, and checks that honesty is dominant.

Source: arXiv:2601.21839, section 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ttc_env.equilibrium.auction_play import grid_bids
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, SecondPrice


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


class Honesty(NamedTuple):
    """What the honest efficient bid is worth on a grid of bids, USD per query, each `(n,)`.

    largest_gain: the most that any other bid gains over it, against any opposing bids; 0 makes it dominant.
    lowest_profit: the least it earns against any opposing bids; 0 or more makes it individually rational.
    """

    largest_gain: np.ndarray
    lowest_profit: np.ndarray


def check_honesty(market: Market, mechanism: SecondPrice) -> Honesty:
    """Try every bid of every provider on the mechanism's grid against every score that the others' bids can reach.

    The opponents enter only through their best score: with more of them tied the deviator wins less often, at the
    same price. The work grows with the fourth power of the grid, so take a grid of a few steps.
    """
    market = in_numpy(market)
    levels = market.welfare_contribution.argmax(axis=1)
    grids = [Bids(*own) for own in zip(*grid_bids(market, mechanism), strict=True)]
    gains, profits = [], []
    for i, own in enumerate(grids):
        rivals = [bids.claim - bids.ask for j, bids in enumerate(grids) if j != i]
        scores = np.unique(np.concatenate([*rivals, [market.outside_value]]))
        honest = Bids(levels[i], market.cost[i, levels[i]], market.quality[i, levels[i]])
        profit = _duel(market, mechanism, i, honest, scores)
        best = np.max([_duel(market, mechanism, i, Bids(*bid), scores) for bid in zip(*own, strict=True)], axis=0)
        gains.append(np.max(best - profit))
        profits.append(profit.min())
    return Honesty(np.array(gains), np.array(profits))


def _duel(market: Market, mechanism: SecondPrice, provider: int, bid: Bids, rival_scores: np.ndarray) -> np.ndarray:
    """What one bid earns a provider against a best opposing score, for each of these scores."""
    tables: dict[str, Any] = {
        name: np.pad(getattr(market, name)[[provider]], ((0, 1), (0, 0))) for name in ("quality", "price", "cost")
    }
    duel = replace(
        market, providers=(market.providers[provider], "the best of the rest"), outcomes=None, tokens=None, **tables
    )
    shape = rival_scores.shape
    level = np.stack([np.full(shape, bid.level), np.zeros(shape, dtype=int)], axis=-1)
    ask = np.stack([np.full(shape, bid.ask), np.zeros(shape)], axis=-1)
    claim = np.stack([np.full(shape, bid.claim), rival_scores], axis=-1)
    return mechanism.clear(duel, Bids(level, ask, claim)).utility[..., 0]
