"""The repeated market as pure transition functions over batches.

One step is one period: bids come in, the market clears, and what was public becomes part of what every
provider sees next. Arrays have shape `(B, n, ...)` for `B` independent markets of `n` providers; nothing here
draws random numbers, keeps state or is tied to a backend. With dynamics a period is also one in a state that is
carried over, and the market is what that state makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array, device, namespace, precision, provider_major
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite, whole
from ttc_env.dynamics import Dynamics
from ttc_env.dynamics.protocol import clear
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Draws, Mechanism, Outcome
from ttc_env.period import PeriodMarket, period_of

OBSERVE = ("public", "own")


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
        dynamics: what is carried over from period to period, if anything.
        observe: `"public"`, or `"own"`: providers see their own side of a period and neither the state nor the others.
    """

    market: Market | MarketBatch
    mechanism: Mechanism
    demand: str | int = "expected"
    max_cycles: int = 100
    reward_scale: float | None = None
    dynamics: Dynamics | None = None
    observe: str = "public"

    def __post_init__(self) -> None:
        if self.observe not in OBSERVE:
            raise ValueError(f"unknown observe {self.observe!r}; allowed: {', '.join(OBSERVE)}")
        if self.dynamics is not None:
            self.dynamics.check(self.market, self.mechanism)
        if not (isinstance(self.demand, str) and self.demand == "expected"):
            whole("demand, unless 'expected',", self.demand)
            _ = self.market.accuracy  # raises at once where no lottery has these qualities as its mean
            if self.dynamics is not None and isinstance(self.market, Market):
                _ = [one.accuracy for one in self.dynamics.markets_of(self.market)]
        whole("max_cycles", self.max_cycles)
        if self.reward_scale is not None:
            limits = np.finfo(precision(self.market.quality))
            if not float(limits.smallest_normal) <= finite("reward_scale", self.reward_scale) <= float(limits.max):
                raise ValueError(
                    f"reward_scale must be positive (USD) and in the range of {limits.dtype}, got {self.reward_scale!r}"
                )

    @cached_property
    def usd_per_reward(self) -> float | Array:
        """USD in one unit of reward; `(B, 1)` where the rows of a batch have scales of their own."""
        if self.reward_scale is not None:
            return self.reward_scale
        if isinstance(self.market, MarketBatch):
            return self.market.rowwise(self.mechanism.reward_scale)
        return self.mechanism.reward_scale(self.market)


class State(NamedTuple):
    """What the repeated market remembers: the period, `(B,)`, and last period's bids, shares and rewards, `(B, n)`.

    `carried`, `(B, c)`, is the state of its dynamics, of which last period's is no part.
    """

    period: Array
    bids: Bids
    shares: Array
    reward: Array
    carried: Array | None = None


def initial_state(game: RepeatedMarket, batch: int, move: Array | None = None) -> State:
    """`batch` markets before their first period: an empty record; `move` draws the state where it is drawn."""
    xp = namespace(game.market.quality)
    where = device(game.market.quality)
    shape = (batch, game.market.num_providers)
    floats = [xp.zeros(shape, dtype=game.market.quality.dtype, device=where) for _ in range(4)]
    level = xp.zeros(shape, dtype=xp.int64, device=where)
    carried = None
    if game.dynamics is not None:
        start = xp.asarray(list(game.dynamics.start(game.market)), dtype=xp.int64, device=where)
        carried = provider_major(xp.broadcast_to(start, (batch, start.shape[0])), xp.int64)
        if move is not None:
            carried = game.dynamics.draw_start(period_of(game.market), move)
    period = xp.zeros((batch,), dtype=xp.int64, device=where)
    return State(period, Bids(level, *floats[:2]), *floats[2:])._replace(carried=carried)


def draw(game: RepeatedMarket, batch: int, uniform: Callable[[tuple[int, ...]], Array]) -> Draws:
    """The draws one period of `batch` markets needs, from `uniform(shape)` on [0, 1)."""
    chance = game.mechanism.chance
    tie, choice, correct, question, move = uniform((batch,)) if "tie" in chance else None, None, None, None, None
    if not isinstance(game.demand, str):
        shape = (batch, int(game.demand))
        choice, correct = uniform(shape) if "choice" in chance else None, uniform(shape)
        question = None if game.market.outcomes is None else uniform(shape)
    if game.dynamics is not None:
        draws = uniform((batch, game.dynamics.num_draws(game.market)))
        move = draws if draws.shape[-1] == 1 else provider_major(draws, draws.dtype)
    return Draws(tie, choice, correct, question, move)


def draw_start(game: RepeatedMarket, batch: int, uniform: Callable[[tuple[int, ...]], Array]) -> Array | None:
    """The draws that the first states of `batch` markets need, if any."""
    if game.dynamics is None or not game.dynamics.draws_start:
        return None
    return uniform((batch, game.dynamics.num_draws(game.market)))


def transition(game: RepeatedMarket, state: State, actions: Array, draws: Draws) -> tuple[State, Outcome]:
    """Play one period: `actions` `(B, n)` or `(B, n, components)` to the next state and the outcome in USD."""
    if game.market.present is not None:
        there = game.market.present
        actions = actions * (there if actions.ndim == 2 else there[..., None])
    carried = None
    if game.dynamics is None:
        outcome = game.mechanism.clear(game.market, game.mechanism.bids(game.market, actions), draws)
    else:
        market = period_market(game, state)
        outcome = clear(game.dynamics, game.mechanism, market, state.carried, actions, draws)
        carried = game.dynamics.advance(market, state.carried, outcome, draws.move)
    reward = outcome.utility / game.usd_per_reward
    return State(state.period + 1, outcome.bids, outcome.shares, reward, carried), outcome


def period_market(game: RepeatedMarket, state: State) -> PeriodMarket:
    """What the states of a batch make of the market."""
    assert game.dynamics is not None
    assert state.carried is not None
    return game.dynamics.period(period_of(game.market), state.carried)


def truncated(game: RepeatedMarket, state: State) -> Array:
    """Whether each market has played its `max_cycles` periods, `(B,)`. It could go on: bootstrap through it."""
    return state.period >= game.max_cycles


def replace_rows(rows: Array, new: State, old: State) -> State:
    """`new` where the mask `rows`, `(B,)`, is true, `old` elsewhere."""
    xp = namespace(rows)

    def pick(a: Array, b: Array) -> Array:
        return xp.where(rows if a.ndim == 1 else rows[:, None], a, b)

    bids = Bids(*(pick(a, b) for a, b in zip(new.bids, old.bids, strict=True)))
    carried = None if new.carried is None else pick(new.carried, old.carried)
    return State(
        pick(new.period, old.period), bids, pick(new.shares, old.shares), pick(new.reward, old.reward), carried
    )  # fmt: skip
