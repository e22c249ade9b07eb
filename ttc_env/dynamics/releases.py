"""Models come and go: the tables of the providers follow a chain of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ttc_env.arrays import Array, Choice, as_numpy, columns, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.checks import whole
from ttc_env.curves import load_market
from ttc_env.dynamics.protocol import Dynamics, Moves, one_hot
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.mixtures import Mixture
from ttc_env.period import TABLES, PeriodMarket, state_rows

if TYPE_CHECKING:
    Sources = Sequence[Market | Mixture | str | None]
    Numbers = Any
else:  # what of it a command line can spell, and the types of its options come from here
    Sources = tuple[str, ...]
    Numbers = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Releases(Dynamics):
    """Each state has tables of its own: older and newer models, easier and harder queries.

    State: which of the `markets` there is now, and where that is a mixture, which of its types the query is of. It
    moves whatever anybody does, so that the equilibrium is each state's own: the market by the chain, and on the way
    into a mixture a type is drawn by its weight. Users, `answer_value` and `baseline` are those of the base market;
    sampled answers are right as often as makes the tables of the state their mean.

    Args:
        markets: `M` of them, with the providers and levels of the base market: a `Market`, a `Mixture`, one of these by
            name, or None or `"base"`, the base market itself.
        chain: probability of the next market, `(M, M)`, or its rows one after another; rows sum to 1.
        first: the market at the start, of a mixture its first type.

    Raises:
        ValueError: no market, a chain whose rows are no probabilities of `M` markets, or a start that is none of them.
    """

    markets: Sources = ("base",)
    chain: Numbers = (1.0,)
    first: int = 0

    name = "releases"
    exogenous: ClassVar[bool] = True
    changes_curves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        single = isinstance(self.markets, str | Market | Mixture)
        object.__setattr__(self, "markets", (self.markets,) if single else tuple(self.markets))  # it is frozen
        size = len(self.loaded)
        if not size or not all(one is None or isinstance(one, Market | Mixture) for one in self.loaded):
            raise ValueError(f"markets must be one or more Markets, Mixtures, names or None, got {self.markets!r}")
        chain = self.matrix
        if chain.shape != (size, size) or not (np.all(chain >= 0) and np.all(abs(chain.sum(axis=1) - 1) < 1e-9)):
            raise ValueError(f"chain must be {size} x {size} probabilities whose rows sum to 1, got {self.chain!r}")
        if whole("first, a state,", self.first, least=0) >= size:
            raise ValueError(f"first must be a state in 0..{size - 1}, got {self.first!r}")

    @cached_property
    def loaded(self) -> tuple[Market | Mixture | None, ...]:
        """The markets; None: the base market."""
        named = (None if one == "base" else one for one in self.markets)
        return tuple(load_market(one) if isinstance(one, str) else one for one in named)

    @cached_property
    def matrix(self) -> np.ndarray:
        """The chain, `(M, M)`."""
        chain, size = np.array(self.chain, dtype=np.float64), len(self.loaded)
        chain = chain.reshape(size, size) if chain.shape == (size * size,) else chain
        chain.flags.writeable = False
        return chain

    def check(self, market: Market | MarketBatch, mechanism: Mechanism) -> None:
        """Markets of one shape, and one base market."""
        if isinstance(market, MarketBatch):
            raise ValueError("releases have the tables of one market's providers, got a batch of different markets")
        if market.outcomes is not None:
            raise ValueError(
                "releases draw answers from the tables of a state, not from outcomes that a market recorded"
            )
        for one in self.present:
            if isinstance(one, Market) and one.quality.shape != market.quality.shape:
                raise ValueError(
                    f"markets must have the shape (providers, levels) of the base market, {market.quality.shape}, "
                    f"got {one.quality.shape}"
                )

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Which market and which of its types each state is."""
        types = [one.num_types if isinstance(one, Mixture) else 1 for one in self.loaded]
        return tuple((number, kind) for number, count in enumerate(types) for kind in range(count))

    @cached_property
    def present(self) -> tuple[Market | None, ...]:
        """The market of each state; None: the base market."""
        found = (self.loaded[number] for number, _ in self.places)
        pairs = zip(found, self.places, strict=True)
        return tuple(one.markets[kind] if isinstance(one, Mixture) else one for one, (_, kind) in pairs)

    @cached_property
    def transitions(self) -> np.ndarray:
        """Probability of each next state, `(S, S)`: the next market by the chain, its type by its weight."""
        numbers = [number for number, _ in self.places]
        weights = [one.weights if isinstance(one, Mixture) else [1.0] for one in self.loaded]
        return self.matrix[np.ix_(numbers, numbers)] * np.concatenate(weights)

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The markets, each as often as it has types."""
        return (len(self.places),)

    def start(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The first type of the market at the start."""
        return (self.places.index((self.first, 0)),)

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """The tables of the state."""
        rows = columns(state_rows(market.base, len(self.places)), state[..., 0])
        return replace(market, rows=rows, **self._tables(market.base))

    def curves(self, market: PeriodMarket, state: Array, out: Array) -> None:
        """Write the curves of the state, `(B, n, 3 m)`."""
        self._curves(market.base).write(state[..., 0], out)

    @lru_cache(maxsize=16)  # noqa: B019 as for `_tables`
    def _curves(self, base: Market) -> Choice:
        """The curves of all states in the unit of the base market, `(n, 3 m, S)`."""
        tables = self._tables(base)
        xp = namespace(base.quality)
        joined = xp.concat([tables[name] for name in ("quality", "price", "cost")], axis=-1) / base.unit
        return Choice(xp.asarray(xp.permute_dims(joined, (1, 2, 0)), copy=True))

    @lru_cache(maxsize=16)  # noqa: B019 by identity: both are immutable, and every period asks again
    def _tables(self, base: Market) -> dict[str, Array]:
        """The tables of all states, `(S, n, m)` each."""
        xp, like, found = namespace(base.quality), base.quality, {}
        for name in TABLES:
            if getattr(base, name) is not None:
                stack = np.stack([as_numpy(getattr(one or base, name)) for one in self.present])
                found[name] = xp.asarray(stack, dtype=like.dtype, device=device(like))
        if base.baseline < 1:
            found["right"] = (found["quality"] / base.unit - base.baseline) / (1 - base.baseline)
        return found

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """By the chain."""
        like = outcome.shares
        xp, place = namespace(like), device(like)
        size = len(self.places)
        rows = xp.asarray(self.transitions, dtype=like.dtype, device=place)[state[..., 0]]
        return Moves(xp.arange(size, device=place), xp.broadcast_to(rows, (*like.shape[:-1], size)))

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """By the chain, `(..., 1)`."""
        return (draws >= columns(self._bounds(market.base), state[..., 0])).sum(axis=-1)[..., None]

    @lru_cache(maxsize=16)  # noqa: B019 as for `_tables`
    def _bounds(self, base: Market) -> Array:
        """Probability of one of the first next states, without the last, from each state, `(S - 1, S)`."""
        xp, like = namespace(base.quality), base.quality
        chain = xp.asarray(self.transitions, dtype=like.dtype, device=device(like))
        return xp.asarray(xp.cumulative_sum(chain, axis=-1)[:, :-1].T, copy=True)

    def markets_of(self, market: Market) -> tuple[Market, ...]:
        """Those of the states, in the unit of the base market."""
        unit: dict[str, Any] = {"answer_value": market.unit, "baseline": market.baseline, "beta": market.beta}
        return tuple(market if one is None else replace(one.to("numpy"), **unit) for one in self.present)

    def label(self, market: Market, state: tuple[int, ...]) -> str:
        """The number of the market, and of a mixture's type."""
        number, kind = self.places[state[0]]
        return f"release {number}, type {kind}" if isinstance(self.loaded[number], Mixture) else f"release {number}"

    def fields(self, market: Market | MarketBatch) -> tuple[tuple[str, int], ...]:
        """For each state whether it is the present one; nothing where there is one."""
        return (("release", len(self.places)),) if len(self.places) > 1 else ()

    def view(self, market: Market | MarketBatch, state: Array, dtype: Any) -> Array:
        """One at the present state, `(..., S)`."""
        return one_hot(state[..., 0], sum(size for _, size in self.fields(market)), dtype)
