"""The repeated market as pure transition functions over batches.

One step is one period: bids come in, the market clears, and what was public becomes part of what every
provider sees next. Arrays have shape `(B, n, ...)` for `B` independent markets of `n` providers; nothing here
draws random numbers, keeps state or is tied to a backend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, blocks, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite, whole
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Draws, Mechanism, Outcome, SecondPrice


@dataclass(frozen=True, eq=False)
class RepeatedMarket:
    """A market that is cleared again and again by one mechanism.

    Args:
        market: the providers, their curves and the users; or a batch of markets, one for each row.
        mechanism: how a period is cleared.
        demand: `"expected"` for the analytic game, or the number of queries drawn each period, which replay the
            recorded outcomes of a market that has them.
        max_cycles: periods until the episode is truncated; it never terminates.
        reward_scale: USD in one unit of reward; by default the mechanism's own.
    """

    market: Market | MarketBatch
    mechanism: Mechanism
    demand: str | int = "expected"
    max_cycles: int = 100
    reward_scale: float | None = None

    def __post_init__(self) -> None:
        if self.demand != "expected":
            whole("demand, unless 'expected',", self.demand)
            _ = self.market.accuracy  # raises at once where no lottery has these qualities as its mean
        whole("max_cycles", self.max_cycles)
        if self.reward_scale is not None and not finite("reward_scale", self.reward_scale) > 0:
            raise ValueError(f"reward_scale must be positive (USD), got {self.reward_scale!r}")

    @cached_property
    def usd_per_reward(self) -> float | Array:
        """USD in one unit of reward; `(B, 1)` where the rows of a batch have scales of their own."""
        if self.reward_scale is not None:
            return self.reward_scale
        if isinstance(self.market, MarketBatch):
            return self.market.rowwise(self.mechanism.reward_scale)
        return self.mechanism.reward_scale(self.market)


class State(NamedTuple):
    """What the repeated market remembers: the period, `(B,)`, and last period's bids, shares and rewards, `(B, n)`."""

    period: Array
    bids: Bids
    shares: Array
    reward: Array


def initial_state(game: RepeatedMarket, batch: int) -> State:
    """`batch` markets before their first period: an empty record."""
    xp = namespace(game.market.quality)
    where = device(game.market.quality)
    shape = (batch, game.market.num_providers)
    floats = [xp.zeros(shape, dtype=game.market.quality.dtype, device=where) for _ in range(4)]
    level = xp.zeros(shape, dtype=xp.int64, device=where)
    return State(xp.zeros((batch,), dtype=xp.int64, device=where), Bids(level, *floats[:2]), *floats[2:])


def draw(game: RepeatedMarket, batch: int, uniform: Callable[[tuple[int, ...]], Array]) -> Draws:
    """The draws one period of `batch` markets needs, from `uniform(shape)` on [0, 1)."""
    chance = game.mechanism.chance
    tie = uniform((batch,)) if "tie" in chance else None
    if isinstance(game.demand, str):
        return Draws(tie=tie)
    shape = (batch, int(game.demand))
    choice, correct = uniform(shape) if "choice" in chance else None, uniform(shape)
    return Draws(tie, choice, correct, None if game.market.outcomes is None else uniform(shape))


def transition(game: RepeatedMarket, state: State, actions: Array, draws: Draws) -> tuple[State, Outcome]:
    """Play one period: `actions` `(B, n)` or `(B, n, components)` to the next state and the outcome in USD."""
    if game.market.present is not None:
        there = game.market.present
        actions = actions * (there if actions.ndim == 2 else there[..., None])
    bids = game.mechanism.bids(game.market, actions)
    outcome = game.mechanism.clear(game.market, bids, draws)
    return State(state.period + 1, bids, outcome.shares, outcome.utility / game.usd_per_reward), outcome


def truncated(game: RepeatedMarket, state: State) -> Array:
    """Whether each market has played its `max_cycles` periods, `(B,)`. It could go on: bootstrap through it."""
    return state.period >= game.max_cycles


def replace_rows(rows: Array, new: State, old: State) -> State:
    """`new` where the mask `rows`, `(B,)`, is true, `old` elsewhere."""
    xp = namespace(rows)

    def pick(a: Array, b: Array) -> Array:
        return xp.where(rows if a.ndim == 1 else rows[:, None], a, b)

    bids = Bids(*(pick(a, b) for a, b in zip(new.bids, old.bids, strict=True)))
    return State(
        pick(new.period, old.period), bids, pick(new.shares, old.shares), pick(new.reward, old.reward)
    )  # fmt: skip


