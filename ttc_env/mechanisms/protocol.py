"""What every mechanism is made of: bids, chance, outcomes, and what a mechanism must say about itself.

A mechanism alone knows what an action is, how a period clears, which chance it needs and what the record shows;
what is known exactly of its game is asked of `ttc_env.StageGame`. Leading axes are batch, the last axis is providers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ttc_env.arrays import Array, namespace, take
from ttc_env.batch import MarketBatch
from ttc_env.market import Market
from ttc_env.mechanisms.wording import Number, described, level_number, plain_number

if TYPE_CHECKING:
    from ttc_env.equilibrium.game import StageGame


class Bids(NamedTuple):
    """What the providers offer: level index, price asked and quality claimed (USD per query), each `(..., n)`."""

    level: Array
    ask: Array
    claim: Array


class Draws(NamedTuple):
    """Uniform draws on [0, 1) that settle chance; what is None is replaced by its expectation.

    `tie`, `(...)`, breaks a tied auction. `choice` and `correct`, `(..., N)`, say for each of the N queries
    of the period which provider it picks and whether its answer is right; `question`, `(..., N)`, which recorded
    question it is, the same for all providers. A market with `outcomes` needs it, others do not look at it.
    `move`, `(..., d)`, moves the state of a market with dynamics; mechanisms do not look at it.
    """

    tie: Array | None = None
    choice: Array | None = None
    correct: Array | None = None
    question: Array | None = None
    move: Array | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """One cleared period, the same for every mechanism. USD are per arriving query, sold or not.

    `shares`: fraction of the queries each provider serves, `(..., n)`; `outside_share`: of those nobody does, `(...)`.
    `utility`: profit of each provider, USD, `(..., n)`. `worth`: of the answers to the users, USD, `(..., n)`, or None
    where it is the expected one. `load`: what its answers cost the provider, in costs of the mean query at its level,
    `(..., n)`, or None where every query is a mean one and it equals `shares`.
    The properties follow from these, and are computed when asked for.
    """

    market: Market | MarketBatch
    bids: Bids
    shares: Array
    outside_share: Array
    utility: Array
    worth: Array | None = None
    load: Array | None = None

    @property
    def delivered(self) -> Array:
        """Worth of the provider's answers to the users, USD per arriving query, `(..., n)`."""
        return self.shares * self._chosen(self.market.quality) if self.worth is None else self.worth

    @cached_property
    def cost(self) -> Array:
        """What its answers cost the provider, USD per arriving query, `(..., n)`."""
        return (self.shares if self.load is None else self.load) * self._chosen(self.market.cost)

    @property
    def payment(self) -> Array:
        """What the users pay the provider, USD per arriving query, `(..., n)`."""
        return self.utility + self.cost

    @cached_property
    def welfare(self) -> Array:
        """User value and profits together, USD per arriving query, `(...)`."""
        value = self.market.outside_value
        outside = self.outside_share * (value if isinstance(value, float) else value[..., 0])
        return (self.delivered - self.cost).sum(axis=-1) + outside

    @property
    def user_value(self) -> Array:
        """What the users are left with, USD per arriving query, `(...)`."""
        return self.welfare - self.utility.sum(axis=-1)

    def _chosen(self, table: Array) -> Array:
        return take(table, self.bids.level + self.market.rows)


