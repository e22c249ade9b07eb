"""Queries differ: in each period one type of a mixture is drawn, before the providers act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from ttc_env.arrays import Array, Choice, columns, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.dynamics.protocol import Dynamics, Moves, one_hot
from ttc_env.equilibrium import PrivateGame, StageGame
from ttc_env.equilibrium.mixtures.private import check_private
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.mixtures import Mixture
from ttc_env.period import PeriodMarket, state_rows

_GAIN = 1e-12  # USD that no bid is changed for
INFORMATION = ("public", "private")


@dataclass(frozen=True, eq=False)
class QueryTypes(Dynamics):
    """The type of the queries of a period, drawn anew each time, whatever anybody does.

    State: the type. Every provider sees its own curves on this type. With `information="public"` everybody is shown
    the type as well; with `"private"` nobody is, and a provider knows nothing of the others' curves. The base market is
    that of the mean tables (`Mixture.mean_market`), whose unit all types share.

    Args:
        mixture: the types, with users of one rationality.
        information: `"public"` or `"private"`, which is defined for auctions only.

    Raises:
        ValueError: no mixture, another information, or types that differ in `beta` or `baseline`.
    """

    mixture: Mixture
    information: str = "public"

    name = "query_types"
    exogenous: ClassVar[bool] = True
    changes_curves: ClassVar[bool] = True
    draws_start: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.mixture, Mixture):
            raise ValueError(f"query types are those of a Mixture, got {self.mixture!r}")
        if self.information not in INFORMATION:
            raise ValueError(f"unknown information {self.information!r}; allowed: {', '.join(INFORMATION)}")
        if any(market.outcomes is not None for market in self.mixture.markets):
            raise ValueError("query types are drawn; markets that replay recorded outcomes are no types")
        for name in ("beta", "baseline"):
            values = {getattr(market, name) for market in self.mixture.markets}
            if len(values) > 1:
                raise ValueError(f"query types that are played have one {name}, got {sorted(values)}")

    def check(self, market: Market | MarketBatch, mechanism: Mechanism) -> None:
        """The base market of the mixture, and an auction where information is private."""
        if isinstance(market, MarketBatch) or market.quality.shape != self.mixture.quality.shape[1:]:
            raise ValueError("query types are played on the mean market of their mixture, `Mixture.mean_market`")
        if self.information == "private":
            check_private(mechanism)

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The types."""
        return (self.mixture.num_types,)

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """The tables of the type."""
        rows = columns(state_rows(market.base, self.mixture.num_types), state[..., 0])
        outside = columns(self._outside(market.base), state[..., 0])
        return replace(market, rows=rows, outside_value=outside, **self._tables(market.base))

    def curves(self, market: PeriodMarket, state: Array, out: Array) -> None:
        """Write the curves of the type, `(B, n, 3 m)`."""
        self._curves(market.base).write(state[..., 0], out)

    @lru_cache(maxsize=16)  # noqa: B019 by identity: both are immutable, and every period asks again
    def _tables(self, base: Market) -> dict[str, Array]:
        """The tables of all types, `(T, n, m)` each."""
        names = ("quality", "price", "cost", *(("tokens",) if base.tokens is not None else ()))
        found = {name: np.stack([np.asarray(getattr(one, name)) for one in self._types]) for name in names}
        found["right"] = (found["quality"] / base.unit - base.baseline) / (1 - base.baseline)
        return {name: _as(base, table) for name, table in found.items()}

    @lru_cache(maxsize=16)  # noqa: B019 as for `_tables`
    def _outside(self, base: Market) -> Array:
        """The value of not buying in each type, `(1, T)`."""
        return _as(base, np.array([[one.outside_value for one in self._types]]))

    @lru_cache(maxsize=16)  # noqa: B019 as for `_tables`
    def _curves(self, base: Market) -> Choice:
        """The curves of all types, `(n, 3 m, T)`."""
        return Choice(_as(base, np.stack([one.curves for one in self._types], axis=-1)))

    @lru_cache(maxsize=16)  # noqa: B019 as for `_tables`
    def _upto(self, base: Market) -> Array:
        """Probability of one of the first types, without the last, `(T - 1,)`."""
        return _as(base, np.cumsum(self.mixture.weights)[:-1])

    @cached_property
    def _types(self) -> tuple[Market, ...]:
        """The markets of the types, NumPy, in the unit that all share."""
        return tuple(self.mixture.to("numpy").in_one_unit.markets)

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """To each type by its weight."""
        like = outcome.shares
        xp, place = namespace(like), device(like)
        weights = xp.asarray(self.mixture.weights, dtype=like.dtype, device=place)
        to = xp.arange(self.mixture.num_types, device=place)
        return Moves(to, xp.broadcast_to(weights, (*like.shape[:-1], self.mixture.num_types)))

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """The type of the next period, whatever the last one was, `(..., 1)`."""
        return self.draw_start(market, draws)

    def draw_start(self, market: PeriodMarket, draws: Array) -> Array:
        """A type by its weight, `(..., 1)`."""
        return namespace(draws).searchsorted(self._upto(market.base), draws, side="right")

    def start_weights(self, market: Market) -> np.ndarray:
        """The weights of the types, `(T,)`."""
        return self.mixture.weights

    def markets_of(self, market: Market) -> tuple[Market, ...]:
        """Those of the types."""
        return self._types

    def equilibria(self, market: Market, mechanism: Mechanism) -> np.ndarray:
        """An equilibrium of each type, `(T, n)` or `(T, n, c)`; where types are private one without use of the others'.

        Raises:
            ValueError: types are private, and what is best on each is not for providers who know their own rows only.
        """
        actions = np.stack([StageGame(one, mechanism).equilibrium() for one in self._types])
        if self.information == "private" and PrivateGame(self.mixture, mechanism).nash_conv(actions).total > _GAIN:
            raise ValueError(f"no equilibrium of {mechanism.name} is known where types are private")
        return actions

    def label(self, market: Market, state: tuple[int, ...]) -> str:
        """Its number."""
        return f"type {state[0]}"

    def fields(self, market: Market | MarketBatch) -> tuple[tuple[str, int], ...]:
        """For each type whether it is the present one, where that is public and there are several."""
        shown = self.information == "public" and self.mixture.num_types > 1
        return (("type", self.mixture.num_types),) if shown else ()

    def view(self, market: Market | MarketBatch, state: Array, dtype: Any) -> Array:
        """One at the present type, `(..., T)`, or nothing, `(..., 0)`."""
        return one_hot(state[..., 0], sum(size for _, size in self.fields(market)), dtype)


def _as(base: Market, table: np.ndarray) -> Array:
    """A table in the library, place and precision of the market."""
    return namespace(base.quality).asarray(table, dtype=base.quality.dtype, device=device(base.quality))
