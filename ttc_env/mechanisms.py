"""Market mechanisms: how bids become sales, payments and profits.

A mechanism has two pure methods: `bids(market, actions)` says what an agent's action means in USD, and
`clear(market, bids, draws)` runs one period. Chance enters as arrays of uniform draws; without draws the
outcome is the exact expectation. Leading axes are batch, the last axis is providers. Its attributes name the
`chance` it needs and what the `private` and `public` record of a bid shows.

Source: arXiv:2601.21839, section 3 (per-token pricing) and section 4 (reverse second-price auction).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ttc_env.arrays import Array, at, device, namespace, take
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite
from ttc_env.market import Market, logit_shares


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
    """

    tie: Array | None = None
    choice: Array | None = None
    correct: Array | None = None
    question: Array | None = None


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


@dataclass(frozen=True)
class PerToken:
    """Per-token pricing: list prices, logit demand. The action is the level index, an integer array `(..., n)`."""

    name = "per_token"
    action_type = "discrete"
    chance = ("choice", "correct")
    private = ("level",)
    public = ("level",)

    def action_sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Number of choices in each component of an action."""
        return (market.num_levels,)

    def bids(self, market: Market | MarketBatch, actions: Array) -> Bids:
        """Levels at their list price, with their expected quality as claim."""
        index = actions + market.rows
        return Bids(actions, take(market.price, index), take(market.quality, index))

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """Users choose by logit among `claim - ask` and staying out; the provider keeps `p - c` on each sale.

        Where outcomes are replayed, users choose by the mean price and pay for the tokens of their own query.
        """
        shares, outside = logit_shares(bids.claim - bids.ask, market.beta, market.outside_value, market.present)
        shares, outside, worth, load = _serve(market, bids.level, shares, outside, draws)
        margin = bids.ask - take(market.cost, bids.level + market.rows)
        return Outcome(market, bids, shares, outside, (shares if load is None else load) * margin, worth, load)

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Smallest and largest profit of a provider in a period, USD per arriving query."""
        low, high = _query_bounds(market, market.margin)
        return min(0.0, low), max(0.0, high)

    def reward_scale(self, market: Market) -> float:
        """USD in one unit of reward: an equal share of the market at its largest margin."""
        largest = max(abs(float(market.margin.min())), abs(float(market.margin.max())))
        return (largest or market.unit) / market.num_providers


_STEPS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
GRID = (*(-step for step in reversed(_STEPS)), 0.0, *_STEPS)