class Mechanism:
    """How a market is cleared: what a subclass must define, and what follows where it says no more.

    It must define `action_sizes`, `bids`, `clear` and `utility_bounds`, and a `name`. Options are fields of a frozen
    dataclass. `bids` and `clear` are pure, run on NumPy and torch, on one market and on a batch.

    Attributes:
        name: as it stands in tables.
        action_type: `"discrete"` or `"multi_discrete"`: integers below `action_sizes`, `(..., n)` if there is one
            component, `(..., n, components)` otherwise; `"box"`: floats `(..., n, components)` in [-1, 1].
        chance: the fields of `Draws` it needs where demand is sampled; `"tie"` in any case.
        private: which parts of its last bid a provider is shown, and `public`, which everybody is: among `"level"`,
            `"ask"` and `"claim"`.
        uses_beta: whether the outcome depends on the users' rationality.
        columns: further keys of `figures` of its game that tables of runs show.
    """

    name: ClassVar[str]
    action_type: str = "discrete"
    chance: ClassVar[tuple[str, ...]] = ("choice", "correct")
    private: ClassVar[tuple[str, ...]] = ("level",)
    public: ClassVar[tuple[str, ...]] = ("level",)
    uses_beta: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        """What is known of a game is not known of one with other rules."""
        super().__init_subclass__(**keywords)
        if {"action_sizes", "bids", "clear"} & vars(cls).keys() and "known" not in vars(cls):
            cls.known = Mechanism.known  # type: ignore[method-assign]

    def action_sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Number of choices in each component of an action; the first component is the level."""
        raise NotImplementedError

    def bids(self, market: Market | MarketBatch, actions: Array) -> Bids:
        """What actions offer, USD; each provider's bid follows from its own action alone."""
        raise NotImplementedError

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """One period; without draws the exact expectation."""
        raise NotImplementedError

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Numbers between which every provider's profit in a period lies, USD per arriving query."""
        raise NotImplementedError

    def reward_scale(self, market: Market) -> float:
        """USD in one unit of reward: by default the larger of the bounds of utility, recorded answers left aside."""
        bounds = self.utility_bounds(market if market.outcomes is None else replace(market, outcomes=None))
        return max(map(abs, bounds)) or market.unit

    def bid_bounds(self, market: Market) -> dict[str, tuple[float, float]]:
        """Least and greatest `ask` and `claim`, USD; by default by going through the actions.

        Raises:
            ValueError: actions are not finitely many.
        """
        offers = self.bids(market.to("numpy"), every_action(self, market))
        return {name: (float(part.min()), float(part.max())) for name, part in offers._asdict().items()}

    def honest(self, market: Market | MarketBatch, levels: Array) -> Array:
        """The plain action at each provider's level, `(..., n)` ints to actions: all other components in the middle."""
        xp = namespace(levels)
        sizes = self.action_sizes(market)
        if self.action_type == "box":
            middle = (2 * xp.astype(levels, xp.float64) + 1) / market.num_levels - 1
            return xp.stack([middle, *(0 * middle for _ in sizes[1:])], axis=-1)
        if len(sizes) == 1:
            return levels
        return xp.stack([levels, *(xp.full_like(levels, size // 2) for size in sizes[1:])], axis=-1)

    def winning_score(self, market: Market | MarketBatch, bids: Bids) -> Array | None:
        """For auctions the least score with which each provider would have won, at worst tied, USD, `(..., n)`."""
        return None

    def rule(self, market: Market) -> str:
        """The rule of a period in words, for players who read; by default what the docstring of the class says."""
        return described(type(self))

    def answer(self, market: Market, provider: int) -> tuple[Number, ...]:
        """The numbers with which a provider who writes says its action, one for each component.

        By default the level by its compute, and the other components by their index or, in boxes, from -1 to 1.
        """
        continuous = self.action_type == "box"
        others = (plain_number(place, size, continuous) for place, size in enumerate(self.action_sizes(market)[1:], 1))
        return level_number(market, continuous), *others

    def known(self) -> type[StageGame]:
        """The class that knows its stage game; by default by enumeration."""
        from ttc_env.equilibrium.game import StageGame

        return StageGame


def box_levels(market: Market | MarketBatch, side: Array) -> Array:
    """Level indices behind the first component of continuous actions, in [-1, 1]: equal bins."""
    xp = namespace(side)
    bins = xp.floor((side + 1) * (market.num_levels / 2))
    return xp.astype(xp.clip(bins, 0, market.num_levels - 1), xp.int64)


def action_shape(mechanism: Mechanism, market: Market | MarketBatch) -> tuple[int, ...]:
    """Shape of one market's joint action: `(n,)`, or `(n, components)` where an action has several or is continuous."""
    sizes = mechanism.action_sizes(market)
    single = len(sizes) == 1 and mechanism.action_type != "box"
    return (market.num_providers,) if single else (market.num_providers, len(sizes))


def check_actions(mechanism: Mechanism, market: Market, actions: Array) -> np.ndarray:
    """Joint actions as an array `(..., n)` or `(..., n, c)`.

    Raises:
        ValueError: another shape or type, or an action outside the space.
    """
    given, wanted = np.asarray(actions), action_shape(mechanism, market)
    if given.shape[max(0, given.ndim - len(wanted)) :] != wanted:
        shape = ", ".join(map(str, ("...", *wanted)))
        raise ValueError(f"joint actions must have shape ({shape}), got {given.shape}")
    if mechanism.action_type == "box":
        fits = given.dtype.kind in "iuf" and bool(np.all((given >= -1) & (given <= 1)))
        allowed = "numbers in [-1, 1]"
    else:
        sizes = np.array(mechanism.action_sizes(market))
        sizes = sizes if len(wanted) > 1 else sizes[0]
        fits = given.dtype.kind in "iu" and bool(np.all((given >= 0) & (given < sizes)))
        allowed = "" if fits else f"integers from 0 and below {np.array2string(np.asarray(sizes))}"
    if not fits:
        raise ValueError(f"actions must be {allowed}, got {actions!r}")
    return given if given.dtype.kind == "f" else given.astype(np.int64)


def every_action(mechanism: Mechanism, market: Market | MarketBatch) -> np.ndarray:
    """Joint actions in which all providers do the same, one for each of the `K` actions: `(K, n)` or `(K, n, c)`.

    Raises:
        ValueError: continuous actions, which cannot be listed.
    """
    if mechanism.action_type == "box":
        raise ValueError(f"the actions of {mechanism.name} are continuous here and cannot be listed")
    sizes = mechanism.action_sizes(market)
    table = np.indices(sizes).reshape(len(sizes), -1).T
    joint = np.repeat(table[:, None, :], market.num_providers, axis=1)
    return joint if len(action_shape(mechanism, market)) > 1 else joint[..., 0]
