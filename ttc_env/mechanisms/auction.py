"""What the auctions share: bids relative to the truth, and who wins."""

from __future__ import annotations

from ttc_env.arrays import Array, device, largest, namespace, only, take
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite, listed
from ttc_env.market import Market
from ttc_env.mechanisms.protocol import Bids, Draws, Mechanism, box_levels
from ttc_env.mechanisms.wording import Number, level_number, usd

_STEPS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
GRID = (*(-step for step in reversed(_STEPS)), 0.0, *_STEPS)


class Auction(Mechanism):
    """A reverse auction for the queries of a period: the highest `score = claim - ask` wins if it is at least v0.

    The action gives ask and claim relative to the truth, `ask = cost + x alpha` and `claim = quality + y alpha`, so the
    honest bid of every provider at every level is on the grid (x = y = 0).

    A subclass is a dataclass with these fields, and says in `clear` what the winner is paid.

    Args:
        action_type: `"multi_discrete"`: integers `(..., n, 3)` into levels, `grid` and `grid`;
            `"box"`: floats `(..., n, 3)` in [-1, 1], level in equal bins, x and y scaled to the ends of the grid.
        grid: allowed values of x and y, in units of alpha, increasing, with 0 among them. Fine near the truth,
            where providers differ by a fraction of a percent of alpha, and coarse far from it.
    """

    grid: tuple[float, ...]

    chance = ("tie", "correct")
    private = ("level", "ask", "claim")
    public = ("ask", "claim")
    uses_beta = False

    def __post_init__(self) -> None:
        if self.action_type not in ("multi_discrete", "box"):
            raise ValueError(f"unknown action_type {self.action_type!r}; allowed: multi_discrete, box")
        offsets = tuple(finite("an offset of grid", offset) for offset in listed("grid", self.grid))
        object.__setattr__(self, "grid", offsets)  # the dataclass is frozen; an array has no `index`
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
            level = box_levels(market, actions[..., 0])
            side = actions[..., 1:]
            offset = xp.where(side < 0, side * -self.grid[0], side * self.grid[-1])
        index = level + market.rows
        ask = take(market.cost, index) + offset[..., 0] * market.unit
        return Bids(level, ask, take(market.quality, index) + offset[..., 1] * market.unit)

    def rule(self, market: Market) -> str:
        """What the auctions share of their rule, in words; a subclass adds what the winner is paid."""
        return (
            "Every provider chooses the compute level of its answers, an ask and a claim, the quality it promises. The "
            f"score of a bid is claim - ask. The highest score wins all queries of the period if it is at least "
            f"{usd(market.outside_value)}, the value of not buying; a tie is broken at random. Who does not win earns "
            "nothing."
        )

    def answer(self, market: Market, provider: int) -> tuple[Number, ...]:
        """The level, and how far ask and claim lie above cost and quality at this level, the truth."""
        continuous = self.action_type == "box"
        values = dict.fromkeys((self.grid[0], 0.0, self.grid[-1]) if continuous else self.grid)
        if continuous:
            actions: tuple[float, ...] = tuple(float(value > 0) - float(value < 0) for value in values)
        else:
            actions = tuple(range(len(values)))
        offsets = tuple(value * market.unit for value in values)
        return level_number(market, continuous), *(
            Number(name, meaning, offsets, actions, money=True, exact=not continuous)
            for name, meaning in (
                ("ask_above_cost", "your ask minus your cost at that level"),
                ("claim_above_quality", "your claim minus your quality at that level"),
            )
        )

    def honest(self, market: Market | MarketBatch, levels: Array) -> Array:
        """The action that tells the truth at each provider's level: integers or floats `(..., n, 3)`."""
        if self.action_type == "box":
            return super().honest(market, levels)
        xp = namespace(levels)
        zero = xp.full_like(levels, self.grid.index(0.0))
        return xp.stack([levels, zero, zero], axis=-1)

    def allocate(self, market: Market | MarketBatch, bids: Bids, draws: Draws | None) -> tuple[Array, Array, Array]:
        """All queries of the period to the highest score; a tie goes to one bidder at random.

        Returns:
            What each provider wins, `(..., n)`, and nobody, `(...)`; and the second highest of all scores and v0,
            `(..., 1)`.
        """
        scores = bids.claim - bids.ask
        xp = namespace(scores)
        reserve = xp.zeros_like(scores[..., :1]) + market.outside_value
        if market.present is not None:
            scores = only(market.present, scores)
        ranked = xp.sort(xp.concat([scores, reserve], axis=-1), axis=-1)
        best, second = ranked[..., -1:], xp.maximum(ranked[..., -2:-1], reserve)  # -inf where nobody else is there
        tied = (scores == best) & (scores >= reserve)
        count = xp.sum(xp.astype(tied, scores.dtype), axis=-1, keepdims=True)
        if draws is None or draws.tie is None:
            won = xp.astype(tied, scores.dtype) / xp.clip(count, min=1.0)
        else:
            place = xp.clip(xp.floor(draws.tie[..., None] * count), max=count - 1)
            order = xp.cumulative_sum(xp.astype(tied, scores.dtype), axis=-1) - 1
            won = xp.astype(tied & (order == place), scores.dtype)
        return won, xp.astype(count[..., 0] == 0, scores.dtype), second

    def winning_score(self, market: Market | MarketBatch, bids: Bids) -> Array:
        """The best score among the others, or v0 if that is more, USD, `(..., n)`."""
        scores = bids.claim - bids.ask
        xp, n = namespace(scores), scores.shape[-1]
        if market.present is not None:
            scores = only(market.present, scores)
        own = xp.eye(n, dtype=xp.bool, device=device(scores))
        best = largest(xp.where(own, -xp.inf, scores[..., None, :]))[..., 0]
        return xp.maximum(best, xp.zeros_like(best) + market.outside_value)

    def reward_scale(self, market: Market) -> float:
        """USD in one unit of reward: the largest offset on the grid."""
        return max(-self.grid[0], self.grid[-1]) * market.unit or market.unit

    def bid_bounds(self, market: Market) -> dict[str, tuple[float, float]]:
        """Least and greatest `ask` and `claim`, USD; wide enough for every market in units of `answer_value`."""
        low, high = self.grid[0] * market.unit, self.grid[-1] * market.unit
        return {
            name: (min(0.0, float(table.min())) + low, max(market.unit, float(table.max())) + high)
            for name, table in (("ask", market.cost), ("claim", market.quality))
        }
