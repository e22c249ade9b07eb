"""Posted prices on a grid: which prices, and the per-token game that posting them is.

A level together with a price is a level with that list price, so a market of `m` levels and `G` prices is a per-token
market of `m G` levels, and everything known of those holds: all pure equilibria, optima, regret, mixed play.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.posted_price.continuous import cartel_prices, nash_prices
from ttc_env.market import Market

_NARROW = 1e-6  # of 1 / beta; below, equilibrium and cartel price are the same


def relative_prices(market: Market, num_prices: int, margin: float) -> np.ndarray:
    """Prices of each provider from below its own equilibrium price to above its cartel price, USD, `(n, num_prices)`.

    Evenly spaced over `[p^N - margin (p^M - p^N), p^M + margin (p^M - p^N)]`. Where the two are the same, for a single
    provider and for those from whom nobody buys at any price above cost, `1 / beta` stands for their difference.

    Source: Calvano, Calzolari, Denicolo and Pastorello 2020, section II.B, where `margin` is xi.
    """
    competitive = nash_prices(market).price
    width = cartel_prices(market).price - competitive
    width = np.where(width > _NARROW / market.beta, width, 1 / market.beta)
    return competitive[:, None] + width[:, None] * np.linspace(-margin, 1 + margin, num_prices)


def posted_market(market: Market, prices: Array) -> Market:
    """The per-token market whose level `k G + g` is level `k` at the provider's price `g`; prices `(n, G)`, USD."""
    market = in_numpy(market)
    prices = np.asarray(prices)
    count = prices.shape[1]
    return replace(
        market,
        levels=range(market.num_levels * count),
        quality=np.repeat(market.quality, count, axis=1),
        price=np.tile(prices, (1, market.num_levels)),
        cost=np.repeat(market.cost, count, axis=1),
        outcomes=None,
        tokens=None if market.tokens is None else np.repeat(market.tokens, count, axis=1),
    )
