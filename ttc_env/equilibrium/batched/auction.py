"""The second-price auction's outcome in many markets. Source: arXiv:2601.21839, section 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import at
from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.market import Market
from ttc_env.markets import Markets


class AuctionOutcomes(NamedTuple):
    """As `equilibrium.AuctionOutcome`, a row for each market: `levels` are `(B, n)`, everything else `(B,)`.

    `winner` and `runner_up` are -1 where there is none.
    """

    winner: np.ndarray
    runner_up: np.ndarray
    levels: np.ndarray
    payment: np.ndarray
    user_value: np.ndarray
    provider_profit: np.ndarray
    welfare: np.ndarray


def second_price_outcome(markets: Sequence[Market]) -> AuctionOutcomes:
    """The outcome of every market when everybody computes efficiently and bids honestly."""
    return solve(_outcome, markets)


def _outcome(block: Markets) -> AuctionOutcomes:
    levels = block.welfare_contribution.argmax(axis=-1)
    reserve = block.outside_value[:, 0]
    scores = np.concatenate([at(block.welfare_contribution, levels), block.outside_value], axis=-1)
    ranking = np.argsort(-scores, axis=-1, kind="stable")[:, :2]  # of equals the outside option is the last
    welfare, second = np.take_along_axis(scores, ranking, axis=-1).T
    second = np.where(ranking[:, 0] == block.num_providers, reserve, second)
    winner, runner_up = np.where(ranking == block.num_providers, -1, ranking).T
    sold = winner >= 0
    quality = np.take_along_axis(at(block.quality, levels), winner[:, None], axis=-1)[:, 0]
    return AuctionOutcomes(
        winner,
        np.where(sold, runner_up, -1),
        levels,
        payment=np.where(sold, quality - second, 0.0),
        user_value=second,
        provider_profit=np.where(sold, welfare - second, 0.0),
        welfare=welfare,
    )
