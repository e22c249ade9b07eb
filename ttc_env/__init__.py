"""Markets of language-model providers who sell test-time compute, for learning agents.

>>> import ttc_env
>>> market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
>>> profile = ttc_env.equilibrium.pure_nash(market)[0]
>>> round(float(market.welfare(profile)), 5)
0.00604
"""

from typing import TYPE_CHECKING

from ttc_env.lazily import attach
from ttc_env.registration import register_environments

if TYPE_CHECKING:
    from ttc_env import (
        dynamics,
        equilibrium,
        first_price_v0,
        market_v0,
        mechanisms,
        per_token_v0,
        posted_price_v0,
        second_price_v0,
    )
    from ttc_env.curves import list_markets, list_mixtures, load_market
    from ttc_env.dynamics import MarkovGame
    from ttc_env.envs.vector import VectorMarket
    from ttc_env.equilibrium import StageGame
    from ttc_env.market import Market
    from ttc_env.mechanisms import register_mechanism
    from ttc_env.mixtures import Mixture, model_quality

__version__ = "0.1.0"
__all__ = [
    "Market",
    "MarkovGame",
    "Mixture",
    "StageGame",
    "VectorMarket",
    "dynamics",
    "equilibrium",
    "first_price_v0",
    "list_markets",
    "list_mixtures",
    "load_market",
    "market_v0",
    "mechanisms",
    "model_quality",
    "per_token_v0",
    "posted_price_v0",
    "register_mechanism",
    "second_price_v0",
]

_HOMES = {
    "Market": "market",
    "MarkovGame": "dynamics",
    "Mixture": "mixtures",
    "StageGame": "equilibrium",
    "VectorMarket": "envs.vector",
    "list_markets": "curves",
    "list_mixtures": "curves",
    "load_market": "curves",
    "model_quality": "mixtures",
    "register_mechanism": "mechanisms",
}


__getattr__, __dir__ = attach(__name__, _HOMES)
register_environments()
