"""Providers who serve one query at a time: more compute per query, fewer queries, and users who dislike queues."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ttc_env.arrays import Array, device, namespace, take
from ttc_env.batch import MarketBatch
from ttc_env.checks import finite, shown, whole
from ttc_env.dynamics.protocol import Dynamics, Moves, encode, passed, strides, subsets
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.period import PeriodMarket

LONGEST = 1000  # queries in a queue


@dataclass(frozen=True)
class Capacity(Dynamics):
    """A query comes with probability `arrival`, waits in a provider's queue, and is finished in time.

    State: the number of queries waiting at each provider, `(queue + 1)^n` states. Waiting costs users `delay` for each
    query ahead, so it counts in user value and welfare; a full queue takes no query. A busy provider finishes one query
    with probability `min(1, speed / tokens)` at its level. USD are per period.

    Args:
        queue: most queries that wait at a provider, from 1 to 1,000.
        arrival: probability of a query in a period, in [0, 1].
        speed: tokens that a provider generates in a period: a number, or one for each provider.
        delay: cost of a query ahead, USD, at least 0.
    """

    queue: int = 2
    arrival: float = 0.9
    speed: float | tuple[float, ...] = 1000.0
    delay: float = 0.0005

    name = "capacity"

    def __post_init__(self) -> None:
        if whole("queue", self.queue) > LONGEST:
            raise ValueError(f"queue must be at most {LONGEST:,} queries, got {shown(self.queue)}")
        if not 0 <= finite("arrival", self.arrival) <= 1:
            raise ValueError(f"arrival must be a probability in [0, 1], got {self.arrival!r}")
        if finite("delay", self.delay) < 0:
            raise ValueError(f"delay must be >= 0 (USD), got {self.delay!r}")
        for speed in self.speed if isinstance(self.speed, tuple | list) else (self.speed,):
            if finite("speed", speed) <= 0:
                raise ValueError(f"speed must be positive (tokens per period), got {self.speed!r}")

    def check(self, market: Market | MarketBatch, mechanism: Mechanism) -> None:
        """Markets that know how many tokens a query takes."""
        if market.tokens is None:
            raise ValueError("capacity needs the tokens of a query, Market(..., tokens=...), and this market has none")
        if isinstance(self.speed, tuple | list) and len(self.speed) != market.num_providers:
            raise ValueError(f"speed must be one number or {market.num_providers}, got {self.speed!r}")

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """0 to `queue` queries at every provider."""
        return (self.queue + 1,) * market.num_providers

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """An answer is worth `delay` less for every query ahead, and nobody joins a full queue."""
        return market.shifted(self._waits, state, present=state < self.queue)

    @cached_property
    def _waits(self) -> tuple[float, ...]:
        """What 0 to `queue` queries ahead add to the worth of an answer, USD."""
        return tuple(-self.delay * ahead for ahead in range(self.queue + 1))

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """One query or none joins a queue, and any subset of the busy providers finishes one."""
        sizes = self.sizes(market.base)
        xp, place = namespace(state), device(state)
        count = strides(sizes, xp, place)
        chosen = xp.asarray(subsets(len(sizes)), device=place)
        finishing = self._finishing(market, state, outcome)[..., None, :]
        finished = xp.prod(xp.where(chosen == 1, finishing, 1 - finishing), axis=-1)  # (..., 2^n)
        nobody = 1 - xp.sum(outcome.shares, axis=-1, keepdims=True)
        joined = xp.concat([outcome.shares, nobody], axis=-1)
        probability = joined[..., :, None] * finished[..., None, :]
        here = encode(state, sizes)[..., None, None]
        more = xp.concat([count, xp.zeros_like(count[:1])])
        to = here + more[:, None] - xp.sum(chosen * count, axis=-1)
        to = xp.where(probability > 0, to, here)  # what cannot happen may lead nowhere
        flat = (*probability.shape[:-2], -1)
        return Moves(xp.reshape(to, flat), xp.reshape(probability, flat))

    def shift(self, market: Market) -> float:
        """What a full queue costs."""
        return self.delay * self.queue

    def num_draws(self, market: Market | MarketBatch) -> int:
        """Who is finished, for each provider, and whom a query joins."""
        return market.num_providers + 1

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """The last draw is of the query that comes, the others of those that are finished."""
        xp = namespace(state)
        beyond = passed(outcome.shares, draws[..., -1])
        joined, finished = ~beyond, draws[..., :-1] < self._finishing(market, state, outcome)
        joined[..., 1:] &= beyond[..., :-1]
        return state + (joined.view(xp.int8) - finished.view(xp.int8))

    def _finishing(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Array:
        """Probability that each provider finishes a query, `(..., n)`."""
        return take(self._rates(market.base), outcome.bids.level + market.rows)

    @lru_cache(maxsize=16)  # noqa: B019 by identity: both are immutable, and every period asks again
    def _rates(self, base: Market | MarketBatch) -> Array:
        """Probability that a query is finished where 0 to `queue` of them wait, `(queue + 1, n, m)`."""
        tokens: Any = base.tokens
        xp = namespace(tokens)
        speed = xp.asarray(self.speed, dtype=tokens.dtype, device=device(tokens))[..., None]
        busy = speed / xp.maximum(tokens, speed)
        return xp.stack([xp.zeros_like(busy), *[busy] * self.queue])
