"""What users, providers and society get under each mechanism, at its exact equilibrium, in many markets at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ttc_env import Mixture, equilibrium
from ttc_env.arrays import at
from ttc_env.equilibrium import batched
from ttc_env.equilibrium.first_price import first_price_outcome
from ttc_env.market import log_partition
from ttc_env.markets import Markets

COUNTS = 0.01  # of the queries, or of all profit, that a provider must have to be counted


class Cleared(NamedTuple):
    """A mechanism at its equilibrium in `B` markets, USD per arriving query; `(B, n)` by provider, else `(B,)`.

    user_value: shares times values, as if the noise in choices were mistakes. user_surplus: the log-sum, as if it were
    tastes, which an allocation by bids does not serve. optimum: highest welfare that levels can reach under per-token
    prices, where users choose by logit; NaN where users do not choose.
    """

    shares: np.ndarray
    profit: np.ndarray
    user_value: np.ndarray
    user_surplus: np.ndarray
    payment: np.ndarray
    optimum: np.ndarray


def per_token(markets: Markets) -> Cleared:
    """The pure equilibrium of lowest welfare."""
    return at_levels(markets, worst_equilibrium(markets))


def worst_equilibrium(markets: Markets) -> np.ndarray:
    """The pure equilibrium of lowest welfare under per-token pricing, `(B, n)`."""
    found = batched.pure_nash(markets)
    welfare = markets[found.market].welfare(found.profile)
    order = np.lexsort((welfare, found.market))
    return found.profile[order[np.cumsum(found.num_equilibria) - found.num_equilibria]]


def at_levels(markets: Markets, profile: np.ndarray) -> Cleared:
    """Per-token pricing where the providers sell these levels, `(B, n)`."""
    value, price = at(markets.user_value, profile), at(markets.price, profile)
    return _by_choice(markets, value, price, markets.shares(profile), markets.utility(profile))


def posted_price(markets: Markets) -> Cleared:
    """The price equilibrium on a continuum of prices, at efficient levels."""
    levels, price, _, shares, profit = batched.nash_prices(markets)
    return _by_choice(markets, at(markets.quality, levels) - price, price, shares, profit)


def first_price(markets: Markets) -> Cleared:
    """Complete information, continuous bids, honest claims."""
    return _by_bids(markets, [first_price_outcome(market) for market in markets])


def second_price(markets: Markets) -> Cleared:
    """The outcome in dominant strategies."""
    return _by_bids(markets, [equilibrium.second_price_outcome(market) for market in markets])


def private_second_price(types: Mixture) -> Cleared:
    """The outcome in dominant strategies of each query type, where providers know their own rows; `B` is types."""
    found = equilibrium.honest_auction(types)
    left, no_choice = found.user_value, np.full(types.num_types, np.nan)
    return Cleared(found.winning, found.provider_profit, left, left, found.payment, no_choice)


BY_CHOICE: dict[str, Callable[[Markets], Cleared]] = {"per_token": per_token, "posted_price": posted_price}
BY_BIDS: dict[str, Callable[[Markets], Cleared]] = {"first_price": first_price, "second_price": second_price}


def stack(parts: list[Cleared]) -> Cleared:
    """Several as one, along a new first axis."""
    return Cleared(*map(np.array, zip(*parts, strict=True)))


def average(cleared: Cleared, weights: np.ndarray | None = None) -> Cleared:
    """The mean over the first axis, with equal weights or those given, `(..., B)`."""
    size = len(cleared.payment)
    weights = np.full(size, 1 / size) if weights is None else weights
    return Cleared(*(np.tensordot(weights, field, 1) for field in cleared))


def quantities(cleared: Cleared) -> dict[str, np.ndarray]:
    """What the study tells of a mechanism, `(B,)` each; USD per arriving query, `payment` per served one."""
    served, profit = cleared.shares.sum(axis=-1), cleared.profit.sum(axis=-1)
    parts = cleared.shares / np.where(served > 0, served, 1.0)[..., None]
    return {
        "user_value": cleared.user_value,
        "user_surplus": cleared.user_surplus,
        "payment": cleared.payment / np.where(served > 0, served, np.nan),
        "profit": profit,
        "welfare": cleared.user_value + profit,
        "optimum": cleared.optimum,
        "served": served,
        "herfindahl": np.sum(parts**2, axis=-1),
        "sellers": np.sum(cleared.shares > COUNTS, axis=-1),
        "earners": np.sum(cleared.profit > COUNTS * profit[..., None], axis=-1),
    }


def split_losses(per_token: dict[str, np.ndarray], auction: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Why per-token pricing falls short of the auction: what incentives lose, and what noise in choices loses."""
    return {
        "incentive_loss": per_token["optimum"] - per_token["welfare"],
        "choice_loss": auction["welfare"] - per_token["optimum"],
    }


def _by_choice(
    markets: Markets, value: np.ndarray, price: np.ndarray, shares: np.ndarray, profit: np.ndarray
) -> Cleared:
    outside = markets.outside_value[:, 0]
    mistakes = (shares * value).sum(axis=-1) + (1 - shares.sum(axis=-1)) * outside
    tastes = log_partition(value, markets.beta, markets.outside_value) / markets.beta[:, 0]
    return Cleared(
        shares, profit, mistakes, tastes, (shares * price).sum(axis=-1), batched.welfare_optimum(markets).value
    )  # fmt: skip


def _by_bids(markets: Markets, outcomes: list[equilibrium.AuctionOutcome]) -> Cleared:
    winner = np.array([-1 if outcome.winner is None else outcome.winner for outcome in outcomes])
    won = (np.arange(markets.num_providers) == winner[:, None]) * 1.0
    profit, left, payment = np.array([[o.provider_profit, o.user_value, o.payment] for o in outcomes]).T
    return Cleared(won, won * profit[:, None], left, left, payment, np.full(len(outcomes), np.nan))
