"""The market of one period: what the base market becomes in each row of a batch, which its state decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from ttc_env.arrays import Array, device, namespace, take
from ttc_env.batch import MarketBatch
from ttc_env.market import Market, Tables
from ttc_env.outcomes import OutcomeBatch, Outcomes

TABLES = ("quality", "price", "cost", "tokens")


@dataclass(frozen=True, eq=False)
class PeriodMarket(Tables):
    """A market in several versions, and which of them each provider has in each row; mechanisms clear it as any other.

    Tables stack the `V` versions, `(V, n, m)`, or `(V, B, n, m)` over a batch of markets; numbers are floats or
    `(..., 1)`. The tables are looked up where `rows` says, so that a batch costs no more than the base market does.

    Args:
        base: what does not change: users, names, and the lottery of right and wrong answers.
        quality: expected worth of an answer to the user, USD.
        price: what the user is charged, USD.
        cost: what the query costs the provider, USD.
        outside_value: value of not buying, USD.
        rows: where the levels of each provider's version begin in the flattened tables, `(..., n)`.
        present: which providers users can choose, `(..., n)`; None if all.
        tokens: generated per query, where the base market knows them.
        right: probability that an answer is right, `(V, n, m)`; None: that of the base market.
        steps: the part of `quality` in each version that comes with the provider and not with the answer, USD: a cost
            of switching, of waiting; None if there is none.
    """

    base: Market | MarketBatch
    quality: Array
    price: Array
    cost: Array
    outside_value: float | Array
    rows: Array = field()  # has no default: the property of the tables must not become one
    present: Array | None = None
    tokens: Array | None = None
    steps: Array | None = None
    right: Array | None = None

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

    def chance_right(self, level: Array) -> Array:
        """Probability that an answer at these levels is right, `(..., n)`."""
        return self.base.chance_right(level) if self.right is None else take(self.right, level + self.rows)

    @property
    def outcomes(self) -> Outcomes | OutcomeBatch | None:
        """Recorded answers of the base market."""
        return self.base.outcomes

    @cached_property
    def extra(self) -> Array | None:  # type: ignore[override]
        """What comes with each provider, whatever its answer, USD, `(..., n)`; drawn answers are worth it, too."""
        return None if self.steps is None else self.steps[self.rows // math.prod(self.base.quality.shape)]

    def table(self, name: str) -> Array:
        """A table as each row has it, `(..., n, m)`."""
        xp, flat = namespace(self.quality), namespace(self.quality).reshape(getattr(self, name), (-1,))
        return flat[self.rows[..., None] + xp.arange(self.num_levels, device=device(self.rows))]

    def shifted(
        self, steps: Sequence[float], version: Array, outside: float | Array = 0.0, present: Array | None = None
    ) -> PeriodMarket:
        """The market in which buying from a provider is worth `steps[version]` more to users, and not buying `outside`.

        Args:
            steps: USD in each of the `V` versions.
            version: of each provider, `(..., n)`.
            outside: USD, a number or `(..., 1)`.
            present: which providers users can choose; those that are not there already stay away.
        """
        return self.shifted_at(steps, version_rows(self.base, version), outside, present)

    def shifted_at(
        self, steps: Sequence[float], rows: Array, outside: float | Array = 0.0, present: Array | None = None
    ) -> PeriodMarket:
        """`shifted` to the versions whose levels begin at these rows, see `version_rows`."""
        if self.present is not None:
            present = self.present if present is None else self.present & present
        tables, worth = _versions(self.base, tuple(steps))
        quality, price, cost, tokens = tables
        value = self.outside_value + outside
        return PeriodMarket(self.base, quality, price, cost, value, rows, present, tokens, worth)


def version_rows(base: Market | MarketBatch, version: Array) -> Array:
    """Where the levels of each provider begin in the flattened tables of its version, both `(..., n)`."""
    rows = version * math.prod(base.quality.shape)
    rows += base.rows
    return rows


@lru_cache(maxsize=64)  # by identity: markets are immutable, and every period asks again
def state_rows(base: Market, states: int) -> Array:
    """`version_rows` where all providers have the version of the state, `(n, S)`."""
    xp = namespace(base.quality)
    version = xp.arange(states, device=device(base.quality))
    return version_rows(base, xp.stack([version] * base.num_providers, axis=-1)).T


@lru_cache(maxsize=64)  # by identity: markets are immutable, and every period asks again
def period_of(market: Market | MarketBatch) -> PeriodMarket:
    """The base market in every row, whatever the batch."""
    tables: dict[str, Any] = {name: getattr(market, name) for name in TABLES}
    return PeriodMarket(market, outside_value=market.outside_value, rows=market.rows, present=market.present, **tables)


@lru_cache(maxsize=64)  # by identity: markets are immutable, and every period asks again
def _versions(market: Market | MarketBatch, steps: tuple[float, ...]) -> tuple[list[Any], Array]:
    """Quality, price, cost and tokens in versions of other quality, `(V, n, m)` each, and the steps as an array."""
    xp, like = namespace(market.quality), market.quality
    worth = xp.asarray(list(steps), dtype=like.dtype, device=device(like))
    found = [getattr(market, name) for name in TABLES]
    tables = [None if table is None else xp.stack([table] * len(steps)) for table in found]
    tables[0] = tables[0] + xp.reshape(worth, (-1, *(1,) * like.ndim))
    return tables, worth
