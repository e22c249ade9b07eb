"""What markets carry from period to period, and the exact game this makes.

>>> from ttc_env import MarkovGame, load_market
>>> from ttc_env.dynamics import Loyalty
>>> market = load_market("gsm8k/majority_voting", beta=1000.0).select([1, 6, 8])
>>> game = MarkovGame(market, "per_token", Loyalty(cost=0.002), discount=0.95)
>>> policy = game.equilibrium()
>>> policy[game.start]
array([4, 3, 3])
>>> (1000 * game.values(policy)[game.start]).round(5)
array([0.81654, 1.28501, 1.96781])
"""

from ttc_env.dynamics.availability import Availability
from ttc_env.dynamics.capacity import Capacity
from ttc_env.dynamics.game import DISCOUNT, MarkovGame, TooLarge
from ttc_env.dynamics.joint import JointOptimum
from ttc_env.dynamics.loyalty import Loyalty
from ttc_env.dynamics.protocol import Dynamics, Moves, decode, encode
from ttc_env.dynamics.query_types import QueryTypes
from ttc_env.dynamics.registry import DYNAMICS, find_dynamics, make_dynamics
from ttc_env.dynamics.releases import Releases
from ttc_env.dynamics.reputation import Reputation

__all__ = [
    "DISCOUNT",
    "DYNAMICS",
    "Availability",
    "Capacity",
    "Dynamics",
    "JointOptimum",
    "Loyalty",
    "MarkovGame",
    "Moves",
    "QueryTypes",
    "Releases",
    "Reputation",
    "TooLarge",
    "decode",
    "encode",
    "find_dynamics",
    "make_dynamics",
]
