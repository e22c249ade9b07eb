"""A mixture: a finite set of query types, each with its own tables for the same providers and levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ttc_env.arrays import Array, namespace
from ttc_env.market import Market, Tables


@dataclass(frozen=True, eq=False)
class Mixture(Tables):
    """Query types and how often each arrives. One type is drawn in each period, before the providers act.

    Tables stack those of the types, `(T, n, m)`, and a profile has a level for every type and provider, `(T, n)`.

    Args:
        markets: the market of each of the `T` types, with the same providers and levels.
        weights: how often each type arrives, positive, scaled to sum to one; equal by default.
        label: what the types are, for whoever shows figures: recorded questions, benchmarks, a model.

    Raises:
        ValueError: no market, other providers or levels, or weights that are not one positive number for each type.
    """

    markets: Sequence[Market]
    weights: Any = None
    label: str = ""

    def __post_init__(self) -> None:
        markets = tuple(self.markets)
        if not markets or not all(isinstance(market, Market) for market in markets):
            raise ValueError(f"a mixture needs one or more markets, got {self.markets!r}")
        for market in markets[1:]:
            for name in ("providers", "levels"):
                if getattr(market, name) != getattr(markets[0], name):
                    raise ValueError(
                        f"the types of a mixture have the same {name}, got {getattr(markets[0], name)!r} "
                        f"and {getattr(market, name)!r}"
                    )
        weights = np.array(np.ones(len(markets)) if self.weights is None else self.weights, dtype=np.float64)
        if weights.shape != (len(markets),) or not np.all(np.isfinite(weights) & (weights > 0)):
            raise ValueError(f"weights must be {len(markets)} positive numbers, got {self.weights!r}")
        weights /= weights.sum()
        weights.flags.writeable = False
        object.__setattr__(self, "markets", markets)  # the dataclass is frozen; this is its constructor
        object.__setattr__(self, "weights", weights)

    @property
    def num_types(self) -> int:
        """Number of query types, `T`."""
        return len(self.markets)

    @property
    def providers(self) -> Sequence[str]:
        """Names of the `n` providers."""
        return self.markets[0].providers

    @property
    def levels(self) -> Sequence[float]:
        """Physical compute at each of the `m` levels."""
        return self.markets[0].levels

    @property
    def num_providers(self) -> int:
        """Number of providers, `n`."""
        return len(self.providers)

    @property
    def num_levels(self) -> int:
        """Number of compute levels, `m`."""
        return len(self.levels)

    @cached_property
    def quality(self) -> Array:
        """Expected quality of an answer, USD, `(T, n, m)`."""
        return self._stack("quality")

    @cached_property
    def price(self) -> Array:
        """What the user is charged, USD per query, `(T, n, m)`."""
        return self._stack("price")

    @cached_property
    def cost(self) -> Array:
        """What the query costs the provider, USD, `(T, n, m)`."""
        return self._stack("cost")

    @cached_property
    def beta(self) -> np.ndarray:
        """User rationality, 1/USD, `(T, 1)`."""
        return np.array([[market.beta] for market in self.markets])

    @cached_property
    def outside_value(self) -> np.ndarray:
        """Value of not buying, USD, `(T, 1)`."""
        return np.array([[market.outside_value] for market in self.markets])

    @cached_property
    def unit(self) -> np.ndarray:
        """USD in one unit of observations, asks and claims, `(T, 1)`."""
        return np.array([[market.unit] for market in self.markets])

    @property
    def present(self) -> None:
        """Which providers there are: all."""
        return None

    @cached_property
    def mean_market(self) -> Market:
        """The market of the mean tables, in the largest unit of all types; of one type that market itself."""
        if self.num_types == 1:
            return self.markets[0]
        mixture = self.to("numpy").in_one_unit
        tables = {name: mixture.average(getattr(mixture, name)) for name in ("quality", "price", "cost")}
        outside = float(self.average(self.outside_value)[0])
        return replace(mixture.markets[0], outside_value=outside, outcomes=None, tokens=None, **tables)

    @cached_property
    def in_one_unit(self) -> Mixture:
        """The same types with the largest unit of all as that of each: one scale of bids and observations."""
        return self.replace(answer_value=float(self.unit.max()))

    def average(self, values: Any) -> Any:
        """The mean over types of an array `(T, ...)`, or of each field of a tuple of such arrays."""
        if isinstance(values, tuple):
            return type(values)(*map(self.average, values))
        return np.tensordot(self.weights, values, axes=1)

    def replace(self, **changes: Any) -> Mixture:
        """The same mixture with fields of every market changed, for example `beta=200.0`."""
        return replace(self, markets=[replace(market, **changes) for market in self.markets])

    def select(self, providers: Sequence[str | int]) -> Mixture:
        """The mixture with some of the providers only, in the order given."""
        return replace(self, markets=[market.select(providers) for market in self.markets])

    def to(self, backend: str, *, device: Any = None, dtype: str = "float64") -> Mixture:
        """The same mixture with its tables in another array library; see `Market.to`."""
        return replace(self, markets=[market.to(backend, device=device, dtype=dtype) for market in self.markets])

    def _stack(self, table: str) -> Array:
        tables = [getattr(market, table) for market in self.markets]
        return namespace(tables[0]).stack(tables)
