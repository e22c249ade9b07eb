"""A trained approximate best response to opponents who react, where exact ones are out of reach: a lower bound.

Candidates are every constant action and a policy found by tabular Q-learning (Watkins and Dayan 1992) with a stated
budget. The best of them is picked on one set of plays and judged on fresh ones, so that picking adds no bias: up to the
sampling error that comes with it, no figure here exceeds what a best response would gain.

Q-learning knows what was played last, and where something is carried over the state, as far as its table has room; who
sees its own side alone (`observe="own"`) knows its last action and how much that earned it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ttc_env.checks import whole
from ttc_env.dynamics import Dynamics, encode
from ttc_env.dynamics.protocol import clear
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import StageGame
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.period import period_of


class Past(NamedTuple):
    """What is known before a period: last period's actions by number `(B, n)`, what they earned the provider, USD
    `(B,)`, and the state `(B, c)`, where there is one."""

    played: np.ndarray
    earned: np.ndarray
    carried: Any


Act = Callable[[np.ndarray], np.ndarray]
Choose = Callable[[Past], np.ndarray]  # the next actions by number, (B,)
FULL_MEMORY = 4096  # joint actions, or states, up to which Q-learning tells all of them apart
PARTS = 8  # into which it sorts what it earned, where it sees no more
EXPLORATION, RATE, DECAY = 0.05, 0.05, 0.7  # least chance of a random level, least step, and how steps shrink


class LowerBound(NamedTuple):
    """What a trained response gains over a provider's own policy, discounted, in USD per period.

    gain: `response - value`; a best response gains at least as much, up to `standard_error`.
    standard_error: of `gain`, over independent plays.
    response: value of the trained response, on fresh plays.
    value: value of the provider's own policy, on as many.
    policy: which candidate it was: `"action 3"` (the number of an action) or `"q-learning"`.
    periods: budget, periods of the market played to train and pick.
    """

    gain: float
    standard_error: float
    response: float
    value: float
    policy: str
    periods: int


def best_response_lower_bound(
    market: Market,
    act: Act,
    provider: str | int,
    *,
    mechanism: str | Mechanism = "per_token",
    dynamics: Dynamics | None = None,
    observe: str = "public",
    enter: Callable[[Any], Any] | None = None,
    discount: float = 0.95,
    demand: str | int = "expected",
    updates: int = 2000,
    num_markets: int = 64,
    seed: int = 0,
) -> LowerBound:
    """What one provider could gain, at least, against policies that see the history.

    Values are `(1 - discount) sum_t discount^t utility_t` from an empty record, cut where what follows weighs less than
    1e-4; utilities are the expected ones of the actions played.

    Args:
        market: the market.
        act: the policy of all providers, from observations `(B, n, d)` to actions `(B, n)` or `(B, n, c)`; the
            provider's own are what the response is compared with, and are replaced by it.
        provider: who deviates, by name or index.
        mechanism: how a period is cleared; its actions must be finitely many.
        dynamics: what is carried over, if anything.
        observe: what the policies see, and the response may use; see `VectorMarket`.
        enter: told of the markets that the observations come from.
        discount: of the next period, in (0, 1).
        demand: `"expected"`, or the number of queries drawn each period.
        updates: periods of Q-learning in each of `num_markets` copies of the market.
        num_markets: copies, also for each judgement.
        seed: of the markets and of what is tried.

    Raises:
        ValueError: a value out of range.
    """
    i = market.provider_index(provider)
    plays = Plays(market, act, [i], mechanism, dynamics, observe, enter, discount, demand, num_markets, seed)
    return lower_bounds(plays, updates)[0]


def lower_bounds(plays: Plays, updates: int) -> list[LowerBound]:
    """`best_response_lower_bound` of each of the providers of `plays`, worked out side by side."""
    whole("updates", updates)
    names = [*(f"action {k}" for k in range(plays.game.num_actions)), "q-learning"]
    candidates = [*map(_constant, range(plays.game.num_actions)), _q_learning(plays, updates)]
    picked = np.argmax([plays.by_provider(plays.values(one)).mean(axis=1) for one in candidates], axis=0)

    def best(past: Past) -> np.ndarray:
        actions = np.stack([one(past) for one in candidates])
        return actions[picked[plays.block], plays.rows]

    response, own = (plays.by_provider(plays.values(one)) for one in (best, None))
    errors = np.sqrt((response.var(axis=1, ddof=1) + own.var(axis=1, ddof=1)) / response.shape[1])
    periods = response.shape[1] * (updates + len(candidates) * plays.horizon)
    means = zip(response.mean(axis=1).tolist(), own.mean(axis=1).tolist(), errors.tolist(), picked, strict=True)
    return [LowerBound(a - b, error, a, b, names[k], periods) for a, b, error, k in means]


class Plays:
    """Plays in which one provider's policy is replaced, each from a fresh reset with a seed of its own.

    Providers are tried side by side, `num_markets` copies of the market for each; see `best_response_lower_bound`.
    """

    def __init__(
        self,
        market: Market,
        act: Act,
        providers: Sequence[int],
        mechanism: str | Mechanism = "per_token",
        dynamics: Dynamics | None = None,
        observe: str = "public",
        enter: Callable[[Any], Any] | None = None,
        discount: float = 0.95,
        demand: str | int = "expected",
        num_markets: int = 64,
        seed: int = 0,
        reward_scale: float | None = None,
    ) -> None:
        if not 0 < discount < 1:
            raise ValueError(f"discount must be in (0, 1), got {discount!r}")
        whole("num_markets", num_markets, least=2)
        self.game, self.act, self.dynamics, self.discount = StageGame(market, mechanism), act, dynamics, discount
        self.block = np.repeat(np.arange(len(providers)), num_markets)
        self.seats, self.rows = np.asarray(providers)[self.block], np.arange(len(self.block))
        self.horizon = int(np.ceil(np.log(1e-4) / np.log(discount)))
        self.seeds, chance = np.random.SeedSequence(seed).spawn(2)
        self.generator = np.random.default_rng(chance)
        self.env = VectorMarket(
            market,
            self.game.mechanism,
            len(self.rows),
            demand=demand,
            max_cycles=2**62,
            reward_scale=reward_scale,
            dynamics=dynamics,
            observe=observe,
        )
        if enter is not None:
            enter(self.env)

    def by_provider(self, values: np.ndarray) -> np.ndarray:
        """Numbers `(B,)` of the markets as `(providers, num_markets)`."""
        return values.reshape(self.block[-1] + 1, -1)

    def reset(self) -> tuple[np.ndarray, Past]:
        """Observations after a reset with the next seed, and a past in which nothing was played."""
        seed = int(self.seeds.spawn(1)[0].generate_state(1)[0])
        observations = self.env.reset(seed)[0]
        nothing = np.zeros((len(self.rows), self.game.market.num_providers), dtype=np.int64)
        return observations, Past(nothing, np.zeros(len(self.rows)), self.env.record().carried)

    def step(self, observations: np.ndarray, own: np.ndarray | None) -> tuple[np.ndarray, Past, Outcome]:
        """One period: observations, what is known after it, and what is expected of its actions."""
        actions = np.array(self.act(observations))
        if own is not None:
            actions[self.rows, self.seats] = self.game.actions[own]
        outcome = self._expected(actions)
        observations = self.env.step(actions)[0]
        earned = outcome.utility[self.rows, self.seats]
        return observations, Past(self.game.numbers(actions), earned, self.env.record().carried), outcome

    def _expected(self, actions: np.ndarray) -> Outcome:
        market, mechanism = self.game.market, self.game.mechanism
        if self.dynamics is None:
            return mechanism.clear(market, mechanism.bids(market, actions))
        carried = self.env.record().carried
        return clear(self.dynamics, mechanism, self.dynamics.period(period_of(market), carried), carried, actions)

    def values(self, choose: Choose | None) -> np.ndarray:
        """Discounted value of a policy in each copy of the market, `(B,)`; None is the provider's own."""
        observations, past = self.reset()
        total = np.zeros(len(self.rows))
        for t in range(self.horizon):
            observations, past, _ = self.step(observations, None if choose is None else choose(past))
            total += (1 - self.discount) * self.discount**t * past.earned
        return total