@dataclass(frozen=True)
class SecondPrice:
    """Reverse second-price auction: the bid worth most to the user wins and is paid what it adds over the next.

    A bid is (level, ask, claim); the highest `score = claim - ask` wins if it is at least v0. The action gives ask
    and claim relative to the truth, `ask = cost + x alpha` and `claim = quality + y alpha`, so the honest bid of
    every provider at every level is on the grid (x = y = 0).

    Args:
        settlement: `"delivered"` pays `delivered quality - V2` (the paper's rule), `"declared"` pays `claim - V2`.
        action_type: `"multi_discrete"`: integers `(..., n, 3)` into levels, `grid` and `grid`;
            `"box"`: floats `(..., n, 3)` in [-1, 1], level in equal bins, x and y scaled to the ends of the grid.
        grid: allowed values of x and y, in units of alpha, increasing, with 0 among them. Fine near the truth,
            where providers differ by a fraction of a percent of alpha, and coarse far from it.
    """

    settlement: str = "delivered"
    action_type: str = "multi_discrete"
    grid: tuple[float, ...] = GRID

    name = "second_price"
    chance = ("tie", "correct")
    private = ("level", "ask", "claim")
    public = ("ask", "claim")

    def __post_init__(self) -> None:
        if self.settlement not in ("delivered", "declared"):
            raise ValueError(f"unknown settlement {self.settlement!r}; allowed: delivered, declared")
        if self.action_type not in ("multi_discrete", "box"):
            raise ValueError(f"unknown action_type {self.action_type!r}; allowed: multi_discrete, box")
        for offset in self.grid:
            finite("an offset of grid", offset)
        if 0.0 not in self.grid or list(self.grid) != sorted(set(self.grid)):
            raise ValueError(f"grid must increase and contain 0.0, got {self.grid!r}")

    def action_sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Number of choices for level, ask and claim."""
        return (market.num_levels, len(self.grid), len(self.grid))

    def bids(self, market: Market | MarketBatch, actions: Array) -> Bids:
        """The bid in USD behind an action `(..., n, 3)`; see the class for the two forms."""
        xp = namespace(market.quality)
        if self.action_type == "multi_discrete":
            grid = xp.asarray(self.grid, dtype=market.quality.dtype, device=device(market.quality))
            level = actions[..., 0]
            offset = grid[actions[..., 1:]]
        else:
            bins = xp.floor((actions[..., 0] + 1) * (market.num_levels / 2))
            level = xp.astype(xp.clip(bins, 0, market.num_levels - 1), xp.int64)
            side = actions[..., 1:]
            offset = xp.where(side < 0, side * -self.grid[0], side * self.grid[-1])
        index = level + market.rows
        ask = take(market.cost, index) + offset[..., 0] * market.unit
        return Bids(level, ask, take(market.quality, index) + offset[..., 1] * market.unit)

    def honest(self, market: Market, levels: Array) -> Array:
        """The action that tells the truth at each provider's level: integers or floats `(..., n, 3)`."""
        xp = namespace(levels)
        if self.action_type == "multi_discrete":
            zero = xp.full_like(levels, self.grid.index(0.0))
            return xp.stack([levels, zero, zero], axis=-1)
        middle = (2 * xp.astype(levels, market.quality.dtype) + 1) / market.num_levels - 1
        return xp.stack([middle, 0 * middle, 0 * middle], axis=-1)

    def clear(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None = None) -> Outcome:
        """Allocate all queries of the period to the highest score; a tie goes to one bidder at random.

        `V2`, the value the user is left with, is the second highest of all scores and v0.
        """
        scores = bids.claim - bids.ask
        xp = namespace(scores)
        reserve = xp.zeros_like(scores[..., :1]) + market.outside_value
        if market.present is not None:
            scores = xp.where(market.present, scores, reserve - 1.0)
        ranked = xp.sort(xp.concat([scores, reserve], axis=-1), axis=-1)
        best, second = ranked[..., -1:], ranked[..., -2:-1]
        tied = (scores == best) & (scores >= reserve)
        count = xp.sum(xp.astype(tied, scores.dtype), axis=-1, keepdims=True)
        if draws is None or draws.tie is None:
            won = xp.astype(tied, scores.dtype) / xp.clip(count, min=1.0)
        else:
            place = xp.clip(xp.floor(draws.tie[..., None] * count), max=count - 1)
            order = xp.cumulative_sum(xp.astype(tied, scores.dtype), axis=-1) - 1
            won = xp.astype(tied & (order == place), scores.dtype)
        outside = xp.astype(count[..., 0] == 0, scores.dtype)
        shares, outside, worth, load = _serve(market, bids.level, won, outside, draws)
        index = bids.level + market.rows
        cost = take(market.cost, index)
        if self.settlement == "declared":
            settled = shares * bids.claim
        else:
            settled = shares * take(market.quality, index) if worth is None else worth
        utility = settled - shares * (second + cost)
        if load is not None:
            utility = utility - (load - shares) * cost
        return Outcome(market, bids, shares, outside, utility, worth, load)

    def utility_bounds(self, market: Market) -> tuple[float, float]:
        """Smallest and largest profit of a provider in a period, USD per arriving query."""
        low, high = self.grid[0] * market.unit, self.grid[-1] * market.unit
        worth_low, worth_high = _worth_bounds(market)
        best_score = float(market.welfare_contribution.max()) + high - low
        least_cost, most_cost = _query_bounds(market, market.cost)
        worst = worth_low - best_score - most_cost
        most = max(worth_high, float(market.quality.max()) + high) - market.outside_value - least_cost
        return min(0.0, low, worst), max(0.0, most)

    def reward_scale(self, market: Market) -> float:
        """USD in one unit of reward: the largest offset on the grid."""
        return max(-self.grid[0], self.grid[-1]) * market.unit or market.unit


