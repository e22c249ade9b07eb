"""Sessions of tabular Q-learning on a payoff table, from the first period until greedy play no longer changes.

Source: Calvano, Calzolari, Denicolo, Pastorello 2020, *Artificial Intelligence, Algorithmic Pricing, and Collusion*,
American Economic Review 110, section II; synchronous updates: Asker, Fershtman, Pakes 2022; stateless learners in
auctions: Banchio and Skrzypacz 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import NamedTuple

import numpy as np

from agents.compiled.loop import make_loop
from ttc_env.checks import finite, whole
from ttc_env.collusion import PayoffTable, Strategies, num_states

LARGEST = 2**27
"""values in the tables of a session, a gigabyte"""
BLOCK = 2**14  # periods between two looks at the generator

Each = float | Sequence[float]
"""one number for all providers, or one for each"""


@dataclass(frozen=True)
class SessionConfig:
    """How the providers learn; every number with `Each` may differ between them."""

    memory: int = 1
    """periods of the joint past that are the state of a learner; 0 for none"""
    learning_rate: Each = 0.15
    """weight of a new target in a value"""
    discount: Each = 0.95
    """of the next period, in [0, 1)"""
    decay: float = 4e-6
    """exploration has the probability `exp(-decay t)` in period t"""
    synchronous: bool = False
    """update all actions with what they would have earned on average, not only the one played with what it did"""
    initial: float | tuple[float, float] | None = None
    """value of every action at first, or two ends between which all are drawn; by default what an action earns for ever
    against rivals who play at random"""
    patience: int = 100_000
    """periods without any change of anybody's greedy action after which a session has converged"""
    max_periods: int = 1_000_000_000
    """periods after which it is cut off"""

    def __post_init__(self) -> None:
        whole("memory", self.memory, 0)
        whole("patience", self.patience)
        whole("max_periods", self.max_periods)
        for name, low, high in (("learning_rate", 0.0, 1.0), ("discount", 0.0, 1.0), ("decay", 0.0, np.inf)):
            for value in np.ravel(getattr(self, name)):
                if not low <= finite(name, float(value)) <= high or (name == "discount" and value == 1):
                    raise ValueError(
                        f"{name} must be in [{low:g}, {high:g}{')' if name == 'discount' else ']'}, got {value!r}"
                    )


class Session(NamedTuple):
    """What a session of learning ended in.

    strategies: the greedy ones.
    state: of the next period.
    periods: played until greedy play had been the same for `patience` periods, or until the cap.
    converged: whether it was not cut off.
    values: of every action of every provider in every state, `(S, n, m)`.
    """

    strategies: Strategies
    state: int
    periods: int
    converged: bool
    values: np.ndarray


def learn_session(
    payoffs: PayoffTable,
    config: SessionConfig | None = None,
    seed: int | Sequence[int] = 0,
    *,
    interpreted: bool = False,
) -> Session:
    """Let one learner for each provider play the game with the others until they have converged.

    Args:
        payoffs: the stage game.
        config: how they learn.
        seed: of the draws and the first state.
        interpreted: run the loop in Python although numba is there; the numbers are the same.

    Raises:
        ValueError: tables beyond `LARGEST`, or a setting with another number of providers.
    """
    config = config or SessionConfig()
    n, m, size = payoffs.num_providers, payoffs.num_actions, num_states(payoffs, config.memory)
    if size * n * m > LARGEST:
        raise ValueError(
            f"memory {config.memory} of {n} providers with {m} actions has tables of {size * n * m} values, more than "
            f"the {LARGEST} allowed; take a shorter memory or fewer actions"
        )
    rate, discount = (_each(name, getattr(config, name), n) for name in ("learning_rate", "discount"))
    bits = np.random.SFC64(np.random.SeedSequence(seed))
    generator = np.random.Generator(bits)
    state, quiet, periods = int(generator.integers(size)), 0, 0
    if config.initial is None:
        values = np.tile(against_random_rivals(payoffs, discount), (size, 1, 1))
    else:
        low, high = np.broadcast_to(config.initial, 2)
        values = generator.uniform(low, high, (size, n, m))
    greedy, best = values.argmax(axis=2), values.max(axis=2)
    outcomes = payoffs.profits[None] if config.synchronous else payoffs.outcomes
    loop = make_loop(n, m, len(outcomes), config.synchronous, interpreted)
    profits, width = outcomes.reshape(-1, n), n + (len(outcomes) > 1)
    while quiet < config.patience and periods < config.max_periods:
        length = min(BLOCK, config.max_periods - periods)
        draws = bits.random_raw((length * width + 1) // 2).view(np.uint32)[: length * width]
        played, state, quiet = loop(
            profits, rate, discount, exp(-config.decay), exp(-config.decay * periods), values, greedy, best, state,
            quiet, config.patience, draws,
        )  # fmt: skip
        periods += played
    return Session(
        Strategies(payoffs, config.memory, greedy), int(state), periods, bool(quiet >= config.patience), values
    )


def against_random_rivals(payoffs: PayoffTable, discount: Sequence[float]) -> np.ndarray:
    """What each action earns for ever while the others play at random, `(n, m)`: Calvano et al. 2020, equation 8."""
    return payoffs.deviations.mean(axis=0) / (1 - np.array(discount)[:, None])


def _each(name: str, value: Each, n: int) -> tuple[float, ...]:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim and array.shape != (n,):
        raise ValueError(f"{name} must be one number or one for each of the {n} providers, got {value!r}")
    return tuple(np.broadcast_to(array, (n,)).tolist())
