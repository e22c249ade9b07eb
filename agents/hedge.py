"""No-regret learning with full feedback: after a period a provider knows what each of its actions would have earned.

Both play mixed strategies whose regret against the best fixed action vanishes whatever the others do, so the joint
play of all approaches the coarse correlated equilibria of the period's game.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.parts import checks
from agents.parts.feedback import Feedback
from agents.parts.stateless import Stateless, softmax
from ttc_env.mechanisms import Bids


class FullInformation(Stateless):
    """A stateless learner from the utility of every action."""

    strategies: np.ndarray
    """probability of every action of every seat, `(s, A)`"""

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: Any = None) -> None:
        super().__init__(env, total_steps, seed, config)
        self.feedback = Feedback(env, self.actions)

    def choose(self, rows: int) -> np.ndarray:
        """Numbers of the actions to play, `(rows, s)`."""
        return self.draw(self.strategies, rows)

    def experience(self, chosen: np.ndarray, rewards: np.ndarray, bids: Bids) -> None:
        """Learn from what every action would have earned against the bids of the others."""
        self.learn(self.feedback(bids))

    def learn(self, utility: np.ndarray) -> None:
        """Learn from the utilities of all actions of one period, in [0, 1], `(s, A)`."""
        raise NotImplementedError


@dataclass(frozen=True)
class HedgeConfig:
    """Hyper-parameters of `Hedge`."""

    learning_rate: float = 4.0
    """multiple `c` of the rate `sqrt(8 log A / T)`; regret is at most `(c + 1 / c) / 2 sqrt(T log(A) / 2)`"""

    def __post_init__(self) -> None:
        checks.positive(self, "learning_rate")


class Hedge(FullInformation):
    """Multiplicative weights: an action's probability is proportional to `exp(rate * what it would have earned)`.

    Source: Freund and Schapire 1997; the bound `sqrt(T log(A) / 2)`, Cesa-Bianchi and Lugosi 2006, theorem 2.2.
    """

    Config = HedgeConfig
    memory = ("gains",)

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: HedgeConfig | None = None) -> None:
        super().__init__(env, total_steps, seed, config)
        self.rate = self.config.learning_rate * np.sqrt(8 * np.log(self.shape[1]) / self.periods)
        self.gains = np.zeros(self.shape)

    @property
    def strategies(self) -> np.ndarray:  # type: ignore[override]
        """Probability of every action of every seat, `(s, A)`."""
        return softmax(self.rate * self.gains)

    def best(self) -> np.ndarray:
        """The actions that would have earned most so far, `(s,)`."""
        return self.gains.argmax(axis=1)

    def learn(self, utility: np.ndarray) -> None:
        """Add up what every action would have earned."""
        self.gains += utility


@dataclass(frozen=True)
class RegretMatchingConfig:
    """Hyper-parameters of `RegretMatching`: it has none."""


class RegretMatching(FullInformation):
    """Plays every action in proportion to the positive part of its regret.

    Regret is taken in expectation over a provider's own draw, and is at most `sqrt(T A)` after `T` periods.

    Source: Hart and Mas-Colell 2000, section 4(c), the unconditional procedure, whose joint play approaches the set of
    coarse correlated equilibria.
    """

    Config = RegretMatchingConfig
    memory = ("regrets",)

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: RegretMatchingConfig | None = None) -> None:
        super().__init__(env, total_steps, seed, config)
        self.regrets = np.zeros(self.shape)

    @property
    def strategies(self) -> np.ndarray:  # type: ignore[override]
        """Probability of every action of every seat, `(s, A)`."""
        positive = np.maximum(self.regrets, 0.0)
        total = positive.sum(axis=1, keepdims=True)
        return np.where(total > 0, positive / np.where(total > 0, total, 1.0), 1.0 / self.shape[1])

    def best(self) -> np.ndarray:
        """The actions that would have earned most so far, `(s,)`."""
        return self.regrets.argmax(axis=1)

    def learn(self, utility: np.ndarray) -> None:
        """Add what every action would have earned more than the strategy."""
        self.regrets += utility - (self.strategies * utility).sum(axis=1, keepdims=True)
