"""Posted prices: every provider chooses a level and a price, users choose by logit, perhaps among few offers only.

Source: Calvano, Calzolari, Denicolo and Pastorello 2020, section II (the game and its grid of prices); Johnson, Rhodes
and Wildenbeest 2023 (platforms that show some offers only).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ttc_env.arrays import Array, device, namespace, only, table_rows, take
from ttc_env.batch import MarketBatch, one_market
from ttc_env.checks import finite, listed, whole
from ttc_env.market import Market, logit_shares
from ttc_env.mechanisms.protocol import Bids, Draws, Mechanism, Outcome, box_levels
from ttc_env.mechanisms.serving import price_profit, query_bounds, serve
from ttc_env.mechanisms.wording import Number, choice_rule, level_number

if TYPE_CHECKING:
    from ttc_env.equilibrium.game import StageGame


@dataclass(frozen=True)
class PostedPrice(Mechanism):
    """Posted prices: a level and the price of a query, whatever tokens it takes; logit demand on `quality - price`.

    Args:
        num_prices: size of each provider's own grid of prices, at least 2.
        margin: how far the grid reaches below the provider's equilibrium price and above its cartel price, as a
            fraction of their distance: xi of Calvano et al. See `ttc_env.equilibrium.relative_prices`.
        prices: a grid in USD instead, increasing, the same for all providers.
        shown: users see only this many offers, those of most value; ties are broken at random for each user. By default
            they see all.
        action_type: `"multi_discrete"`: integers `(..., n, 2)` into levels and prices; `"box"`: floats `(..., n, 2)` in
            [-1, 1], level in equal bins, price from the lowest to the highest of the grid.
    """

    num_prices: int = 15
    margin: float = 0.1
    prices: tuple[float, ...] | None = None
    shown: int | None = None
    action_type: str = "multi_discrete"

    name = "posted_price"
    private = ("level", "ask")
    public = ("level", "ask")

    def __post_init__(self) -> None:
        whole("num_prices", self.num_prices, least=2)
        if finite("margin", self.margin) < 0:
            raise ValueError(f"margin must be at least 0, got {self.margin!r}")
        if self.shown is not None:
            whole("shown", self.shown)
        if self.action_type not in ("multi_discrete", "box"):
            raise ValueError(f"unknown action_type {self.action_type!r}; allowed: multi_discrete, box")
        if self.prices is not None:
            grid = tuple(finite("a price of prices", price) for price in listed("prices", self.prices))
            if not grid or list(grid) != sorted(set(grid)):
                raise ValueError(f"prices must be at least one and increase, got {self.prices!r}")
            object.__setattr__(self, "prices", grid)  # hashable also where a list was given

    def action_sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Number of choices for level and price."""
        return (market.num_levels, self.num_prices if self.prices is None else len(self.prices))

    def price_table(self, market: Market | MarketBatch) -> Array:
        """The prices each provider can ask, rising, USD, `(n, G)`, or `(B, n, G)` for a batch of markets."""
        return _price_table(self, market)[0]

    def bids(self, market: Market | MarketBatch, actions: Array) -> Bids:
        """Levels at the price chosen, with their expected quality as claim."""
        table, rows = _price_table(self, market)
        if self.action_type == "box":
            level = box_levels(market, actions[..., 0])
            lowest, highest = table[..., 0], table[..., -1]
            ask = lowest + (actions[..., 1] + 1) / 2 * (highest - lowest)
        else:
            level, ask = actions[..., 0], take(table, actions[..., 1] + rows)
        return Bids(level, ask, take(market.quality, level + market.rows))

    def honest(self, market: Market | MarketBatch, levels: Array) -> Array:
        """At each provider's level the price of its grid that is nearest to its own equilibrium price.

        Raises:
            ValueError: a batch of markets and prices in USD, whose place differs from market to market.
        """
        from ttc_env.equilibrium.posted_price import nash_prices

        plain, continuous = super().honest(market, levels), self.action_type == "box"
        if self.prices is None:
            place = self.margin / (1 + 2 * self.margin)  # of the whole grid, the same for all
            plain[..., 1] = 2 * place - 1 if continuous else round(place * (self.num_prices - 1))
            return plain
        own, grid = nash_prices(one_market(market)).price, np.array(self.prices)
        if continuous:
            side = 2 * np.clip((own - grid[0]) / (grid[-1] - grid[0] or 1.0), 0.0, 1.0) - 1
        else:
            side = np.abs(grid - own[:, None]).argmin(axis=1)
        plain[..., 1] = namespace(plain).asarray(side, device=device(plain))
        return plain

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """Users choose by logit among the offers they see and staying out; the provider keeps `ask - cost` on a sale.

        The price of a query is the one posted, also where a replayed query costs more or less than the mean.
        """
        value = bids.claim - bids.ask
        seen = market.present if self.shown is None else seen_probability(value, self.shown, market.present)
        shares, outside = logit_shares(value, market.beta, market.outside_value, seen)
        shares, outside, worth, load = serve(market, bids.level, shares, outside, draws)
        return Outcome(market, bids, shares, outside, price_profit(market, bids, shares, load), worth, load)

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Smallest and largest profit of a provider in a period, USD per arriving query."""
        table = self.price_table(market)
        least_cost, most_cost = query_bounds(market, market.cost)
        return min(0.0, float(table.min()) - most_cost), max(0.0, float(table.max()) - least_cost)

    def reward_scale(self, market: Market) -> float:
        """USD in one unit of reward: an equal share of the market at its largest margin."""
        return super().reward_scale(market) / market.num_providers

    def bid_bounds(self, market: Market) -> dict[str, tuple[float, float]]:
        """Least and greatest `ask` and `claim`, USD."""
        return {
            name: (float(table.min()), float(table.max()))
            for name, table in (("ask", self.price_table(market)), ("claim", market.quality))
        }

    def rule(self, market: Market) -> str:
        """The rule of a period in words."""
        seen = "" if self.shown is None else f" A user sees the {self.shown} offers of most value only."
        return (
            "Every provider chooses the compute level of its answers and the price of a query, whatever its list "
            f"price. The value of an offer to a user is its quality minus its price. {choice_rule(market)}{seen} A "
            "provider earns its share times (price - cost) at its level."
        )

    def answer(self, market: Market, provider: int) -> tuple[Number, ...]:
        """The level, and the price of a query: of the provider's own grid, or from its lowest to its highest."""
        continuous, prices = self.action_type == "box", self.price_table(market)[provider].tolist()
        places = {price: k for k, price in reversed(list(enumerate(prices)))}  # a monopolist's grid may be one price
        if continuous:
            places = {prices[0]: -1.0, prices[-1]: 1.0}
        values = tuple(sorted(places))
        price = Number(
            "price",
            "price of a query",
            values,
            tuple(map(places.__getitem__, values)),
            money=True,
            exact=not continuous,
        )
        return level_number(market, continuous), price

    def known(self) -> type[StageGame]:
        """Closed forms where users see all offers: of the per-token game on a grid, by Lambert's W on a continuum."""
        if self.shown is not None:
            return super().known()
        from ttc_env.equilibrium.games.posted_price import ContinuousPriceGame, PriceGridGame

        return ContinuousPriceGame if self.action_type == "box" else PriceGridGame


