"""Users who stay with the provider of the last query unless another one is worth the trouble of leaving it.

Source: Selten 1965 (demand inertia); Klemperer 1995, *Competition when consumers have switching costs*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from ttc_env.arrays import Array, columns, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite
from ttc_env.dynamics.protocol import Dynamics, Moves, one_hot, pick
from ttc_env.market import Market
from ttc_env.mechanisms import Outcome
from ttc_env.period import PeriodMarket, version_rows


@dataclass(frozen=True)
class Loyalty(Dynamics):
    """Leaving the provider of the last query, the incumbent, costs the user; not buying leaves it, too.

    State: the incumbent's index, or `n`: nobody, at the start and after a query that nobody served. The next one is the
    provider of one query of the period. Costs are paid by users, so they count in user value and welfare, under every
    mechanism: in auctions they enter scores and payments.

    Args:
        cost: of leaving the incumbent, USD per query, at least 0.
    """

    cost: float = 0.002

    name = "loyalty"
    names_seller: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if finite("the cost of leaving", self.cost) < 0:
            raise ValueError(f"the cost of leaving must be >= 0 (USD), got {self.cost!r}")

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The `n` providers, and nobody."""
        return (market.num_providers + 1,)

    def start(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Nobody."""
        return (market.num_providers,)

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """Answers of the others, and not buying, are worth `cost` less where there is an incumbent."""
        rows, outside = self._by_state(market.base)
        incumbent = state[..., 0]
        found = columns(rows, incumbent)
        if isinstance(market.base, MarketBatch):
            found = version_rows(market.base, found)
        return market.shifted_at((0.0, -self.cost), found, columns(outside, incumbent))

    @lru_cache(maxsize=16)  # noqa: B019 by identity: both are immutable, and every period asks again
    def _by_state(self, base: Market | MarketBatch) -> tuple[Array, Array]:
        """In each state the rows of the providers, `(n, n + 1)`, of a batch their versions; what not buying costs."""
        xp, n, place = namespace(base.quality), base.num_providers, device(base.quality)
        leaving = 1 - xp.eye(n + 1, dtype=xp.int64, device=place)
        leaving[:, n] = 0  # nobody can be left
        versions, outside = leaving[:-1], -self.cost * xp.astype(leaving[-1:], base.quality.dtype)
        return versions if isinstance(base, MarketBatch) else version_rows(base, versions.T).T, outside

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """To whoever served a query, in proportion to shares."""
        xp = namespace(outcome.shares)
        to = xp.arange(market.num_providers + 1, device=device(outcome.shares))
        return Moves(to, xp.concat([outcome.shares, outcome.outside_share[..., None]], axis=-1))

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """Whoever served the query that is drawn; what the draw leaves to nobody is the last state."""
        return pick(outcome.shares, draws[..., 0], rest=True)[..., None]

    def shift(self, market: Market) -> float:
        """The cost of leaving."""
        return self.cost

    def label(self, market: Market, state: tuple[int, ...]) -> str:
        """Name of the incumbent, or nobody."""
        return (*market.providers, "nobody")[state[0]]

    def fields(self, market: Market | MarketBatch) -> tuple[tuple[str, int], ...]:
        """For each provider whether it is the incumbent."""
        return (("incumbent", market.num_providers),)

    def view(self, market: Market | MarketBatch, state: Array, dtype: Any) -> Array:
        """Ones at the incumbent, `(..., n)`."""
        return one_hot(state[..., 0], market.num_providers, dtype)