Mechanism = PerToken | SecondPrice
MECHANISMS: dict[str, Callable[..., Mechanism]] = {"per_token": PerToken, "second_price": SecondPrice}


def make_mechanism(mechanism: str | Mechanism, **options: Any) -> Mechanism:
    """A mechanism by name with its options; an instance passes through.

    Raises:
        ValueError: unknown name, an option the mechanism does not have, or options beside an instance.
    """
    if not isinstance(mechanism, str):
        if options:
            raise ValueError(f"options {sorted(options)} belong to a mechanism's name, got the instance {mechanism!r}")
        return mechanism
    if mechanism not in MECHANISMS:
        raise ValueError(f"unknown mechanism {mechanism!r}; allowed: {', '.join(MECHANISMS)}")
    kind = MECHANISMS[mechanism]
    fields = list(getattr(kind, "__dataclass_fields__", ()))
    for option in options:
        if option not in fields:
            raise ValueError(f"unknown option {option!r} of {mechanism}; allowed: {', '.join(fields) or 'none'}")
    return kind(**options)


def _serve(
    market: Market | MarketBatch, level: Array, shares: Array, outside: Array, draws: Draws | None
) -> tuple[Array, Array, Array | None, Array | None]:
    """Shares, outside share, worth of the answers and load: of the N queries, or expectations (None; see `Outcome`)."""
    if draws is None or draws.correct is None:
        return shares, outside, None, None
    xp = namespace(shares)
    if market.outcomes is None:
        accuracy, tokens = at(market.accuracy, level)[..., None], None
    elif draws.question is None:
        raise ValueError("a market with recorded outcomes replays them: draws must have a question for each query")
    else:
        accuracy, tokens = market.outcomes.on(level, draws.question)
    right = draws.correct[..., None, :] < accuracy
    if draws.choice is None:
        frequency = xp.mean(xp.astype(right, shares.dtype), axis=-1) * shares
        load = None if tokens is None else xp.mean(tokens, axis=-1) * shares
    else:
        upper = xp.cumulative_sum(shares, axis=-1)
        lower = xp.concat([xp.zeros_like(upper[..., :1]), upper[..., :-1]], axis=-1)
        choice = draws.choice[..., None, :]
        picks = (choice >= lower[..., None]) & (choice < upper[..., None])
        shares = xp.mean(xp.astype(picks, shares.dtype), axis=-1)
        frequency = xp.mean(xp.astype(picks & right, shares.dtype), axis=-1)
        outside = xp.mean(xp.astype(draws.choice >= upper[..., -1:], shares.dtype), axis=-1)
        load = None if tokens is None else xp.mean(picks * tokens, axis=-1)
    baseline = market.baseline
    return shares, outside, market.unit * (baseline * shares + (1 - baseline) * frequency), load


def _query_bounds(market: Market, table: Array) -> tuple[float, float]:
    """Least and most of a table of USD per query, of single queries where outcomes are replayed."""
    if market.outcomes is not None:
        table = table[..., None] * market.outcomes.tokens
    return float(table.min()), float(table.max())


def _worth_bounds(market: Market) -> tuple[float, float]:
    """Worst and best answer there is, USD: of the curves, and of a wrong and a right answer drawn from them."""
    low, high = float(market.quality.min()), float(market.quality.max())
    return min(low, market.baseline * market.unit), max(high, market.unit)
