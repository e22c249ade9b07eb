"""Per-token pricing: list prices, logit demand.

Source: arXiv:2601.21839, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttc_env.arrays import Array, take
from ttc_env.batch import MarketBatch
from ttc_env.market import Market, logit_shares
from ttc_env.mechanisms.protocol import Bids, Draws, Mechanism, Outcome
from ttc_env.mechanisms.serving import query_bounds, serve
from ttc_env.mechanisms.wording import choice_rule

if TYPE_CHECKING:
    from ttc_env.equilibrium.game import StageGame


@dataclass(frozen=True)
class PerToken(Mechanism):
    """Per-token pricing: list prices, logit demand. The action is the level index, an integer array `(..., n)`."""

    name = "per_token"

    def action_sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Number of choices in each component of an action."""
        return (market.num_levels,)

    def bids(self, market: Market | MarketBatch, actions: Array) -> Bids:
        """Levels at their list price, with their expected quality as claim."""
        index = actions + market.rows
        return Bids(actions, take(market.price, index), take(market.quality, index))

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """Users choose by logit among `claim - ask` and staying out; the provider keeps `p - c` on each sale.

        Where outcomes are replayed, users choose by the mean price and pay for the tokens of their own query.
        """
        shares, outside = logit_shares(bids.claim - bids.ask, market.beta, market.outside_value, market.present)
        shares, outside, worth, load = serve(market, bids.level, shares, outside, draws)
        margin = bids.ask - take(market.cost, bids.level + market.rows)
        return Outcome(market, bids, shares, outside, (shares if load is None else load) * margin, worth, load)

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Smallest and largest profit of a provider in a period, USD per arriving query."""
        low, high = query_bounds(market, market.margin)
        return min(0.0, low), max(0.0, high)

    def reward_scale(self, market: Market) -> float:
        """USD in one unit of reward: an equal share of the market at its largest margin."""
        largest = max(abs(float(market.margin.min())), abs(float(market.margin.max())))
        return (largest or market.unit) / market.num_providers

    def rule(self, market: Market) -> str:
        """The rule of a period in words."""
        return (
            "Every provider chooses the compute level of its answers. A query is billed at the list price of that "
            "level, and the value of an offer to a user is its quality minus its list price. "
            f"{choice_rule(market)} A provider earns its share times (list price - cost) at its level."
        )

    def known(self) -> type[StageGame]:
        """Closed forms: every pure equilibrium, exact optima, best responses in log space."""
        from ttc_env.equilibrium.games.per_token import PerTokenGame

        return PerTokenGame
