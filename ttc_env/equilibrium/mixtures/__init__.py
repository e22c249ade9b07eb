"""What is known exactly of a mixture: by type, on average, and when providers know only their own part of the type.

Per-token play of each type is `sweep(mixture.markets)`, and `mixture.average` of that is its average.

>>> import ttc_env
>>> mixture = ttc_env.load_market("nano/majority_voting", questions=True)
>>> mixture.average(ttc_env.equilibrium.honest_auction(mixture)).winning
array([0.15 , 0.115, 0.735])
"""

from ttc_env.equilibrium.mixtures.honest import HonestAuction, honest_auction, value_of_information
from ttc_env.equilibrium.mixtures.private import PrivateGame

__all__ = ["HonestAuction", "PrivateGame", "honest_auction", "value_of_information"]
