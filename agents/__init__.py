"""Who plays: learners for the repeated markets of `ttc_env`. Not installed; used from a checkout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ttc_env import VectorMarket


class Learner(Protocol):
    """What a training script needs of a learner; no inheritance is required."""

    steps: int
    """agent steps played so far"""

    def update(self) -> dict[str, float]:
        """Play for a while, learn from it, and return losses."""

    def act(self, observations: np.ndarray, greedy: bool = False) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, 3)` for observations `(B, n, d)`."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to play on, for `torch.save`."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""


def _ppo(make_env: Callable[..., VectorMarket], total_steps: int, seed: int, device: str, config: Any) -> Learner:
    from agents.ppo import PPO

    return PPO(make_env(backend="torch", device=device, copy=False), total_steps, config, seed)


def _sb3_ppo(make_env: Callable[..., VectorMarket], total_steps: int, seed: int, device: str, config: Any) -> Learner:
    from agents.sb3 import SB3PPO

    return SB3PPO(make_env(backend="numpy", copy=False), seed, device)


ALGORITHMS: dict[str, Callable[..., Learner]] = {"ppo": _ppo, "sb3-ppo": _sb3_ppo}
