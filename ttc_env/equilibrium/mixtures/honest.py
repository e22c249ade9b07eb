"""The second-price auction over query types and absent providers when everybody bids honestly, as finite sums.

Honest bids at the efficient level of the type are dominant, and need no more than a provider's own row of its tables:
the outcome is the same whether types are public or every provider sees its own row only.

Source: arXiv:2601.21839, section 4, type by type.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.checks import finite
from ttc_env.mixtures import Mixture


class HonestAuction(NamedTuple):
    """Expected outcome of each type, or on average (`mixture.average`); USD per arriving query.

    winning: probability that each provider wins, `(T, n)`; what is missing to one is no sale.
    welfare: `(T,)`.
    user_value: left to the user, the second highest score of those there are, or `v0`, `(T,)`.
    payment: what the user pays, `(T,)`.
    provider_profit: `(T, n)`.
    """

    winning: np.ndarray
    welfare: np.ndarray
    user_value: np.ndarray
    payment: np.ndarray
    provider_profit: np.ndarray


def honest_auction(mixture: Mixture, availability: float = 1.0) -> HonestAuction:
    """What honest bidding at efficient levels leads to, type by type.

    Each provider is there with probability `pi = availability`, independently. With the scores that reach `v0` ranked,
    `S_(1) >= ... >= S_(k)`, rank `r` wins with probability `pi (1 - pi)^(r - 1)`, and `S_(s)` sets its price with
    probability `pi (1 - pi)^(s - r - 1)` more; nobody does, and `v0` sets it, with `(1 - pi)^(k - r)`.

    Raises:
        ValueError: an availability outside (0, 1].
    """
    if not 0 < finite("availability", availability) <= 1:
        raise ValueError(f"availability must be in (0, 1], got {availability!r}")
    mixture = mixture.to("numpy")
    contribution, outside = mixture.welfare_contribution, mixture.outside_value
    scores = contribution.max(axis=-1)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    sells, absent = ranked >= outside, 1 - availability
    wins = sells * availability * absent ** np.arange(mixture.num_providers)
    price = np.empty(ranked.shape)  # expected score or v0 that sets the price where this rank wins
    behind = outside[:, 0]
    for rank in reversed(range(mixture.num_providers)):
        price[:, rank] = behind
        behind = np.where(sells[:, rank], availability * ranked[:, rank] + absent * behind, behind)
    profit = wins * (ranked - price)
    no_sale = 1 - wins.sum(axis=1)
    user_value = (wins * price).sum(axis=1) + no_sale * outside[:, 0]
    place = order.argsort(axis=1)
    winning = _share_ties(scores, np.take_along_axis(wins, place, axis=1))
    provider_profit = _share_ties(scores, np.take_along_axis(profit, place, axis=1))
    cost = np.take_along_axis(mixture.cost, contribution.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    payment = (provider_profit + winning * cost).sum(axis=1)
    return HonestAuction(winning, user_value + provider_profit.sum(axis=1), user_value, payment, provider_profit)


def value_of_information(mixture: Mixture) -> float:
    """What providers' knowledge of their own rows adds to welfare, USD per query.

    That is the welfare of honest bids on the type's row, less that of honest bids on the mean row.
    """
    mixture = mixture.to("numpy")
    contribution = mixture.welfare_contribution
    mean = mixture.average(contribution)
    scores, levels = mean.max(axis=-1), mean.argmax(axis=-1)
    delivered = contribution[:, np.arange(mixture.num_providers), levels]
    winners = scores == scores.max()
    reserve = mixture.outside_value[:, 0]
    sold = scores.max() >= reserve
    uninformed = np.where(sold, delivered[:, winners].mean(axis=1), reserve)
    return float(mixture.average(honest_auction(mixture).welfare - uninformed))


def _share_ties(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Each provider's part where equal scores win in equal shares, `(T, n)`."""
    same = scores[:, :, None] == scores[:, None, :]
    return (same * values[:, None, :]).sum(axis=-1) / same.sum(axis=-1)