def _q_learning(plays: Plays, updates: int) -> Choose:
    """The greedy policies of Q-learning, each provider with a table of its own."""
    size, rng = plays.game.num_actions, plays.generator
    known, num_states = _memory(plays)
    worth = np.zeros((plays.block[-1] + 1) * num_states * size)
    visits = np.zeros_like(worth)

    def remember(past: Past) -> np.ndarray:
        return known(past) + plays.block * num_states

    observations, past = plays.reset()
    for update in range(updates):
        state = remember(past)
        chance = max(EXPLORATION, 1 - 2 * update / updates)
        greedy = worth.reshape(-1, size)[state].argmax(axis=1)
        own = np.where(rng.random(len(state)) < chance, rng.integers(0, size, len(state)), greedy)
        observations, past, _ = plays.step(observations, own)
        following = worth.reshape(-1, size)[remember(past)].max(axis=1)
        target = (1 - plays.discount) * past.earned + plays.discount * following
        cells, place, count = np.unique(state * size + own, return_inverse=True, return_counts=True)
        visits[cells] += 1
        error = np.bincount(place, target) / count - worth[cells]
        worth[cells] += np.maximum(RATE, visits[cells] ** -DECAY) * error
    return lambda past: worth.reshape(-1, size)[remember(past)].argmax(axis=1)


