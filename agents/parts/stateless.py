"""Learners that look at no observation: each provider has values or a mixed strategy over its whole action set.

All rows of the batch are draws of one strategy, and what they earn is pooled; with one row each is its textbook self.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from agents.parts.actions import FlatActions
from ttc_env.mechanisms import Bids

PERIODS = 16  # between two returns of `update`; learning takes place in every period


class Stateless:
    """The interface of `agents` around `choose`, `best` and `experience` of a subclass.

    Args:
        env: the markets, backend numpy; the learner resets them with `seed`.
        total_steps: agent steps of the whole training, over which rates and exploration are set.
        seed: of the draws and the markets.
        config: hyper-parameters of the subclass.
    """

    env_options = {"copy": False}  # noqa: RUF012
    resumes: ClassVar[tuple[str, ...]] = ("generator",)
    memory: ClassVar[tuple[str, ...]]
    """names of the arrays that hold what has been learnt"""

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: Any = None) -> None:
        self.env = env
        self.config = type(self).Config() if config is None else config
        self.actions = FlatActions(env.single_action_space, type(self).__name__)
        self.shape = (env.num_providers, self.actions.size)
        self.periods = max(1, round(total_steps / (env.num_markets * env.num_providers)))
        self.generator = np.random.default_rng([seed, 1])
        self.steps = 0
        env.reset(seed)

    Config: ClassVar[type]

    def choose(self, rows: int) -> np.ndarray:
        """Numbers of the actions to play, `(rows, s)`."""
        raise NotImplementedError

    def best(self) -> np.ndarray:
        """Number of the best known action of every seat, `(s,)`."""
        raise NotImplementedError

    def experience(self, chosen: np.ndarray, rewards: np.ndarray, bids: Bids) -> None:
        """Learn from one period: actions and rewards `(B, s)`, and the bids of all providers `(B, n)`."""
        raise NotImplementedError

    def update(self) -> dict[str, float]:
        """Play and learn for some periods; returns the mean reward, in units of reward."""
        total = 0.0
        for _ in range(PERIODS):
            chosen = self.choose(self.env.num_markets)
            _, rewards, _, _, info = self.env.step(self.actions.unflatten(chosen))
            self.experience(chosen, rewards, info["bids"])
            self.steps += rewards.size
            total += float(rewards.mean())
        return {"reward": total / PERIODS}

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, s, d)`, which only say how many: drawn, or the best known ones."""
        rows, seats = np.shape(observations)[:2]
        if seats != self.shape[0]:
            raise ValueError(f"it has learnt for {self.shape[0]} seats, got observations of {seats}")
        chosen = np.tile(self.best(), (rows, 1)) if greedy else self.choose(rows)
        return self.actions.unflatten(chosen)

    def state_dict(self) -> dict[str, Any]:
        """What has been learnt, as tensors, and progress."""
        import torch  # takes seconds to load, and play needs none

        return {name: torch.tensor(getattr(self, name)) for name in self.memory} | {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        for name in self.memory:
            setattr(self, name, np.asarray(state[name]).copy())
        self.steps = state["steps"]

    def draw(self, strategies: np.ndarray, rows: int) -> np.ndarray:
        """Draws `(rows, s)` from the mixed strategies `(s, A)`, by inversion."""
        bounds = np.cumsum(strategies, axis=1)
        uniform = self.generator.random((rows, len(strategies))) * bounds[:, -1]
        columns = [np.searchsorted(b, u, "right") for b, u in zip(bounds, uniform.T, strict=True)]
        return np.minimum(np.stack(columns, axis=1), strategies.shape[1] - 1)


def softmax(values: np.ndarray) -> np.ndarray:
    """Probabilities proportional to `exp(values)` along the last axis."""
    weights = np.exp(values - values.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
