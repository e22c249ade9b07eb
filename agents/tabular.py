"""Tabular Q-learning with memory: every provider on its own, what was played last period being the state.

Source: Watkins 1989; as a model of pricing algorithms, Calvano, Calzolari, Denicolo and Pastorello 2020, section II.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from agents.parts import checks
from agents.parts.actions import FlatActions
from agents.parts.exploration import epsilon
from agents.parts.patience import settle
from agents.parts.stateless import PERIODS
from ttc_env.observing import layout, seen_states

MEMORIES = ("none", "own", "public", "state")
LARGEST = 200_000  # states of one provider


@dataclass(frozen=True)
class QLearningConfig:
    """Hyper-parameters of `QLearning`."""

    memory: str | None = None
    """'none', 'own' (last own level; where levels are secret also whether it sold), 'public' (last levels of all), or
    'state' (what is carried over); by default 'state' where something is carried over and 'own' elsewhere"""
    learning_rate: float | None = None
    """weight of a new target in a value; by default 0.1, and 0.05 where what is played changes the state"""
    gamma: float | None = None
    """discount per period; by default 0.9, and 0.95 where what is played changes the state"""
    start: float = 1.0
    """probability of a random action at the beginning"""
    end: float = 0.02
    """probability of a random action from `decay` on"""
    decay: float = 0.8
    """fraction of training over which it falls linearly"""

    def __post_init__(self) -> None:
        checks.between(self, 0, 1, "start", "end", "decay")
        if self.learning_rate is not None:
            checks.between(self, 0, 1, "learning_rate")
        checks.unless_none(checks.discounts, self, "gamma")


class QLearning:
    """A table of values for each provider, by state and action.

    State 0 is the start of an episode, when nothing has been played. The rows of the batch share the table: a value
    visited `k` times in a period moves towards the mean of its targets by `1 - (1 - learning_rate)^k`. Targets
    bootstrap through the truncation of an episode, from its last state.

    Args:
        env: the markets, backend numpy, autoreset `same_step`; the learner resets them with `seed`.
        total_steps: agent steps over which exploration decays.
        seed: of the draws and the markets.
        config: hyper-parameters.

    Raises:
        ValueError: a space that is not finite, an unknown memory, or one that is too large or not public here.
    """

    env_options = {"copy": False}  # noqa: RUF012
    resumes: ClassVar[tuple[str, ...]] = ("generator", "states")
    Config = QLearningConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: QLearningConfig | None = None) -> None:
        alone, carried = {"gamma": 0.9, "learning_rate": 0.1}, {"gamma": 0.95, "learning_rate": 0.05}
        self.config = settle(config or QLearningConfig(), env.game, alone, carried)
        dynamics = env.game.dynamics
        self.memory = self.config.memory or ("own" if dynamics is None else "state")
        if self.memory not in MEMORIES:
            raise ValueError(f"unknown memory {self.memory!r}; allowed: {', '.join(MEMORIES)}")
        if self.memory == "state" and dynamics is None:
            raise ValueError("memory='state' is of what a market carries over, and this one carries nothing")
        if env.autoreset != "same_step":
            raise ValueError(f"Q-learning bootstraps from final_obs; it needs 'same_step', got {env.autoreset!r}")
        self.env, self.total_steps, self.steps = env, total_steps, 0
        self.actions = FlatActions(env.single_action_space, "Q-learning")
        n, m = env.game.market.num_providers, env.game.market.num_levels
        self.public = "level" in env.game.mechanism.public
        if self.memory == "public" and not self.public:
            raise ValueError(
                f"memory='public' is of levels, which {env.game.mechanism.name} does not publish; "
                "allowed there: none, own"
            )
        states = 0.0 if dynamics is None else math.prod(map(float, dynamics.sizes(env.game.market)))
        own = m if self.public else 2 * m
        situations = {"none": 0, "own": own, "public": float(m) ** n, "state": states}[self.memory]
        if situations > LARGEST:
            size = f"{m}^{n}" if self.memory == "public" else f"{situations:.0f}"
            raise ValueError(
                f"memory={self.memory!r} has {size} states, at most {LARGEST} are allowed; "
                "take 'own' or fewer providers"
            )
        self.generator = np.random.default_rng([seed, 1])
        self.values = np.zeros((env.num_providers, 1 + int(situations), self.actions.size))
        observations = env.reset(seed)[0]
        self.shape = observations.shape[1:]
        self.states = self._states(observations)

    @property
    def epsilon(self) -> float:
        """Probability of a random action now."""
        return epsilon(self.config, self.steps, self.total_steps)

    def update(self) -> dict[str, float]:
        """Play and learn for some periods; returns the mean size of the errors, in units of reward."""
        total = 0.0
        for _ in range(PERIODS):
            chosen = self._choose(self.states, self.epsilon)
            observations, rewards, _, truncated, info = self.env.step(self.actions.unflatten(chosen))
            following = reached = self._states(observations)
            if "final_obs" in info:
                reached = np.where(truncated[:, None], self._states(info["final_obs"]), following)
            total += self.learn(self.states, chosen, rewards, reached)
            self.states = following
            self.steps += rewards.size
        return {"error": total / PERIODS, "epsilon": self.epsilon}

    def learn(self, states: np.ndarray, chosen: np.ndarray, rewards: np.ndarray, reached: np.ndarray) -> float:
        """One step of every provider's table from `(B, s)` each; returns the mean absolute error."""
        seats = np.arange(len(self.values))
        targets = rewards + self.config.gamma * self.values.max(axis=2)[seats, reached]
        cells = np.ravel_multi_index((np.broadcast_to(seats, chosen.shape), states, chosen), self.values.shape).ravel()
        cells, place, visits = np.unique(cells, return_inverse=True, return_counts=True)
        table = self.values.reshape(-1)
        errors = np.bincount(place, targets.ravel()) / visits - table[cells]
        table[cells] += (1 - (1 - self.config.learning_rate) ** visits) * errors
        return float(np.abs(errors).mean())

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, s, d)`: explored, or of highest value."""
        return self.actions.unflatten(
            self._choose(self._states(np.asarray(observations)), 0.0 if greedy else self.epsilon)
        )

    def state_dict(self) -> dict[str, Any]:
        """Table and progress."""
        import torch  # takes seconds to load, and play needs none

        return {"values": torch.tensor(self.values), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.values, self.steps = np.asarray(state["values"]).copy(), state["steps"]

    def _choose(self, states: np.ndarray, explore: float) -> np.ndarray:
        best = self.values.argmax(axis=2)[np.arange(len(self.values)), states]
        if not explore:
            return best
        random = self.generator.integers(self.actions.size, size=states.shape)
        return np.where(self.generator.random(states.shape) < explore, random, best)

    def _states(self, observations: np.ndarray) -> np.ndarray:
        """Number of the situation each seat is in, `(B, s)`, read from its observation."""
        if observations.shape[1:] != self.shape:
            raise ValueError(f"it has learnt from observations (B, *{self.shape}), got shape {observations.shape}")
        market, fields = self.env.game.market, layout(self.env.game)
        n, m = market.num_providers, market.num_levels
        played = fields.read(observations, "played")[..., 0] > 0
        if self.memory == "none":
            return np.zeros(played.shape, dtype=np.int64)
        if self.memory == "state":
            return seen_states(self.env.game, observations, self.env.seats)
        if self.memory == "own":
            seen = np.rint(fields.read(observations, "own.level")[..., 0] * (m - 1)).astype(np.int64)
            if not self.public:
                shares = fields.read(observations, "public.share")
                seen = 2 * seen + (shares[:, np.arange(len(self.env.seats)), self.env.seats] > 0)
        else:
            levels = np.rint(fields.read(observations, "public.level") * (m - 1)).astype(np.int64)
            seen = levels @ m ** np.arange(n)[::-1]
        return np.where(played, 1 + seen, 0)
