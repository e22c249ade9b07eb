"""What is known of posted prices: on a continuum and on a grid."""

from ttc_env.equilibrium.posted_price.continuous import Prices, best_odds, cartel_prices, nash_prices, wright_omega
from ttc_env.equilibrium.posted_price.grid import posted_market, relative_prices

__all__ = ["Prices", "best_odds", "cartel_prices", "nash_prices", "posted_market", "relative_prices", "wright_omega"]
