"""Exact oracles: best responses, every pure equilibrium, optima, regret, and the auction's outcome.

>>> import ttc_env
>>> from ttc_env import equilibrium
>>> market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
>>> equilibrium.pure_nash(market)
array([[5, 4, 5, 5, 5, 5, 4, 5, 4]])
>>> float(round(equilibrium.price_of_anarchy(market), 4))
1.1306
"""

from ttc_env.equilibrium.auction import AuctionOutcome, second_price_outcome
from ttc_env.equilibrium.best_response import best_response, deviation_utility, is_nash
from ttc_env.equilibrium.inefficiency import price_of_anarchy, price_of_stability
from ttc_env.equilibrium.nash import iterate_nash, pure_nash
from ttc_env.equilibrium.optimum import Optimum, joint_profit_optimum, optimum, welfare_optimum
from ttc_env.equilibrium.regret import NashConv, nash_conv

__all__ = [
    "AuctionOutcome",
    "NashConv",
    "Optimum",
    "best_response",
    "deviation_utility",
    "is_nash",
    "iterate_nash",
    "joint_profit_optimum",
    "nash_conv",
    "optimum",
    "price_of_anarchy",
    "price_of_stability",
    "pure_nash",
    "second_price_outcome",
    "welfare_optimum",
]
