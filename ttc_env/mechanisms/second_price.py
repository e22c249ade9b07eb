"""The reverse second-price auction.

Source: arXiv:2601.21839, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttc_env.arrays import take
from ttc_env.batch import MarketBatch
from ttc_env.market import Market
from ttc_env.mechanisms.auction import GRID, Auction
from ttc_env.mechanisms.protocol import Bids, Draws, Outcome
from ttc_env.mechanisms.serving import query_bounds, serve, worth_bounds

if TYPE_CHECKING:
    from ttc_env.equilibrium.game import StageGame


@dataclass(frozen=True)
class SecondPrice(Auction):
    """Reverse second-price auction: the bid worth most to the user wins and is paid what it adds over the next.

    A bid is (level, ask, claim); `Auction` says what an action is, and who wins.

    Args:
        settlement: `"delivered"` pays `delivered quality - V2` (the paper's rule), `"declared"` pays `claim - V2`.
        action_type: `"multi_discrete"` or `"box"`.
        grid: offsets of ask and claim from the truth, in units of alpha.
    """

    settlement: str = "delivered"
    action_type: str = "multi_discrete"
    grid: tuple[float, ...] = GRID

    name = "second_price"

    def __post_init__(self) -> None:
        if self.settlement not in ("delivered", "declared"):
            raise ValueError(f"unknown settlement {self.settlement!r}; allowed: delivered, declared")
        super().__post_init__()

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """The winner is paid what is settled, less `V2`, the value the user is left with.

        `V2` is the second highest of all scores and v0.
        """
        won, outside, second = self.allocate(market, bids, draws)
        shares, outside, worth, load = serve(market, bids.level, won, outside, draws)
        index = bids.level + market.rows
        cost = take(market.cost, index)
        if self.settlement == "declared":
            settled = shares * bids.claim
        else:
            settled = shares * take(market.quality, index) if worth is None else worth
        utility = settled - shares * (second + cost)
        if load is not None:
            utility = utility - (load - shares) * cost
        return Outcome(market, bids, shares, outside, utility, worth, load)

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Smallest and largest profit of a provider in a period, USD per arriving query."""
        low, high = self.grid[0] * market.unit, self.grid[-1] * market.unit
        worth_low, worth_high = worth_bounds(market)
        best_score = float(market.welfare_contribution.max()) + high - low
        least_cost, most_cost = query_bounds(market, market.cost)
        worst = worth_low - best_score - most_cost
        most = max(worth_high, float(market.quality.max()) + high) - market.outside_value - least_cost
        return min(0.0, low, worst), max(0.0, most)

    def rule(self, market: Market) -> str:
        """The rule of a period in words."""
        settled = "quality of its answers" if self.settlement == "delivered" else "quality it claimed"
        return (
            f"{super().rule(market)} The winner is paid the {settled} minus the second highest score (or the value of "
            "not buying, if that is higher), whatever it asked, and bears the cost of its level."
        )

    def known(self) -> type[StageGame]:
        """Closed forms: the dominant strategy, and what bids earn against given or mixed opponents."""
        from ttc_env.equilibrium.games.second_price import SecondPriceGame

        return SecondPriceGame
