"""The published quantities of a market, and how they change over many markets.

Source: arXiv:2601.21839, section 5 and the tables of its appendix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import at
from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.equilibrium.batched.nash import only_equilibrium
from ttc_env.equilibrium.batched.optimum import block_joint_profit_optimum, block_welfare_optimum
from ttc_env.equilibrium.inefficiency import Extremes, extremes
from ttc_env.equilibrium.nash import pure_nash
from ttc_env.equilibrium.optimum import Optimum
from ttc_env.market import Market
from ttc_env.markets import Markets


class Summary(NamedTuple):
    """Per-token pricing at the pure equilibrium of lowest welfare, USD per query; arrays over a sweep.

    `user_value`, `price` and `provider_profit` are sums weighted with the shares; `mean_value`, `mean_price` and
    `mean_margin` are plain means over the providers. `best_welfare` is that of the best equilibrium.
    `num_equilibria` are Python integers where 64 bits do not hold one of them.
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
    return Summary(*(column[0] for column in sweep([market])))


def sweep(markets: Iterable[Market]) -> Summary:
    """The same for many markets, each field an array: over beta, markup, answer value, baseline or providers.

    `sweep(load_market(name, beta=beta) for beta in betas)`, `sweep(market.select(some) for some in subsets)`.

    Raises:
        ValueError: no markets, or one of them has no pure equilibrium.
    """
    return solve(_summarize, markets if isinstance(markets, Sequence) else list(markets))


def _summarize(block: Markets) -> Summary:
    profile, only = only_equilibrium(block)
    count, best = np.ones(len(block), dtype=object), np.zeros(len(block))
    for row in np.flatnonzero(~only).tolist():
        found = _ends(block[row])
        if found.worst is None or found.best is None:
            raise ValueError("a market without a pure equilibrium cannot be summarized")
        count[row], profile[row], best[row] = found.num_equilibria, found.worst.profile, found.best.value
    welfare = block.welfare(profile)
    shares, margin = block.shares(profile), at(block.margin, profile)
    value, price = at(block.user_value, profile), at(block.price, profile)
    return Summary(
        num_equilibria=count if count.max() > np.iinfo(np.int64).max else count.astype(np.int64),
        welfare_optimum=block_welfare_optimum(block).value,
        joint_profit_optimum=block_joint_profit_optimum(block).value,
        welfare=welfare,
        best_welfare=np.where(only, welfare, best),
        user_value=(shares * value).sum(axis=-1),
        price=(shares * price).sum(axis=-1),
        provider_profit=(shares * margin).sum(axis=-1),
        mean_value=value.mean(axis=-1),
        mean_price=price.mean(axis=-1),
        mean_margin=margin.mean(axis=-1),
    )


def _ends(market: Market) -> Extremes:
    """`extremes`, and of several equilibria of least welfare the lexicographically first where they can be listed."""
    try:
        profiles = pure_nash(market)
    except ValueError:  # indifference makes more of them than are listed
        return extremes(market)
    if not len(profiles):
        return Extremes(0, None, None)
    welfare = market.welfare(profiles)
    worst, best = (Optimum(profiles[k], float(welfare[k])) for k in (welfare.argmin(), welfare.argmax()))
    return Extremes(len(profiles), worst, best)
