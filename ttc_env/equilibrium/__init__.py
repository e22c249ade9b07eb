"""Exact oracles: best responses, every pure equilibrium, optima, regret, and the auction's outcome.

>>> import ttc_env
>>> from ttc_env import equilibrium
>>> market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
>>> equilibrium.pure_nash(market)
array([[5, 4, 5, 5, 5, 5, 4, 5, 4]])
>>> float(round(equilibrium.price_of_anarchy(market), 4))
1.1306
"""

from ttc_env.equilibrium.auction import AuctionOutcome, Honesty, check_honesty, second_price_outcome
from ttc_env.equilibrium.auction_play import (
    auction_regret,
    bid_utility,
    dominant_bids,
    grid_bids,
    mixed_auction_nash_conv,
    mixed_bid_utility,
)
from ttc_env.equilibrium.best_response import best_response, deviation_utility, is_nash
from ttc_env.equilibrium.dynamics import Dynamics, best_response_dynamics
from ttc_env.equilibrium.first_price import first_price_equilibria, first_price_outcome
from ttc_env.equilibrium.game import StageGame, Unanswered
from ttc_env.equilibrium.inefficiency import price_of_anarchy, price_of_stability
from ttc_env.equilibrium.mixed import empirical_strategies, mixed_deviation_utility
from ttc_env.equilibrium.mixtures import HonestAuction, PrivateGame, honest_auction, value_of_information
from ttc_env.equilibrium.nash import count_nash, iterate_nash, pure_nash
from ttc_env.equilibrium.optimum import Optimum, joint_profit_optimum, optimum, welfare_optimum
from ttc_env.equilibrium.posted_price import Prices, cartel_prices, nash_prices, posted_market, relative_prices
from ttc_env.equilibrium.posterior import posterior_markets
from ttc_env.equilibrium.quantal import QuantalResponse, logit_equilibrium
from ttc_env.equilibrium.reactive import ReactiveGain, best_response_gain, joint_actions, stage_utility
from ttc_env.equilibrium.regret import (
    NashConv,
    coarse_correlated_regret,
    mixed_nash_conv,
    nash_conv,
    relative_gap,
    swap_regret,
)
from ttc_env.equilibrium.rivals import Rivals, independent_rivals, logged_rivals
from ttc_env.equilibrium.sweep import Summary, summarize, sweep
from ttc_env.equilibrium.uncertainty import Interval, draw_markets, interval

__all__ = [
    "AuctionOutcome",
    "Dynamics",
    "HonestAuction",
    "Honesty",
    "Interval",
    "NashConv",
    "Optimum",
    "Prices",
    "PrivateGame",
    "QuantalResponse",
    "ReactiveGain",
    "Rivals",
    "StageGame",
    "Summary",
    "Unanswered",
    "auction_regret",
    "best_response",
    "best_response_dynamics",
    "best_response_gain",
    "bid_utility",
    "cartel_prices",
    "check_honesty",
    "coarse_correlated_regret",
    "count_nash",
    "deviation_utility",
    "dominant_bids",
    "draw_markets",
    "empirical_strategies",
    "first_price_equilibria",
    "first_price_outcome",
    "grid_bids",
    "honest_auction",
    "independent_rivals",
    "interval",
    "is_nash",
    "iterate_nash",
    "joint_actions",
    "joint_profit_optimum",
    "logged_rivals",
    "logit_equilibrium",
    "mixed_auction_nash_conv",
    "mixed_bid_utility",
    "mixed_deviation_utility",
    "mixed_nash_conv",
    "nash_conv",
    "nash_prices",
    "optimum",
    "posted_market",
    "posterior_markets",
    "price_of_anarchy",
    "price_of_stability",
    "pure_nash",
    "relative_gap",
    "relative_prices",
    "second_price_outcome",
    "stage_utility",
    "summarize",
    "swap_regret",
    "sweep",
    "value_of_information",
    "welfare_optimum",
]
