"""What the providers of a repeated market see, and its layout as data.

An observation is a row of named fields: those of the provider itself first, then the public record of last period.
Sizes, bounds, slices and values all follow from `layout(game)`, and nobody reads by offset:

    layout(game).read(observations, "public.share")
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, blocks, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.dynamics import decode
from ttc_env.market import Market
from ttc_env.period import period_of
from ttc_env.repeated import RepeatedMarket, State

LISTED = 2**17  # states that are told apart by what is shown of them
_KEY = 1e-6  # between the numbers of what is shown of two states there is more
CURVES = ("own.quality", "own.price", "own.cost")
USERS = "users.rationality"


class Field(NamedTuple):
    """Some numbers of an observation: `size` of them, each between `low` and `high`."""

    name: str
    size: int
    low: float
    high: float


@dataclass(frozen=True)
class Layout:
    """The fields of an observation in order: `own`, what one provider sees alone, and `public`, what all see.

    Own fields: `own.quality`, `own.price` and `own.cost` at each level (units of `answer_value`); `played`, 1 once a
    period has been played; the parts of the last bid that the mechanism shows its provider, such as `own.level` (0 to
    1) or `own.ask`; and `own.reward`, of last period. Public fields: where demand depends on it `users.rationality`,
    `log10(beta * answer_value)`; of every provider the parts of its last bid that the mechanism makes public, and
    `public.share`; and with dynamics the present state, `state.` and its name. With `observe="own"` providers are not
    shown the last two: these are `hidden`, and stand in the global state alone.
    """

    own: tuple[Field, ...]
    public: tuple[Field, ...]
    hidden: tuple[Field, ...] = ()

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each field stands."""
        ends = np.cumsum([field.size for field in (*self.own, *self.public)]).tolist()
        return {
            field.name: slice(end - field.size, end) for field, end in zip((*self.own, *self.public), ends, strict=True)
        }

    @cached_property
    def own_size(self) -> int:
        """Numbers that are the provider's own."""
        return sum(field.size for field in self.own)

    @cached_property
    def size(self) -> int:
        """Numbers of an observation, `d`."""
        return self.own_size + sum(field.size for field in self.public)

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest value of every number of an observation, `(d,)` each, the same for all providers."""
        return _bounds((*self.own, *self.public))

    def state_bounds(self, num_providers: int) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest value of every number of the global state, `(D,)` each."""
        curves = sum(field.size for field in self.own if field.name in CURVES)
        own, n = self.own_size, num_providers
        low, high = (
            np.concatenate([np.tile(b[:curves], n), np.tile(b[curves:own], n), b[own:]])
            for b in _bounds((*self.own, *self.public, *self.hidden))
        )
        return low, high

    def read(self, observations: Array, name: str) -> Array:
        """A field of observations `(..., d)`: `(..., size)`.

        Raises:
            ValueError: no such field, naming those there are.
        """
        if name not in self.places:
            raise ValueError(f"an observation has no field {name!r}; it has: {', '.join(self.places)}")
        return observations[..., self.places[name]]


@lru_cache(maxsize=256)  # by identity: a game is immutable, and every step asks again
def layout(game: RepeatedMarket) -> Layout:
    """The layout of what is seen in a repeated market."""
    market, mechanism = game.market, game.mechanism
    n, m = market.num_providers, market.num_levels
    if isinstance(market, MarketBatch):
        scales = [game.reward_scale or mechanism.reward_scale(one) for one in market.markets]
        spans = [  # of the providers there are, whose bids may depend on each other's curves, and of absent ones
            _spans(replace(game, market=one, reward_scale=scale))
            for both, scale in zip(zip(market.markets, market.padded, strict=True), scales, strict=True)
            for one in both
        ]
        span = {name: (min(s[name][0] for s in spans), max(s[name][1] for s in spans)) for name in spans[0]}
    else:
        span = _spans(game)
    own = [Field("played", 1, 0.0, 1.0), *(Field(f"own.{part}", 1, *span[part]) for part in mechanism.private)]
    fields = () if game.dynamics is None else game.dynamics.fields(market)
    public = (
        *(Field(f"public.{part}", n, *span[part]) for part in (*mechanism.public, "share")),
        *(Field(f"state.{name}", size, 0.0, 1.0) for name, size in fields),
    )
    users = [Field(USERS, 1, *span[USERS])] if mechanism.uses_beta else []
    shown, hidden = (public, ()) if game.observe == "public" else ((), public)
    return Layout(
        (*(Field(name, m, *span[name]) for name in CURVES), *own, Field("own.reward", 1, *span["reward"])),
        (*users, *shown),
        hidden,
    )


def _bounds(fields: Sequence[Field]) -> tuple[np.ndarray, np.ndarray]:
    sizes = [field.size for field in fields]
    return np.repeat([field.low for field in fields], sizes), np.repeat([field.high for field in fields], sizes)


