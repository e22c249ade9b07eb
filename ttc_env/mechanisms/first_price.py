"""The first-price auction: bids as in the second-price auction, the winner is paid what it asked.

Source: the bids are those of arXiv:2601.21839, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttc_env.batch import MarketBatch
from ttc_env.market import Market
from ttc_env.mechanisms.auction import GRID, Auction
from ttc_env.mechanisms.protocol import Bids, Draws, Outcome
from ttc_env.mechanisms.serving import price_profit, serve

if TYPE_CHECKING:
    from ttc_env.equilibrium.game import StageGame


@dataclass(frozen=True)
class FirstPrice(Auction):
    """Reverse first-price auction: the bid worth most to the user wins and is paid its ask.

    A bid is (level, ask, claim); `Auction` says what an action is, and who wins. What is delivered belongs to the user,
    right or wrong; nothing is paid back, so a claim above the truth costs nothing.

    Args:
        action_type: `"multi_discrete"` or `"box"`.
        grid: offsets of ask and claim from the truth, in units of alpha.
    """

    action_type: str = "multi_discrete"
    grid: tuple[float, ...] = GRID

    name = "first_price"

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """The winner is paid its ask for every query, also where a replayed query costs more or less than the mean."""
        won, outside, _ = self.allocate(market, bids, draws)
        shares, outside, worth, load = serve(market, bids.level, won, outside, draws)
        return Outcome(market, bids, shares, outside, price_profit(market, bids, shares, load), worth, load)

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Smallest and largest profit of a provider in a period, USD per arriving query."""
        low, high = 0.0, 0.0
        if market.outcomes is not None:  # a query may cost more or less than the mean, which the ask is relative to
            over = market.cost[..., None] * (1 - market.outcomes.tokens)
            low, high = min(low, float(over.min())), max(high, float(over.max()))
        return self.grid[0] * market.unit + low, self.grid[-1] * market.unit + high

    def rule(self, market: Market) -> str:
        """The rule of a period in words."""
        return f"{super().rule(market)} The winner is paid its ask, and bears the cost of its level."

    def known(self) -> type[StageGame]:
        """Closed forms: equilibria on the grid, and what bids earn against given or mixed opponents."""
        from ttc_env.equilibrium.games.first_price import FirstPriceGame

        return FirstPriceGame
