"""Bandits: every provider learns from its own rewards alone which of its actions is best.

Rewards are scaled to [0, 1] by what a provider can earn at all (`agents.parts.markets.reward_range`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.parts import checks
from agents.parts.exploration import epsilon
from agents.parts.markets import reward_range
from agents.parts.stateless import Stateless, softmax
from ttc_env.mechanisms import Bids


class Bandit(Stateless):
    """A stateless learner from the scaled rewards of what it played."""

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: Any = None) -> None:
        super().__init__(env, total_steps, seed, config)
        self.low, high = reward_range(env)
        self.width = np.where(high > self.low, high - self.low, 1.0)

    def experience(self, chosen: np.ndarray, rewards: np.ndarray, bids: Bids) -> None:
        """Learn from the actions of one period and their rewards, `(B, s)` each."""
        self.learn(chosen, np.clip((rewards - self.low) / self.width, 0.0, 1.0))

    def learn(self, chosen: np.ndarray, rewards: np.ndarray) -> None:
        """Learn from actions and their rewards in [0, 1], `(B, s)` each."""
        raise NotImplementedError

    def tally(self, chosen: np.ndarray, rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How often every arm was played and what it earned in all, `(s, A)` each."""
        arms = (chosen + np.arange(self.shape[0]) * self.shape[1]).ravel()
        size = self.shape[0] * self.shape[1]
        return (
            np.bincount(arms, minlength=size).reshape(self.shape),
            np.bincount(arms, rewards.ravel(), size).reshape(self.shape),
        )


@dataclass(frozen=True)
class EpsilonGreedyConfig:
    """Hyper-parameters of `EpsilonGreedy`."""

    start: float = 1.0
    """probability of a random action at the beginning"""
    end: float = 0.02
    """probability of a random action from `decay` on"""
    decay: float = 0.8
    """fraction of training over which it falls linearly"""
    step_size: float = 0.0
    """weight of a new reward in an arm's value; 0 for the plain average, which forgets nothing"""

    def __post_init__(self) -> None:
        checks.between(self, 0, 1, "start", "end", "decay", "step_size")


class EpsilonGreedy(Bandit):
    """The action of highest value, or now and then a random one.

    Source: Sutton and Barto 2018, *Reinforcement Learning*, sections 2.4 and 2.5.
    """

    Config = EpsilonGreedyConfig
    memory = ("values", "counts")

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: EpsilonGreedyConfig | None = None) -> None:
        super().__init__(env, total_steps, seed, config)
        self.total_steps = total_steps
        self.values, self.counts = np.zeros(self.shape), np.zeros(self.shape, dtype=np.int64)

    @property
    def epsilon(self) -> float:
        """Probability of a random action now."""
        return epsilon(self.config, self.steps, self.total_steps)

    def choose(self, rows: int) -> np.ndarray:
        """Numbers of the actions to play, `(rows, s)`."""
        shape = (rows, self.shape[0])
        random = self.generator.integers(self.shape[1], size=shape)
        return np.where(self.generator.random(shape) < self.epsilon, random, self.best())

    def best(self) -> np.ndarray:
        """The arms of highest value, `(s,)`."""
        return self.values.argmax(axis=1)

    def learn(self, chosen: np.ndarray, rewards: np.ndarray) -> None:
        """Move the values towards the mean reward of this period, as far as its number of rewards would in turn."""
        plays, sums = self.tally(chosen, rewards)
        self.counts += plays
        weight = (
            1 - (1 - self.config.step_size) ** plays if self.config.step_size else plays / np.maximum(self.counts, 1)
        )
        self.values += weight * (sums / np.maximum(plays, 1) - self.values)


@dataclass(frozen=True)
class UCBConfig:
    """Hyper-parameters of `UCB`."""

    exploration: float = 0.05
    """multiple of the bonus `sqrt(2 log t / plays)` of UCB1; its regret bound is proven for 1"""

    def __post_init__(self) -> None:
        checks.not_negative(self, "exploration")


class UCB(Bandit):
    """The action that would be best if every one were as good as its rewards allow: UCB1.

    The rows of a batch choose in turn, and an arm counts as played from then on, at its present mean.

    Source: Auer, Cesa-Bianchi and Fischer 2002, figure 1 and theorem 1.
    """

    Config = UCBConfig
    memory = ("sums", "plays")

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: UCBConfig | None = None) -> None:
        super().__init__(env, total_steps, seed, config)
        self.sums, self.plays = np.zeros(self.shape), np.zeros(self.shape, dtype=np.int64)

    def choose(self, rows: int) -> np.ndarray:
        """Numbers of the actions to play, `(rows, s)`."""
        played = self.plays.copy()
        means = self.sums / np.maximum(played, 1)
        width = self.config.exploration * np.sqrt(2 * np.log(np.maximum(played.sum(axis=1), 1)))
        index = np.where(played > 0, means + width[:, None] / np.sqrt(np.maximum(played, 1)), np.inf)
        seats, chosen = np.arange(self.shape[0]), np.empty((rows, self.shape[0]), dtype=np.int64)
        for row in range(rows):
            arms = chosen[row] = index.argmax(axis=1)
            played[seats, arms] += 1
            index[seats, arms] = means[seats, arms] + width / np.sqrt(played[seats, arms])
        return chosen

    def best(self) -> np.ndarray:
        """The arms of highest mean reward, `(s,)`."""
        return np.where(self.plays > 0, self.sums / np.maximum(self.plays, 1), -np.inf).argmax(axis=1)

    def learn(self, chosen: np.ndarray, rewards: np.ndarray) -> None:
        """Count the plays and add up the rewards."""
        plays, sums = self.tally(chosen, rewards)
        self.plays += plays
        self.sums += sums


@dataclass(frozen=True)
class EXP3Config:
    """Hyper-parameters of `EXP3`."""

    learning_rate: float = 3.0
    """multiple of the rate of the regret bound, `sqrt(2 log A / (T A))` for one row"""

    def __post_init__(self) -> None:
        checks.positive(self, "learning_rate")


class EXP3(Bandit):
    """Exponential weights of estimated losses, each divided by the probability of the action that showed it.

    With `B` rows a period gives `B` estimates; their mean has second moment `1 + (A - 1) / B` where that of one is
    `A`, and the learning rate takes it into account. Pseudo-regret is at most `sqrt(2 T A log A)` for one row.

    Source: Auer, Cesa-Bianchi, Freund and Schapire 2002; in losses, Bubeck and Cesa-Bianchi 2012, theorem 3.1.
    """

    Config = EXP3Config
    memory = ("losses",)

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: EXP3Config | None = None) -> None:
        super().__init__(env, total_steps, seed, config)
        arms = self.shape[1]
        moment = 1 + (arms - 1) / env.num_markets
        self.rate = self.config.learning_rate * np.sqrt(2 * np.log(arms) / (self.periods * moment))
        self.losses = np.zeros(self.shape)

    @property
    def strategies(self) -> np.ndarray:
        """Probability of every action of every seat, `(s, A)`."""
        return softmax(-self.rate * self.losses)

    def choose(self, rows: int) -> np.ndarray:
        """Numbers of the actions to play, `(rows, s)`."""
        return self.draw(self.strategies, rows)

    def best(self) -> np.ndarray:
        """The most probable arms, `(s,)`."""
        return self.losses.argmin(axis=1)

    def learn(self, chosen: np.ndarray, rewards: np.ndarray) -> None:
        """Add the mean estimate of every arm's loss."""
        plays, sums = self.tally(chosen, 1 - rewards)
        self.losses += sums / np.where(plays > 0, len(chosen) * self.strategies, 1.0)
