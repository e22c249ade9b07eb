"""Different markets in the rows of one batch: other curves, betas or providers, padded to one shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array, convert, device, namespace
from ttc_env.market import Market, Tables, check_range
from ttc_env.outcomes import OutcomeBatch, stack_outcomes


@dataclass(frozen=True, eq=False)
class MarketBatch(Tables):
    """`B` markets as one: row `b` is market `b % len(markets)`; tables are `(B, n, m)`, numbers `(B, 1)`.

    `n` and `m` are the largest of all. Missing providers have the mask `present`, `(B, n)`, false: nobody buys from
    them and they earn nothing. Missing levels repeat the highest one. `padded` are the markets with both filled up.
    """

    markets: tuple[Market, ...]
    padded: tuple[Market, ...]
    quality: Array
    price: Array
    cost: Array
    beta: Array
    outside_value: Array
    unit: Array
    baseline: Array
    curves: Array
    present: Array
    outcomes: OutcomeBatch | None = None
    tokens: Array | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the `n` places, which hold different providers in different rows."""
        return tuple(f"provider_{i}" for i in range(self.num_providers))

    @property
    def levels(self) -> tuple[int, ...]:
        """Level indices; what they mean differs from row to row."""
        return tuple(range(self.num_levels))

    @property
    def num_providers(self) -> int:
        """Places for providers, `n`."""
        return self.quality.shape[1]

    @property
    def num_levels(self) -> int:
        """Number of levels, `m`."""
        return self.quality.shape[2]

    @cached_property
    def accuracy(self) -> Array:
        """As of each `Market`, `(B, n, m)`."""
        return _rows([market.accuracy for market in self.padded], self.quality)

    def rowwise(self, of: Callable[[Market], float | np.ndarray]) -> Array:
        """A number, `(B, 1)`, or an array, `(B, ...)`, of each market for each row."""
        return _rows([np.asarray(of(market)) for market in self.markets], self.quality)

    def to(self, backend: str, *, device: Any = None, dtype: str = "float64") -> MarketBatch:
        """The same markets with their arrays in another library; see `Market.to`."""
        for market in self.markets:
            check_range(market, dtype)
        arrays = {name: value for name, value in vars(self).items() if name in self.__annotations__}
        del arrays["markets"], arrays["padded"], arrays["present"], arrays["outcomes"]
        arrays = {
            name: convert(value, backend, device, dtype) for name, value in arrays.items() if value is not None
        }  # fmt: skip
        if self.outcomes is not None:
            arrays["outcomes"] = self.outcomes.to(backend, device=device, dtype=dtype)
        return replace(self, present=convert(self.present, backend, device, dtype) > 0, **arrays)


def stack_markets(markets: Sequence[Market], num_rows: int) -> MarketBatch:
    """The markets in turn in the rows of one batch, float64 on NumPy.

    Raises:
        ValueError: no markets, a number of rows that is no multiple of theirs, or outcomes with some of them only.
    """
    if not markets or num_rows % len(markets):
        raise ValueError(f"num_markets must be a multiple of the number of markets {len(markets)}, got {num_rows}")
    n, m = (max(getattr(market, size) for market in markets) for size in ("num_providers", "num_levels"))
    padded = tuple(_pad(market.to("numpy"), n, m) for market in markets)
    recorded = [market.outcomes for market in padded if market.outcomes is not None]
    if recorded and len(recorded) < len(markets):
        raise ValueError(f"all {len(markets)} markets of a batch carry outcomes or none does, got {len(recorded)}")
    like = np.empty((num_rows, n, m))
    columns = {
        name: _rows([np.asarray(getattr(market, name)) for market in padded], like)
        for name in ("quality", "price", "cost", "beta", "outside_value", "unit", "baseline", "curves")
    }
    there = _rows([np.arange(n) < market.num_providers for market in markets], like) > 0
    present = np.asfortranarray(there)  # as what it masks, see `take`
    outcomes = stack_outcomes(recorded, num_rows) if recorded else None
    if all(market.tokens is not None for market in padded):
        columns["tokens"] = _rows([np.asarray(market.tokens) for market in padded], like)
    return MarketBatch(tuple(markets), padded, present=present, outcomes=outcomes, **columns)


def one_market(market: Market | MarketBatch) -> Market:
    """The market itself, for what has no meaning in a batch of different ones.

    Raises:
        ValueError: it is a batch.
    """
    if isinstance(market, MarketBatch):
        raise ValueError(f"this needs one market, got a batch of {len(market.markets)} different ones")
    return market


def _pad(market: Market, n: int, m: int) -> Market:
    more = n - market.num_providers, m - market.num_levels
    top = market.levels[-1]

    def fill(table: np.ndarray, value: float) -> np.ndarray:
        wide = np.pad(table, ((0, 0), (0, more[1])), mode="edge")
        return np.pad(wide, ((0, more[0]), (0, 0)), constant_values=value)

    return replace(
        market,
        providers=(*market.providers, *(f"absent {k}" for k in range(more[0]))),
        levels=(*market.levels, *(top + 1 + k for k in range(more[1]))),
        quality=fill(market.quality, market.baseline * market.unit),
        price=fill(market.price, 0.0),
        cost=fill(market.cost, 0.0),
        tokens=None if market.tokens is None else fill(market.tokens, 1.0),
        outcomes=None if market.outcomes is None else market.outcomes.padded(n, m),
    )


def _rows(values: list[np.ndarray], like: Array) -> Array:
    """One value per market to one per row, of the library, place and precision of `like`."""
    xp = namespace(like)
    stacked = np.stack([np.atleast_1d(value) for value in values])
    stacked = np.tile(stacked, (like.shape[0] // len(values),) + (1,) * (stacked.ndim - 1))
    return xp.asarray(stacked, dtype=like.dtype, device=device(like))
