"""Markets of language-model providers who sell test-time compute, for learning agents."""

from ttc_env.curves import list_markets, load_market
from ttc_env.market import Market

__version__ = "0.1.0"
__all__ = ["Market", "list_markets", "load_market"]