def observe(game: RepeatedMarket, state: State, out: Array | None = None) -> Array:
    """What each provider sees, `(B, n, d)`; `layout(game)` says where what stands.

    Args:
        game: the repeated market.
        state: after any number of periods.
        out: an array that an earlier call returned; its curves and users stand already, the rest is written into it.
    """
    own, public = _records(game, state)
    first, n = layout(game).own_size + game.mechanism.uses_beta, game.market.num_providers
    new = out is None
    if out is None:
        out = _room(state.shares, n, layout(game).size)
        out[..., layout(game).own_size : first] = _users(game, state)[:, None, :]
    _write_own(game, state, own, out, new)
    for rows in blocks(out):  # each record is read n times
        place = first
        for record in public if game.observe == "public" else ():
            out[rows, :, place : place + record.shape[-1]] = record[rows, None, :]
            place += record.shape[-1]
    return out


class Views(NamedTuple):
    """An observation in two parts: `own`, `(B, n, d)`, and `public`, `(B, p)`, which all providers share.

    The public record grows with the number of providers; kept once per market, not once per provider, it costs
    `O(n)` and not `O(n^2)`.
    """

    own: Array
    public: Array


def observe_shared(game: RepeatedMarket, state: State, out: Views | None = None) -> Views:
    """What `observe` returns, with the public record once for each market."""
    xp = namespace(state.shares)
    own, public = _records(game, state)
    new = out is None
    if out is None:
        room = _room(state.shares, game.market.num_providers, layout(game).own_size)
        out = Views(room, xp.empty_like(state.shares[:, :0]))
    _write_own(game, state, own, out.own, new)
    return Views(out.own, xp.concat([_users(game, state), *(public if game.observe == "public" else ())], axis=-1))


def global_state(game: RepeatedMarket, state: State) -> Array:
    """What a centralised critic sees, `(B, D)`: every provider's curve and own record, and the public record once."""
    xp = namespace(state.shares)
    batch, n = state.shares.shape
    curves = _room(state.shares, n, 3 * game.market.num_levels)
    _write_curves(game, state, curves)
    curves = xp.reshape(curves, (batch, -1))
    own, public = _records(game, state)
    columns = xp.stack([xp.broadcast_to(column, (batch, n)) for column in own], axis=-1)
    return xp.concat([curves, xp.reshape(columns, (batch, -1)), _users(game, state), *public], axis=-1)


def state_index(game: RepeatedMarket, observations: Array) -> np.ndarray:
    """The state of the dynamics that observations `(..., d)` show, by its index, `(...)`; backend numpy.

    Raises:
        ValueError: there is none, more states than can be listed, or states that look the same.
    """
    place, keys, order, weights = _states(game)
    shown = np.asarray(observations)[..., place] @ weights
    return order[np.clip(np.searchsorted(keys, shown - _KEY), 0, len(keys) - 1)]


def seen_states(game: RepeatedMarket, observations: Array, seats: np.ndarray) -> np.ndarray:
    """A state that looks like the present one to each seat, by its index, `(B, s)`, from observations `(B, s, d)`.

    Where the state is public it is that one; where it is not, one in which the seat has the curves it sees. Backend
    numpy; `seats` are the indices of the providers.

    Raises:
        ValueError: what `state_index` raises, or a state that shows in nothing.
    """
    dynamics = game.dynamics
    if dynamics is None or not dynamics.changes_curves or (dynamics.fields(game.market) and game.observe == "public"):
        return np.repeat(state_index(game, observations[:, :1]), observations.shape[1], axis=1)
    curves = _curves_by_state(game)  # (S, n, 3 m)
    seen = np.asarray(observations)[..., : curves.shape[-1]]
    found = np.empty(seen.shape[:2], dtype=np.int64)
    for k, i in enumerate(seats):
        found[:, k] = abs(seen[:, k, None] - curves[None, :, i]).max(axis=-1).argmin(axis=1)
    return found


@lru_cache(maxsize=16)  # by identity, as `layout`
def _curves_by_state(game: RepeatedMarket) -> np.ndarray:
    assert game.dynamics is not None
    sizes, market = game.dynamics.sizes(game.market), game.market
    every = decode(np.arange(math.prod(sizes)), sizes)
    curves = np.empty((len(every), market.num_providers, 3 * market.num_levels), market.quality.dtype)
    game.dynamics.curves(period_of(market), every, curves)
    return curves


@lru_cache(maxsize=16)  # by identity, as `layout`
def _states(game: RepeatedMarket) -> tuple[slice, np.ndarray, np.ndarray, np.ndarray]:
    """Where the state stands in an observation, and a number for each state, in order: a random sum of its fields."""
    if game.dynamics is None or game.observe == "own":
        reason = "nothing is carried over in this market" if game.dynamics is None else 'observe="own" hides the state'
        raise ValueError(f"{reason}, so there is no state to read")
    sizes, fields = game.dynamics.sizes(game.market), layout(game)
    count = math.prod(sizes)
    if count > LISTED:
        raise ValueError(f"{game.dynamics.name} has {count} states here, more than the {LISTED} that are listed")
    shown = [slot for name, slot in fields.places.items() if name.startswith("state.")]
    place = slice(shown[0].start, shown[-1].stop) if shown else slice(0, 0)
    views = game.dynamics.view(game.market, decode(np.arange(count), sizes), np.dtype(np.float32))
    weights = np.random.default_rng(0).uniform(1.0, 2.0, views.shape[-1])
    keys = views @ weights
    order = np.argsort(keys)
    if count > 1 and np.diff(keys[order]).min() < 2 * _KEY:
        raise ValueError(f"observations do not tell all {count} states of {game.dynamics.name} apart")
    return place, keys[order], order, weights


