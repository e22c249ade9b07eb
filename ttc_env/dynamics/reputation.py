"""Hidden effort: users see the compute of the past, not that of the query they are about to pay for.

Source: Klein and Leffler 1981; Shapiro 1983, *Premiums for high quality products as returns to reputations*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ttc_env.arrays import Array, device, namespace, take
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite, whole
from ttc_env.dynamics.protocol import Dynamics, Moves, encode, strides, subsets
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, Outcome
from ttc_env.period import PeriodMarket


@dataclass(frozen=True)
class Reputation(Dynamics):
    """Users choose by value and bill at the level a provider is reputed to sell; answers, bills and costs are true.

    State: the reputed level of each provider, `m^n` states. Each reputation becomes the level sold with probability
    `rate`, on its own. Defined where prices are lists, so that users know a provider by its level.

    Args:
        rate: probability with which a reputation is renewed in a period, in [0, 1].
        first: index of the level that everybody is reputed to sell at the start.
    """

    rate: float = 0.1
    first: int = 0

    name = "reputation"

    def __post_init__(self) -> None:
        if not 0 <= finite("rate", self.rate) <= 1:
            raise ValueError(f"rate must be a probability in [0, 1], got {self.rate!r}")
        whole("first, a level index,", self.first, least=0)

    def check(self, market: Market | MarketBatch, mechanism: Mechanism) -> None:
        """List prices only."""
        if tuple(mechanism.private) != ("level",):
            raise ValueError(
                f"reputation needs list prices, where a bid is a level; {mechanism.name} has {mechanism.private}"
            )
        if self.first >= market.num_levels:
            raise ValueError(f"first must be a level index in 0..{market.num_levels - 1}, got {self.first!r}")

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The levels of every provider."""
        return (market.num_levels,) * market.num_providers

    def start(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Everybody at `first`."""
        return (self.first,) * market.num_providers

    def offers(self, market: PeriodMarket, state: Array, bids: Bids) -> Bids:
        """Users expect to be left with the reputed level's value, whatever the bill: the claim says that much."""
        return bids._replace(claim=bids.ask + take(market.base.user_value, state + market.rows))

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """Any subset of the reputations may be renewed."""
        sizes = self.sizes(market.base)
        xp, place = namespace(state), device(state)
        chosen = subsets(len(sizes))
        change = (outcome.bids.level - state) * strides(sizes, xp, place)
        to = encode(state, sizes)[..., None] + xp.sum(
            change[..., None, :] * xp.asarray(chosen, device=place), axis=-1
        )  # fmt: skip
        renewed = np.prod(np.where(chosen, self.rate, 1 - self.rate), axis=-1)
        like = outcome.shares
        return Moves(to, xp.broadcast_to(xp.asarray(renewed, dtype=like.dtype, device=device(like)), to.shape))

    def num_draws(self, market: Market | MarketBatch) -> int:
        """One for each provider."""
        return market.num_providers

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """Those reputations are renewed whose draw is below `rate`."""
        return namespace(state).where(draws < self.rate, outcome.bids.level, state)

    def label(self, market: Market, state: tuple[int, ...]) -> tuple[float, ...]:
        """The physical levels that the providers are reputed to sell."""
        return tuple(market.levels[k] for k in state)
