"""The published quantities of a market, and how they change over many markets.

Source: arXiv:2601.21839, section 5 and the tables of its appendix.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import at
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.nash import pure_nash
from ttc_env.equilibrium.optimum import joint_profit_optimum, welfare_optimum
from ttc_env.market import Market


class Summary(NamedTuple):
    """Per-token pricing at the pure equilibrium of lowest welfare, USD per query; numbers, or arrays over a sweep.

    `user_value`, `price` and `provider_profit` are sums weighted with the shares; `mean_value`, `mean_price` and
    `mean_margin` are plain means over the providers. `best_welfare` is that of the best equilibrium.
    """

    num_equilibria: np.ndarray
    welfare_optimum: np.ndarray
    joint_profit_optimum: np.ndarray
    welfare: np.ndarray
    best_welfare: np.ndarray
    user_value: np.ndarray
    price: np.ndarray
    provider_profit: np.ndarray
    mean_value: np.ndarray
    mean_price: np.ndarray
    mean_margin: np.ndarray


def summarize(market: Market) -> Summary:
    """The published quantities of one market.

    Raises:
        ValueError: the market has no pure equilibrium.
    """
    market = in_numpy(market)
    equilibria = pure_nash(market)
    if len(equilibria) == 0:
        raise ValueError("this market has no pure equilibrium to summarize")
    welfare = market.welfare(equilibria)
    profile = equilibria[welfare.argmin()]
    shares, margin = market.shares(profile), at(market.margin, profile)
    value, price = at(market.user_value, profile), at(market.price, profile)
    return Summary(
        num_equilibria=np.array(len(equilibria)),
        welfare_optimum=np.array(welfare_optimum(market).value),
        joint_profit_optimum=np.array(joint_profit_optimum(market).value),
        welfare=welfare.min(),
        best_welfare=welfare.max(),
        user_value=shares @ value,
        price=shares @ price,
        provider_profit=shares @ margin,
        mean_value=value.mean(),
        mean_price=price.mean(),
        mean_margin=margin.mean(),
    )


def sweep(markets: Iterable[Market]) -> Summary:
    """The same for many markets, each field an array: over beta, markup, answer value, baseline or providers.

    `sweep(load_market(name, beta=beta) for beta in betas)`, `sweep(market.select(some) for some in subsets)`.
    """
    return Summary(*(np.array(column) for column in zip(*map(summarize, markets), strict=True)))
