"""The exact oracles for many markets in one call: the same numbers as one by one, tens of times as fast.

Each takes a `Markets`, which is what `draw_markets` gives, or any sequence of `Market`, of different sizes too (those
of a `MarketBatch` are its `markets`). Results have one row per market. Where sizes differ, profiles have the level -1
for the providers that a market lacks. Markets are solved in blocks of one shape, so that memory stays bounded.

>>> import numpy as np, ttc_env
>>> from ttc_env.equilibrium import batched, draw_markets
>>> drawn = draw_markets(ttc_env.load_market("gsm8k/majority_voting"), 1319, 1000, np.random.default_rng(0))
>>> batched.price_of_anarchy(drawn).shape
(1000,)
>>> batched.pure_nash(drawn).of(0)
array([[4, 4, 5, 5, 5, 5, 4, 5, 4]])
"""

from ttc_env.equilibrium.batched.auction import AuctionOutcomes, second_price_outcome
from ttc_env.equilibrium.batched.inefficiency import price_of_anarchy, price_of_stability
from ttc_env.equilibrium.batched.nash import Equilibria, pure_nash
from ttc_env.equilibrium.batched.optimum import Optima, joint_profit_optimum, welfare_optimum
from ttc_env.equilibrium.batched.posted_price import cartel_prices, nash_prices
from ttc_env.equilibrium.batched.regret import nash_conv

__all__ = [
    "AuctionOutcomes",
    "Equilibria",
    "Optima",
    "cartel_prices",
    "joint_profit_optimum",
    "nash_conv",
    "nash_prices",
    "price_of_anarchy",
    "price_of_stability",
    "pure_nash",
    "second_price_outcome",
    "welfare_optimum",
]