def observe(game: RepeatedMarket, state: State, out: Array | None = None) -> Array:
    """What each provider sees, `(B, n, d)`.

    In this order: own quality, price and cost at each level (units of `answer_value`, 3 m numbers); 1 once a
    period has been played; own last level (0 to 1), for auctions also ask and claim; own last reward; then the
    public record of last period: everybody's level (per-token pricing) or ask and claim (auction), and shares.

    Args:
        game: the repeated market.
        state: after any number of periods.
        out: an array that an earlier call returned; its curves stand already, the rest is written into it.
    """
    own, public = _records(game, state)
    first, n = own_size(game), game.market.num_providers
    if out is None:
        out = _room(state.shares, n, first + n * len(public))
        out[..., : 3 * game.market.num_levels] = game.market.curves
    _write_own(game, own, out)
    for rows in blocks(out):  # each record is read n times
        for k, record in enumerate(public):
            out[rows, :, first + k * n : first + (k + 1) * n] = record[rows, None, :]
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
    if out is None:
        out = Views(_room(state.shares, game.market.num_providers, own_size(game)), xp.empty_like(state.shares[:, :0]))
        out.own[..., : 3 * game.market.num_levels] = game.market.curves
    _write_own(game, own, out.own)
    return Views(out.own, xp.concat(public, axis=-1))


def own_size(game: RepeatedMarket) -> int:
    """Entries of an observation that are the provider's own: its curves, and its part of last period."""
    return 3 * game.market.num_levels + 2 + len(game.mechanism.private)


def global_state(game: RepeatedMarket, state: State) -> Array:
    """What a centralised critic sees, `(B, D)`: every provider's curve and own record, and the public record once."""
    xp = namespace(state.shares)
    batch, n = state.shares.shape
    curves = game.market.curves
    curves = xp.reshape(xp.broadcast_to(curves, (batch, *curves.shape[-2:])), (batch, -1))
    own, public = _records(game, state)
    columns = xp.stack([xp.broadcast_to(column, (batch, n)) for column in own], axis=-1)
    return xp.concat([curves, xp.reshape(columns, (batch, -1)), *public], axis=-1)


def observation_bounds(game: RepeatedMarket) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value of every entry of an observation, `(d,)` each, the same for all providers."""
    market, n = game.market, game.market.num_providers
    if isinstance(market, MarketBatch):
        scales = [game.reward_scale or game.mechanism.reward_scale(one) for one in market.markets]
        every = [
            observation_bounds(replace(game, market=one, reward_scale=scale))
            for one, scale in zip(market.padded, scales, strict=True)
        ]
        return np.min([low for low, _ in every], axis=0), np.max([high for _, high in every], axis=0)
    curves = [_span(table / market.unit) for table in (market.quality, market.price, market.cost)]
    features = _feature_spans(market, game.mechanism)
    low, high = (bound / game.usd_per_reward for bound in game.mechanism.utility_bounds(market))
    spans = [span for span in curves for _ in market.levels]
    spans += [(0.0, 1.0), *features.values(), _rounded(low, high)]
    spans += [features[name] for name in game.mechanism.public for _ in range(n)] + [(0.0, 1.0)] * n
    return np.array([span[0] for span in spans]), np.array([span[1] for span in spans])


def state_bounds(game: RepeatedMarket) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value of every entry of the global state, `(D,)` each."""
    n, curves, own = game.market.num_providers, 3 * game.market.num_levels, own_size(game)
    low, high = (
        np.concatenate([np.tile(b[:curves], n), np.tile(b[curves:own], n), b[own:]]) for b in observation_bounds(game)
    )
    return low, high


def _feature_spans(market: Market, mechanism: Mechanism) -> dict[str, tuple[float, float]]:
    """Ranges of the parts of a bid that its owner sees."""
    spans = {"level": (0.0, 1.0)}
    if isinstance(mechanism, SecondPrice):
        low, high = mechanism.grid[0], mechanism.grid[-1]
        for name, table in (("ask", market.cost), ("claim", market.quality)):
            least, most = _span(table / market.unit)
            spans[name] = _rounded(least + low, most + high)
    return spans


def _span(table: Array) -> tuple[float, float]:
    return min(0.0, float(table.min())), max(1.0, float(table.max()))


def _rounded(low: float, high: float) -> tuple[float, float]:
    """A range with room for the rounding of single precision."""
    slack = 1e-6 * (high - low)
    return low - slack, high + slack


def _records(game: RepeatedMarket, state: State) -> tuple[list[Array], list[Array]]:
    """Last period as a provider sees its own part of it and as everybody sees it: lists of arrays `(B, n)`."""
    xp, dtype, unit = namespace(state.shares), state.shares.dtype, game.market.unit
    seen = {"level": xp.asarray(state.bids.level, dtype=dtype) / max(game.market.num_levels - 1, 1)}
    if "ask" in game.mechanism.private:
        seen |= {"ask": state.bids.ask / unit, "claim": state.bids.claim / unit}
    played = xp.asarray(state.period > 0, dtype=dtype)[:, None]
    own = [played, *(seen[name] for name in game.mechanism.private), state.reward]
    return own, [*(seen[name] for name in game.mechanism.public), state.shares]


def _write_own(game: RepeatedMarket, own: list[Array], out: Array) -> None:
    for k, column in enumerate(own, start=3 * game.market.num_levels):
        out[..., k] = column


def _room(shares: Array, n: int, size: int) -> Array:
    """Room for observations `(B, n, size)`, in memory one row of `B` numbers for every provider and entry.

    That is the order in which they are written and in which a stack of networks, one per provider, reads them.
    """
    xp = namespace(shares)
    return xp.permute_dims(xp.empty((n, size, shares.shape[0]), dtype=shares.dtype, device=device(shares)), (2, 0, 1))
