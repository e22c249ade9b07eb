"""A trained approximate best response to opponents who react, where exact ones are out of reach: a lower bound.

Candidates are every constant action and a policy found by tabular Q-learning (Watkins and Dayan 1992) with a stated
budget. The best of them is picked on one set of plays and judged on fresh ones, so that picking adds no bias: up to the
sampling error that comes with it, no figure here exceeds what a best response would gain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ttc_env.checks import whole
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import StageGame
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism

Act = Callable[[np.ndarray], np.ndarray]
Choose = Callable[[np.ndarray], np.ndarray]  # from last period's actions by number (B, n) to the next (B,)
FULL_MEMORY = 4096  # joint actions up to which Q-learning tells all of them apart
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
        discount: of the next period, in (0, 1).
        demand: `"expected"`, or the number of queries drawn each period.
        updates: periods of Q-learning in each of `num_markets` copies of the market.
        num_markets: copies, also for each judgement.
        seed: of the markets and of what is tried.

    Raises:
        ValueError: a value out of range.
    """
    if not 0 < discount < 1:
        raise ValueError(f"discount must be in (0, 1), got {discount!r}")
    whole("updates", updates), whole("num_markets", num_markets, least=2)
    i = market.provider_index(provider)
    horizon = int(np.ceil(np.log(1e-4) / np.log(discount)))
    streams = iter(np.random.SeedSequence(seed).spawn(2))
    game = StageGame(market, mechanism)
    plays = _Plays(game, act, i, discount, demand, num_markets, horizon, next(streams))
    candidates: dict[str, Choose] = {f"action {k}": _constant(k) for k in range(game.num_actions)}
    candidates["q-learning"] = _q_learning(plays, updates, np.random.default_rng(next(streams)))
    picked = max(candidates, key=lambda name: float(plays.values(candidates[name]).mean()))
    response, own = plays.values(candidates[picked]), plays.values(None)
    error = np.sqrt((response.var(ddof=1) + own.var(ddof=1)) / num_markets)
    periods = num_markets * (updates + len(candidates) * horizon)
    means = float(response.mean()), float(own.mean())
    return LowerBound(means[0] - means[1], float(error), *means, picked, periods)


class _Plays:
    """Plays of one provider's policy against the others, each from a fresh reset with a seed of its own."""

    def __init__(
        self,
        game: StageGame,
        act: Act,
        provider: int,
        discount: float,
        demand: str | int,
        num_markets: int,
        horizon: int,
        seeds: np.random.SeedSequence,
    ) -> None:
        self.game, self.act, self.provider, self.discount = game, act, provider, discount
        self.horizon, self.seeds = horizon, seeds
        self.env = VectorMarket(game.market, game.mechanism, num_markets, demand=demand, max_cycles=2**62)

    def reset(self) -> np.ndarray:
        """Observations after a reset with the next seed."""
        seed = int(self.seeds.spawn(1)[0].generate_state(1)[0])
        return self.env.reset(seed)[0]

    def step(self, observations: np.ndarray, own: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One period: observations, actions by number `(B, n)`, and the provider's utility in USD `(B,)`."""
        actions = np.array(self.act(observations))
        if own is not None:
            actions[:, self.provider] = self.game.actions[own]
        observations = self.env.step(actions)[0]
        return observations, self.game.numbers(actions), self.game.utility(actions)[:, self.provider]

    def values(self, choose: Choose | None) -> np.ndarray:
        """Discounted value of a policy in each copy of the market, `(B,)`; None is the provider's own."""
        observations = self.reset()
        played = np.zeros((len(observations), self.game.market.num_providers), dtype=np.int64)
        total = np.zeros(len(observations))
        for t in range(self.horizon):
            own = None if choose is None else choose(played)
            observations, played, utility = self.step(observations, own)
            total += (1 - self.discount) * self.discount**t * utility
        return total


def _q_learning(plays: _Plays, updates: int, rng: np.random.Generator) -> Choose:
    """The greedy policy of Q-learning over last period's actions, or their summary where there are too many."""
    size = plays.game.num_actions
    remember, num_states = _memory(plays.game, plays.provider)
    worth = np.zeros(num_states * size)
    visits = np.zeros(num_states * size)
    observations = plays.reset()
    played = np.zeros((len(observations), plays.game.market.num_providers), dtype=np.int64)
    for update in range(updates):
        state = remember(played)
        chance = max(EXPLORATION, 1 - 2 * update / updates)
        greedy = worth.reshape(-1, size)[state].argmax(axis=1)
        own = np.where(rng.random(len(state)) < chance, rng.integers(0, size, len(state)), greedy)
        observations, played, utility = plays.step(observations, own)
        following = worth.reshape(-1, size)[remember(played)].max(axis=1)
        target = (1 - plays.discount) * utility + plays.discount * following
        cells, place, count = np.unique(state * size + own, return_inverse=True, return_counts=True)
        visits[cells] += 1
        error = np.bincount(place, target) / count - worth[cells]
        worth[cells] += np.maximum(RATE, visits[cells] ** -DECAY) * error
    return lambda played: worth.reshape(-1, size)[remember(played)].argmax(axis=1)


def _memory(game: StageGame, provider: int) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """From joint actions by number `(B, n)` to states `(B,)`, and how many there are.

    The whole joint action where it has at most `FULL_MEMORY` values, else the own one and the rounded mean of the
    others'.
    """
    n, size = game.market.num_providers, game.num_actions
    if game.num_profiles <= FULL_MEMORY:
        return lambda played: played @ size ** np.arange(n), game.num_profiles
    others = np.arange(n) != provider
    return (
        lambda played: played[:, provider] * size + np.rint(played[:, others].mean(axis=1)).astype(np.int64),
        size * size,
    )


def _constant(action: int) -> Choose:
    return lambda played: np.full(len(played), action)
