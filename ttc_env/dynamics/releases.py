"""Models come and go: the tables of the providers follow a chain of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from ttc_env.arrays import Array, as_numpy, choose, device, for_all, namespace
from ttc_env.batch import MarketBatch
from ttc_env.checks import whole
from ttc_env.curves import load_market
from ttc_env.dynamics.protocol import Dynamics, Moves, one_hot
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.period import TABLES, PeriodMarket


@dataclass(frozen=True, eq=False)
class Releases(Dynamics):
    """Each state has tables of its own: older and newer models, easier and harder queries.

    State: which of the `markets` there is now. It moves by the chain whatever anybody does, so that the equilibrium is
    each state's own. Users, `answer_value` and `baseline` are those of the base market.

    Args:
        markets: of each of the `S` states, with the providers and levels of the base market; a name of
            `list_markets()` is that market, None the base market itself.
        chain: probability of the next state, `(S, S)`, rows sum to 1.
        first: the state at the start.

    Raises:
        ValueError: no market, a chain whose rows are no probabilities of `S` states, or a start that is none of them.
    """

    markets: Sequence[Market | str | None] = (None,)
    chain: Any = ((1.0,),)
    first: int = 0

    name = "releases"
    exogenous: ClassVar[bool] = True
    changes_curves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        markets = (self.markets,) if isinstance(self.markets, str | Market) else tuple(self.markets)
        loaded = tuple(load_market(one) if isinstance(one, str) else one for one in markets)
        if not loaded or not all(one is None or isinstance(one, Market) for one in loaded):
            raise ValueError(f"markets must be one or more Markets, names or None, got {self.markets!r}")
        chain, size = np.array(self.chain, dtype=np.float64), len(loaded)
        if chain.shape != (size, size) or not (np.all(chain >= 0) and np.all(abs(chain.sum(axis=1) - 1) < 1e-9)):
            raise ValueError(f"chain must be {size} x {size} probabilities whose rows sum to 1, got {self.chain!r}")
        chain.flags.writeable = False
        if whole("first, a state,", self.first, least=0) >= size:
            raise ValueError(f"first must be a state in 0..{size - 1}, got {self.first!r}")
        object.__setattr__(self, "markets", loaded)  # the dataclass is frozen; this is its constructor
        object.__setattr__(self, "chain", chain)

    def check(self, market: Market | MarketBatch, mechanism: Mechanism) -> None:
        """Markets of one shape, and one base market."""
        if isinstance(market, MarketBatch):
            raise ValueError("releases have the tables of one market's providers, got a batch of different markets")
        for one in self.markets:
            if isinstance(one, Market) and one.quality.shape != market.quality.shape:
                raise ValueError(
                    f"markets must have the shape (providers, levels) of the base market, {market.quality.shape}, "
                    f"got {one.quality.shape}"
                )

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The states of the chain."""
        return (len(self.markets),)

    def start(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The state at the start."""
        return (self.first,)

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """The tables of the state."""
        version = for_all(state[..., 0], market.num_providers)
        return replace(market, version=version, **self._tables(market.base))

    def curves(self, market: PeriodMarket, state: Array, out: Array) -> None:
        """Write the curves of the state, `(B, n, 3 m)`."""
        choose(self._curves(market.base), state[..., 0], out)

    @lru_cache(maxsize=16)  # noqa: B019 as for `_tables`
    def _curves(self, base: Market) -> Array:
        """The curves of all states in the unit of the base market, `(n, 3 m, S)`."""
        tables = self._tables(base)
        xp = namespace(base.quality)
        joined = xp.concat([tables[name] for name in ("quality", "price", "cost")], axis=-1) / base.unit
        return xp.asarray(xp.permute_dims(joined, (1, 2, 0)), copy=True)

    @lru_cache(maxsize=16)  # noqa: B019 by identity: both are immutable, and every period asks again
    def _tables(self, base: Market) -> dict[str, Array]:
        """The tables of all states, `(S, n, m)` each."""
        xp, like, found = namespace(base.quality), base.quality, {}
        for name in TABLES:
            if getattr(base, name) is not None:
                stack = np.stack([as_numpy(getattr(one or base, name)) for one in self.markets])
                found[name] = xp.asarray(stack, dtype=like.dtype, device=device(like))
        return found

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """By the chain."""
        like = outcome.shares
        xp, place = namespace(like), device(like)
        to = xp.arange(len(self.markets), device=place)
        rows = xp.asarray(np.array(self.chain), dtype=like.dtype, device=place)[state[..., 0]]
        return Moves(to, xp.broadcast_to(rows, (*like.shape[:-1], len(self.markets))))

    def markets_of(self, market: Market) -> tuple[Market, ...]:
        """Those of the states."""
        return tuple(one if isinstance(one, Market) else market for one in self.markets)

    def label(self, market: Market, state: tuple[int, ...]) -> str:
        """Its number."""
        return f"release {state[0]}"

    def fields(self, market: Market | MarketBatch) -> tuple[tuple[str, int], ...]:
        """For each state whether it is the present one; nothing where there is one."""
        return (("release", len(self.markets)),) if len(self.markets) > 1 else ()

    def view(self, market: Market | MarketBatch, state: Array, dtype: Any) -> Array:
        """One at the present state, `(..., S)`."""
        return one_hot(state[..., 0], sum(size for _, size in self.fields(market)), dtype)