def seen_probability(value: Array, shown: int, present: Array | None) -> Array | None:
    """The probability that a user sees each offer, `(..., n)`, if only the `shown` of most value are shown.

    Offers tied for the last places are drawn at random, all sets of them alike. They weigh the same, so the expected
    share of each is that of a user who sees it, times this.
    """
    xp, n = namespace(value), value.shape[-1]
    if shown >= n:
        return present
    if present is not None:
        value = only(present, value)
    last = xp.sort(value, axis=-1)[..., n - shown, None]
    above, tied = (xp.astype(mask, value.dtype) for mask in (value > last, value == last))
    left = shown - xp.sum(above, axis=-1, keepdims=True)
    seen = above + tied * left / xp.sum(tied, axis=-1, keepdims=True)
    return seen if present is None else seen * present


def _price_table(mechanism: PostedPrice, market: Market | MarketBatch) -> tuple[Array, Array]:
    """The prices of each provider, and where its row begins in the flattened table.

    In a period of a market that carries something over they are those of the base market, whatever its state.
    """
    return _prices(mechanism, getattr(market, "base", market))


@lru_cache(maxsize=64)  # by identity: a market is immutable, and every period asks
def _prices(mechanism: PostedPrice, market: Market | MarketBatch) -> tuple[Array, Array]:
    from ttc_env.equilibrium.posted_price import relative_prices

    def of(one: Market) -> np.ndarray:
        if mechanism.prices is not None:
            return np.tile(mechanism.prices, (one.num_providers, 1))
        return relative_prices(one, mechanism.num_prices, mechanism.margin)

    if isinstance(market, MarketBatch):
        table = market.rowwise(lambda one: np.pad(of(one), ((0, market.num_providers - one.num_providers), (0, 0))))
    else:
        like = market.quality
        table = namespace(like).asarray(of(market), dtype=like.dtype, device=device(like))
    return table, table_rows(table)