def _spans(game: RepeatedMarket) -> dict[str, tuple[float, float]]:
    """Range of everything that is shown of one market, in the units of observations."""
    market, dynamics = game.market, game.dynamics
    assert isinstance(market, Market)
    shift = 0.0 if dynamics is None else dynamics.shift(market)
    found = [_spans_of(game, one, shift) for one in ((market,) if dynamics is None else dynamics.markets_of(market))]
    return {name: (min(s[name][0] for s in found), max(s[name][1] for s in found)) for name in found[0]}


def _spans_of(game: RepeatedMarket, market: Market, shift: float) -> dict[str, tuple[float, float]]:
    """Ranges in a market whose qualities and outside value may be up to `shift` USD higher or lower."""
    mechanism, unit = game.mechanism, game.market.unit
    tables = (market.quality, market.price, market.cost)
    spans = {name: _with_unit(table / unit) for name, table in zip(CURVES, tables, strict=True)}
    bounds = mechanism.bid_bounds(market) if {"ask", "claim"} & {*mechanism.private, *mechanism.public} else {}
    spans |= {  # with zero, what is shown before the first period
        part: _rounded(min(0.0, (low - shift) / unit), max(0.0, (high + shift) / unit))
        for part, (low, high) in bounds.items()
    }
    rationality = _rationality(game.market)
    spans[USERS] = _rounded(min(0.0, rationality), max(1.0, rationality))
    low, high = mechanism.utility_bounds(market)
    reward = _rounded((low - 2 * shift) / game.usd_per_reward, (high + 2 * shift) / game.usd_per_reward)
    return spans | {"level": (0.0, 1.0), "share": (0.0, 1.0), "reward": reward}


def _with_unit(table: Array) -> tuple[float, float]:
    return min(0.0, float(table.min())), max(1.0, float(table.max()))


def _rounded(low: float, high: float) -> tuple[float, float]:
    """A range with room for the rounding of single precision."""
    slack = 1e-6 * (high - low)
    return low - slack, high + slack


@lru_cache(maxsize=256)  # by identity, as `layout`
def _rationality(market: Market | MarketBatch) -> float | Array:
    """`log10(beta * answer_value)`, a number, or `(B, 1)`, without a product that could be too small."""
    if isinstance(market, MarketBatch):
        return market.rowwise(_rationality)
    return math.log10(market.beta) + math.log10(market.unit)


def _users(game: RepeatedMarket, state: State) -> Array:
    """How rational the users of each market are, `(B, 1)`; `(B, 0)` where demand does not depend on it."""
    if not game.mechanism.uses_beta:
        return state.shares[:, :0]
    return namespace(state.shares).zeros_like(state.shares[:, :1]) + _rationality(game.market)


def _records(game: RepeatedMarket, state: State) -> tuple[list[Array], list[Array]]:
    """Last period as a provider sees its own part of it and as everybody sees it: lists of arrays `(B, n)`."""
    xp, dtype, mechanism = namespace(state.shares), state.shares.dtype, game.mechanism
    seen = {}
    for part in {*mechanism.private, *mechanism.public}:
        if part == "level":
            level = xp.astype(xp.astype(state.bids.level, xp.int32), dtype)  # by way of int32, in half the time
            seen[part] = level / max(game.market.num_levels - 1, 1)
        else:
            seen[part] = getattr(state.bids, part) / game.market.unit
    played = xp.asarray(state.period > 0, dtype=dtype)[:, None]
    own = [played, *(seen[part] for part in mechanism.private), state.reward]
    public = [*(seen[part] for part in mechanism.public), state.shares]
    if game.dynamics is not None:
        public.append(game.dynamics.view(game.market, state.carried, dtype))
    return own, public


def _write_curves(game: RepeatedMarket, state: State, out: Array) -> None:
    if game.dynamics is not None and game.dynamics.changes_curves:
        game.dynamics.curves(period_of(game.market), state.carried, out)
    else:
        out[...] = game.market.curves


def _write_own(game: RepeatedMarket, state: State, own: list[Array], out: Array, new: bool) -> None:
    """Write the own fields; curves that never change stand already, unless the array is `new`."""
    if new or (game.dynamics is not None and game.dynamics.changes_curves):
        _write_curves(game, state, out[..., : 3 * game.market.num_levels])
    for k, column in enumerate(own, start=3 * game.market.num_levels):
        out[..., k] = column


def _room(shares: Array, n: int, size: int) -> Array:
    """Room for observations `(B, n, size)`, in memory one row of `B` numbers for every provider and entry.

    That is the order in which they are written and in which a stack of networks, one per provider, reads them.
    """
    xp = namespace(shares)
    return xp.permute_dims(xp.empty((n, size, shares.shape[0]), dtype=shares.dtype, device=device(shares)), (2, 0, 1))
