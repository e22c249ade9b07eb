"""Market mechanisms: how bids become sales, payments and profits. One file each, and one for what they share.

A mechanism has two pure methods: `bids(market, actions)` says what an agent's action means in USD, and
`clear(market, bids, draws)` runs one period. Chance enters as arrays of uniform draws; without draws the
outcome is the exact expectation. Leading axes are batch, the last axis is providers. What is known exactly of its
game is asked of `ttc_env.StageGame(market, mechanism)`.

Source: arXiv:2601.21839, section 3 (per-token pricing) and section 4 (reverse second-price auction).
"""

from ttc_env.mechanisms.auction import GRID
from ttc_env.mechanisms.first_price import FirstPrice
from ttc_env.mechanisms.per_token import PerToken
from ttc_env.mechanisms.posted_price import PostedPrice
from ttc_env.mechanisms.protocol import Bids, Draws, Mechanism, Outcome, action_shape, check_actions, every_action
from ttc_env.mechanisms.registry import MECHANISMS, find_mechanism, make_mechanism, register_mechanism
from ttc_env.mechanisms.second_price import SecondPrice

__all__ = [
    "GRID",
    "MECHANISMS",
    "Bids",
    "Draws",
    "FirstPrice",
    "Mechanism",
    "Outcome",
    "PerToken",
    "PostedPrice",
    "SecondPrice",
    "action_shape",
    "check_actions",
    "every_action",
    "find_mechanism",
    "make_mechanism",
    "register_mechanism",
]
