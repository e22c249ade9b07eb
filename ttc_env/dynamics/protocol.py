"""What every dynamics is made of: a finite public state, what it does to the market, and how it moves.

A state has one or more *components*, whole numbers that start at zero: the incumbent, or a queue for each provider.
Arrays of states hold them in the last axis, `(..., c)`; a state's *index* reads its components as digits, the first one
most significant. Leading axes are batch, and everything runs on NumPy and torch alike.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from ttc_env.arrays import Array, columns, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Draws, Mechanism, Outcome
from ttc_env.mechanisms.wording import described
from ttc_env.period import PeriodMarket


class Moves(NamedTuple):
    """Where a state may go: `R` states by index, `(..., R)`, or `(R,)` if always the same, and their probabilities."""

    to: Array
    probability: Array


class Dynamics:
    """What a market carries from period to period: what a subclass must define, and what follows where it says no more.

    It must define `sizes` and `moves`, and a `name`; and, unless the state is only something to know, `period` or
    `offers`. Options are fields of a frozen dataclass. All methods are pure. A `PeriodMarket` holds the markets of a
    batch in which each row may be in another state; what `period` is given is the base market in every row.

    Attributes:
        name: as it stands in tables.
        arrival: probability that a query comes at all; outcomes are per period, so everything is scaled by it.
        exogenous: whether the state moves on its own, whatever anybody does.
        names_seller: whether the state is the provider of the last query, or `n`: nobody, and no more.
        changes_curves: whether the providers' own curves are others in other states, so that they are shown anew.
        draws_start: whether the state of the first period is drawn, by `draw_start`.
    """

    name: ClassVar[str]
    arrival: float = 1.0
    exogenous: ClassVar[bool] = False
    names_seller: ClassVar[bool] = False
    changes_curves: ClassVar[bool] = False
    draws_start: ClassVar[bool] = False

    def check(self, market: Market | MarketBatch, mechanism: Mechanism) -> None:
        """Raise a `ValueError` that says what is allowed where the dynamics is not defined; by default everywhere."""

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Number of values of each component of a state."""
        raise NotImplementedError

    def start(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """The state of the first period; by default zeros."""
        return (0,) * len(self.sizes(market))

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """The market that the state makes of the base market, for states `(..., c)`; by default no other one."""
        return market

    def offers(self, market: PeriodMarket, state: Array, bids: Bids) -> Bids:
        """What users see of the bids; by default all of it."""
        return bids

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """Distribution of the next state after an outcome, given the market of the period."""
        raise NotImplementedError

    def num_draws(self, market: Market | MarketBatch) -> int:
        """Uniform draws that `advance` takes."""
        return 1

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """The next state, `(..., c)`, drawn by `draws`, `(..., d)`; by default from `moves`."""
        to, probability = self.moves(market, state, outcome)
        place = pick(probability, draws[..., 0])
        index = to[place] if to.ndim == 1 else namespace(to).take_along_axis(to, place[..., None], axis=-1)[..., 0]
        return decode(index, self.sizes(market.base))

    def draw_start(self, market: PeriodMarket, draws: Array) -> Array:
        """States of the first period, `(..., c)`, drawn by `draws`, `(..., d)`; where `draws_start`."""
        raise NotImplementedError

    def start_weights(self, market: Market) -> np.ndarray:
        """Probability of each state in the first period, by its index, `(S,)`; by default all of it at `start`."""
        sizes = self.sizes(market)
        return (np.arange(math.prod(sizes)) == encode(np.array(self.start(market)), sizes)).astype(np.float64)

    def curves(self, market: PeriodMarket, state: Array, out: Array) -> None:
        """Write curves in these states into `out`, `(B, n, 3 m)`, units of `answer_value`; given the base market."""
        present = self.period(market, state)
        tables = [present.table(name) for name in ("quality", "price", "cost")]
        out[...] = namespace(tables[0]).concat(tables, axis=-1) / market.unit

    def equilibria(self, market: Market, mechanism: Mechanism) -> np.ndarray | None:
        """What an equilibrium does in each state by its index, `(S, n)` or `(S, n, c)`; None where it is not known.

        Only where the state moves on its own, so that an equilibrium is one of each state's market.
        """
        return None

    def shift(self, market: Market) -> float:
        """The most by which a state changes a quality or the outside value, USD: widens what can be observed."""
        return 0.0

    def markets_of(self, market: Market) -> tuple[Market, ...]:
        """All tables that the market may have, `shift` apart: what can be observed covers them."""
        return (market,)

    def rule(self, market: Market) -> str:
        """What is carried over, in words, for players who read; by default what the docstring of the class says."""
        return described(type(self))

    def label(self, market: Market, state: tuple[int, ...]) -> Any:
        """What a state means, in words or numbers; by default its components."""
        return state

    def fields(self, market: Market | MarketBatch) -> tuple[tuple[str, int], ...]:
        """Names and sizes of what everybody sees of the state; by default each component, 0 to 1."""
        return ((self.name, len(self.sizes(market))),)

    def view(self, market: Market | MarketBatch, state: Array, dtype: Any) -> Array:
        """What everybody sees of the state, numbers in [0, 1], `(..., f)`, in the order of `fields`."""
        xp = namespace(state)
        shown = xp.astype(xp.astype(state, xp.int32), dtype)  # by way of int32, in half the time
        shown /= _top(self.sizes(market), xp, dtype, device(state))
        return shown


def clear(
    dynamics: Dynamics,
    mechanism: Mechanism,
    market: PeriodMarket,
    state: Array,
    actions: Array,
    draws: Draws | None = None,
) -> Outcome:
    """One period: actions `(..., n)` or `(..., n, components)` in the market of the period to the outcome, USD."""
    batch = cast(MarketBatch, market)  # it has all of it that mechanisms read
    outcome = mechanism.clear(batch, dynamics.offers(market, state, mechanism.bids(batch, actions)), draws)
    if dynamics.arrival == 1:
        return outcome
    per_query = (outcome.shares, outcome.outside_share, outcome.utility, outcome.worth, outcome.load)
    return Outcome(outcome.market, outcome.bids, *(None if x is None else x * dynamics.arrival for x in per_query))


@lru_cache(maxsize=64)
def strides(sizes: tuple[int, ...], xp: Any, place: Any) -> Array:
    """What each component of a state counts in its index, `(c,)`."""
    return xp.asarray([math.prod(sizes[k + 1 :]) for k in range(len(sizes))], device=place)


@lru_cache(maxsize=64)
def _top(sizes: tuple[int, ...], xp: Any, dtype: Any, place: Any) -> int | Array:
    """The highest value of each component, at least 1, `(c,)`; one number if it is the same for all."""
    tops = [max(size - 1, 1) for size in sizes]
    return tops[0] if len(set(tops)) == 1 else xp.asarray(tops, dtype=dtype, device=place)


def encode(state: Array, sizes: tuple[int, ...]) -> Array:
    """The index of states `(..., c)`, `(...)`."""
    if len(sizes) == 1:
        return state[..., 0]
    weights = strides(sizes, namespace(state), device(state))
    if isinstance(state, np.ndarray):
        return np.einsum("...c,c->...", state, weights)
    return (state * weights).sum(axis=-1)


def decode(index: Array, sizes: tuple[int, ...]) -> Array:
    """The states `(..., c)` of indices `(...)`."""
    if len(sizes) == 1:
        return index[..., None]
    xp = namespace(index)
    place = device(index)
    return index[..., None] // strides(sizes, xp, place) % xp.asarray(list(sizes), device=place)


def pick(probability: Array, draws: Array, rest: bool = False) -> Array:
    """Which of `R` things with probabilities `(..., R)` a draw `(...)` on [0, 1) picks; the last one has the rest.

    With `rest` what is left belongs to one more thing, `R`.
    """
    return passed(probability if rest else probability[..., :-1], draws).sum(axis=-1)


def passed(probability: Array, draws: Array) -> Array:
    """Whether a draw `(...)` on [0, 1) lies beyond all that belongs to each of the first things, `(..., R)`."""
    xp, count = namespace(probability), probability.shape[-1]
    if count > 64:
        return draws[..., None] >= xp.cumulative_sum(probability, axis=-1)
    bounds = xp.asarray(probability, copy=True)
    for k in range(1, count):  # over batches that lie one after another, many times as fast as the sums above
        bound = bounds[..., k]
        bound += bounds[..., k - 1]
    return draws[..., None] >= bounds


def one_hot(state: Array, size: int, dtype: Any) -> Array:
    """Component `(...)` as `size` numbers that are 0 but for one; none is 1 for a value beyond them."""
    xp = namespace(state)
    return columns(_units(size, xp, dtype, device(state)), state)


@lru_cache(maxsize=64)
def _units(size: int, xp: Any, dtype: Any, place: Any) -> Array:
    """A column for each value, and one of zeros for what is beyond them, `(size, size + 1)`."""
    return xp.eye(size, size + 1, dtype=dtype, device=place)


def subsets(n: int) -> np.ndarray:
    """Every subset of `n` things as a row of zeros and ones, `(2^n, n)`."""
    return np.indices((2,) * n).reshape(n, -1).T
