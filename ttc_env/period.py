"""The market of one period: what the base market becomes in each row of a batch, which its state decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ttc_env.arrays import Array, namespace
from ttc_env.batch import MarketBatch
from ttc_env.market import Market, Tables
from ttc_env.outcomes import OutcomeBatch, Outcomes


@dataclass(frozen=True, eq=False)
class PeriodMarket(Tables):
    """A market in every row of a batch, each row with tables of its own; mechanisms clear it as any other.

    Tables are `(..., n, m)` with the batch in the leading axes, numbers are floats or `(..., 1)`.

    Args:
        base: what does not change: users, names, and the lottery of right and wrong answers.
        quality: expected worth of an answer to the user, USD.
        price: what the user is charged, USD.
        cost: what the query costs the provider, USD.
        outside_value: value of not buying, USD.
        present: which providers users can choose, `(..., n)`; None if all.
        tokens: generated per query, where the base market knows them.
        extra: the part of `quality` that comes with the provider and not with the answer, USD, `(..., n)`: a cost of
            switching, of waiting. Drawn answers are worth that much more, too.
    """

    base: Market | MarketBatch
    quality: Array
    price: Array
    cost: Array
    outside_value: float | Array
    present: Array | None = None
    tokens: Array | None = None
    extra: Array | None = None

    @property
    def num_providers(self) -> int:
        """Number of providers, `n`."""
        return self.base.num_providers

    @property
    def num_levels(self) -> int:
        """Number of compute levels, `m`."""
        return self.base.num_levels

    @property
    def beta(self) -> float | Array:
        """User rationality, 1/USD."""
        return self.base.beta

    @property
    def unit(self) -> float | Array:
        """USD in one unit of observations, asks and claims."""
        return self.base.unit

    @property
    def baseline(self) -> float | Array:
        """Fraction of `unit` that a wrong answer is still worth."""
        return self.base.baseline

    @property
    def accuracy(self) -> Array:
        """Probability that an answer is right; nothing carried over changes it."""
        return self.base.accuracy

    @property
    def outcomes(self) -> Outcomes | OutcomeBatch | None:
        """Recorded answers of the base market."""
        return self.base.outcomes

    def shifted(self, extra: Array, outside: float | Array = 0.0, present: Array | None = None) -> PeriodMarket:
        """The market in which buying from each provider is worth `extra` more to users, and not buying `outside` more.

        Args:
            extra: USD, `(..., n)`.
            outside: USD, a number or `(..., 1)`.
            present: which providers users can choose; those that are not there already stay away.
        """
        if self.present is not None:
            present = self.present if present is None else self.present & present
        return replace(
            self,
            quality=self.quality + extra[..., None],
            outside_value=self.outside_value + outside,
            present=present,
            extra=extra if self.extra is None else self.extra + extra,
        )


@lru_cache(maxsize=64)  # by identity: markets are immutable
def tiled(market: Market | MarketBatch, batch: tuple[int, ...]) -> PeriodMarket:
    """The base market in every row of a batch of this shape; a batch of markets has its rows already."""
    xp = namespace(market.quality)
    names = ("quality", "price", "cost", "tokens")
    tables: dict[str, Any] = {name: getattr(market, name) for name in names if getattr(market, name) is not None}
    if not isinstance(market, MarketBatch):
        shape = (*batch, *market.quality.shape)
        tables = {name: xp.asarray(xp.broadcast_to(table, shape), copy=True) for name, table in tables.items()}
    return PeriodMarket(market, outside_value=market.outside_value, present=market.present, **tables)
