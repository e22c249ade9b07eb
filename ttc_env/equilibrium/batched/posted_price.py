"""Posted prices on a continuum in many markets: equilibrium and cartel."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_env.equilibrium.batched.blocks import solve
from ttc_env.equilibrium.posted_price import continuous
from ttc_env.equilibrium.posted_price.continuous import Prices
from ttc_env.market import Market


def nash_prices(markets: Sequence[Market]) -> Prices:
    """The price equilibrium of every market, fields `(B, n)`; 0 of providers that a market lacks, their level -1."""
    return solve(continuous.nash_prices, markets)


def cartel_prices(markets: Sequence[Market]) -> Prices:
    """The prices of a cartel of all providers in every market; see `nash_prices`."""
    return solve(continuous.cartel_prices, markets)