def _memory(plays: Plays) -> tuple[Choose, int]:
    """From what is known to the rows of a table, `(B,)`, and how many there are.

    Of one's own side alone the last action and how much it earned; where something is carried over the state; else the
    last actions. Of what has more than `FULL_MEMORY` values the own one and the rounded mean of the others'.
    """
    n, size = plays.game.market.num_providers, plays.game.num_actions
    if plays.env.game.observe == "own":
        edges = _parts(plays)
        return (
            lambda past: (
                past.played[plays.rows, plays.seats] * PARTS
                + (past.earned[:, None] > edges[plays.block]).sum(axis=1)
            ),
            size * PARTS,
        )  # fmt: skip
    if plays.dynamics is not None:
        sizes = plays.dynamics.sizes(plays.game.market)
        if math.prod(sizes) <= FULL_MEMORY:
            return lambda past: encode(past.carried, sizes), math.prod(sizes)
        if sizes == sizes[:1] * n:
            return lambda past: _own_and_others(plays, past.carried, sizes[0]), sizes[0] ** 2
    if plays.game.num_profiles <= FULL_MEMORY:
        return lambda past: past.played @ size ** np.arange(n), plays.game.num_profiles
    return lambda past: _own_and_others(plays, past.played, size), size * size


def _parts(plays: Plays) -> np.ndarray:
    """What each provider earns with its own policy, in parts of equal frequency: their bounds, `(providers, 7)`."""
    observations, past = plays.reset()
    earned = []
    for _ in range(plays.horizon):
        observations, past, _ = plays.step(observations, None)
        earned.append(plays.by_provider(past.earned))
    return np.quantile(np.concatenate(earned, axis=1), np.arange(1, PARTS) / PARTS, axis=1).T


def _own_and_others(plays: Plays, values: np.ndarray, size: int) -> np.ndarray:
    own = values[plays.rows, plays.seats]
    return own * size + np.rint((values.sum(axis=1) - own) / (values.shape[1] - 1)).astype(np.int64)


def _constant(action: int) -> Choose:
    return lambda past: np.full(len(past.played), action)
