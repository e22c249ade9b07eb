"""Games of the literature as payoff tables, each written out from its definition."""

import numpy as np

from ttc_env.collusion import Benchmarks, PayoffTable
from ttc_env.equilibrium import joint_actions

PRICE_NASH, PRICE_JOINT = 1.47293, 1.92498  # of Calvano et al. 2020, with profits 0.22293 and 0.33749


def bertrand_logit(num_prices=15, num_providers=2, reach=0.1):
    """Calvano et al. 2020, section II: quality 2, cost 1, outside good 0, mu = 1/4; prices from p^N to p^M."""
    width = reach * (PRICE_JOINT - PRICE_NASH)
    prices = np.linspace(PRICE_NASH - width, PRICE_JOINT + width, num_prices)
    price = prices[joint_actions(num_providers, num_prices)]
    weight = np.exp((2 - price) / 0.25)
    return PayoffTable((price - 1) * weight / (1 + weight.sum(axis=1, keepdims=True)), num_prices)


BERTRAND_BENCHMARKS = Benchmarks([0.22293] * 2, [0.33749] * 2)


def auction(second_price=False, num_bids=19):
    """Two bidders, common value 1, bids 1/20 to 19/20, ties drawn; with the revenue of every joint action."""
    bids = (np.arange(num_bids) + 1) / (num_bids + 1)
    bid = bids[joint_actions(2, num_bids)]
    revenue = bid.min(axis=1) if second_price else bid.max(axis=1)
    first = [np.where(bid[:, 0] == bid[:, 1], tie, bid[:, 0] > bid[:, 1]) for tie in (True, False)]
    wins = np.stack([np.stack([win, ~win], axis=1) for win in first])
    return PayoffTable(wins * (1 - revenue)[:, None], num_bids), revenue


def random_game(num_providers, num_actions, seed, outcomes=None):
    """Profits drawn at random."""
    shape = (num_actions**num_providers, num_providers)
    return PayoffTable(
        np.random.default_rng(seed).random(shape if outcomes is None else (outcomes, *shape)), num_actions
    )
