"""Many markets of one shape as arrays: drawn, swept or stacked, to be solved together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from ttc_env.market import Market, Tables

_TABLES = ("quality", "price", "cost", "tokens")
_NUMBERS = ("beta", "outside_value", "answer_value", "baseline")


@dataclass(frozen=True, eq=False)
class Markets(Tables, Sequence[Market]):
    """`B` markets with as many providers and levels: a sequence of `Market`, each made when it is asked for.

    Args:
        providers: names, the same in all markets.
        levels: as in `Market`, the same in all markets.
        quality: USD, `(B, n, m)`, or `(n, m)` where all markets share it; so `price` and `cost`.
        price: see `quality`.
        cost: see `quality`.
        beta: a number, or one for each market, `(B,)`; kept as `(B, 1)`. So the other numbers.
        outside_value: see `beta`.
        answer_value: see `beta`; None: of each market as `Market` says.
        baseline: see `beta`.
        tokens: generated per query, as `quality`, or None.

    Raises:
        ValueError: arrays that do not broadcast to one shape, values that are not finite, a `beta` that is not
            positive.
    """

    providers: Sequence[str]
    levels: Sequence[float]
    quality: Any
    price: Any
    cost: Any
    beta: Any
    outside_value: Any = 0.0
    answer_value: Any = None
    baseline: Any = 0.0
    tokens: Any = None

    def __post_init__(self) -> None:
        force = object.__setattr__  # the dataclass is frozen; this is its constructor
        tables = {name: np.array(getattr(self, name)) for name in _TABLES if getattr(self, name) is not None}
        dtype = np.result_type(*tables.values())
        dtype = dtype if dtype == np.float32 else np.dtype(np.float64)
        numbers = {name: np.array(getattr(self, name), dtype) for name in _NUMBERS if getattr(self, name) is not None}
        numbers = {name: value.reshape(-1, 1) if value.ndim else value for name, value in numbers.items()}
        inner = len(self.providers), len(self.levels)
        batch = {len(t) for t in tables.values() if t.ndim == 3} | {len(v) for v in numbers.values() if v.ndim}
        shape = (max(batch - {1}, default=1), *inner)
        for name, value in (tables | numbers).items():
            wanted = shape if name in tables else (shape[0], 1)
            try:
                value = np.broadcast_to(value.astype(dtype), wanted)
            except ValueError:
                raise ValueError(f"{name} must have shape {wanted}, got {value.shape}") from None
            if not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite everywhere")
            force(self, name, value)
        if not np.all(self.beta > 0):
            raise ValueError(f"beta must be positive (1/USD), got {self.beta.min()!r}")

    @property
    def present(self) -> None:
        """Which providers there are: all."""
        return None

    @property
    def num_providers(self) -> int:
        """Number of providers in each market, `n`."""
        return len(self.providers)

    @property
    def num_levels(self) -> int:
        """Number of compute levels, `m`."""
        return len(self.levels)

    def __len__(self) -> int:
        return int(self.quality.shape[0])

    @overload
    def __getitem__(self, index: int) -> Market: ...
    @overload
    def __getitem__(self, index: slice | np.ndarray) -> Markets: ...
    def __getitem__(self, index: Any) -> Any:
        """One market, or those of a slice or of an array of indices."""
        if isinstance(index, slice | np.ndarray):
            return self._make(Markets, index, np.asfortranarray)
        return self._make(Market, range(len(self))[index], lambda value: value if value.ndim == 2 else value.item())

    def _make(self, kind: Any, index: Any, form: Any) -> Any:
        names = [name for name in (*_TABLES, *_NUMBERS) if getattr(self, name) is not None]
        return kind(self.providers, self.levels, **{name: form(getattr(self, name)[index]) for name in names})


def stack(markets: Sequence[Market]) -> Markets:
    """Markets of one shape and precision as arrays; providers are numbered where their names differ.

    Raises:
        ValueError: no markets, or markets of different shapes.
    """
    if isinstance(markets, Markets):
        return markets
    shapes = {np.shape(market.quality) for market in markets}
    if len(shapes) != 1:
        raise ValueError(f"markets must be one or more of one shape (providers, levels), got shapes {sorted(shapes)}")
    first = markets[0]
    ((n, m),) = shapes
    known = {name for name in _TABLES if all(getattr(market, name) is not None for market in markets)}
    alike = all(other.providers == first.providers and other.levels == first.levels for other in markets)
    return Markets(
        providers=first.providers if alike else [f"provider_{i}" for i in range(n)],
        levels=first.levels if alike else range(m),
        **{name: np.stack([getattr(market, name) for market in markets]) for name in _TABLES if name in known},
        **{name: np.array([getattr(market, name) for market in markets]) for name in _NUMBERS},
    )
