"""A repeated market as a vectorised environment of Stable-Baselines3: all providers of all markets, one row each.

Truncation reaches the learner (`TimeLimit.truncated`, `terminal_observation`), so it bootstraps through the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from agents.parts.actions import FlatActions
from agents.parts.rewards import random_rewards


class MarketVecEnv(VecEnv):
    """`B` markets of `n` providers as `B * n` environments, market by market.

    Args:
        env: the markets; backend numpy, autoreset `same_step`.
        standardize: shift and scale every provider's rewards to mean 0 and deviation 1 under random play. That
            changes no best response, and lets one policy learn for providers whose profits differ by magnitudes.
        flat: number the bids of the auction in one `Discrete` space, for algorithms that need it.
    """

    def __init__(self, env: Any, standardize: bool = False, flat: bool = False) -> None:
        if env.autoreset != "same_step":
            raise ValueError(f"Stable-Baselines3 resets in the same step; got autoreset {env.autoreset!r}")
        self.env = env
        scale: tuple[Any, Any] = random_rewards(env) if standardize else (0.0, 1.0)
        self.mean, self.deviation = scale
        self.flat = FlatActions(env.single_action_space, "Stable-Baselines3's DQN") if flat else None
        self._actions = np.empty(0)
        space = gymnasium.spaces.Discrete(self.flat.size) if self.flat else env.single_action_space
        super().__init__(env.num_markets * env.num_providers, env.single_observation_space, space)

    def reset(self) -> np.ndarray:
        """Start all episodes; a seed given by `seed()` takes effect here."""
        seed = self._seeds[0]
        self._reset_seeds()
        return self._rows(self.env.reset(seed)[0])

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions `(B * n, ...)` for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Clear one period."""
        shape = (self.env.num_markets, self.env.num_providers)
        observations, rewards, _, truncations, info = self.env.step(
            self.env_actions(self._actions.reshape(*shape, *self._actions.shape[1:]))
        )
        dones = np.repeat(truncations, self.env.num_providers)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if "final_obs" in info:
            final = self._rows(info["final_obs"])
            for i in np.flatnonzero(dones):
                infos[i] = {"terminal_observation": final[i], "TimeLimit.truncated": True}
        rewards = (rewards - self.mean) / self.deviation
        return self._rows(observations), rewards.reshape(-1), dones, infos

    def env_actions(self, actions: np.ndarray) -> np.ndarray:
        """Actions of the algorithm, `(B, n, ...)`, as those of the markets."""
        return self.flat.unflatten(actions) if self.flat else actions

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the markets, once for each environment asked for."""
        value = None if attr_name == "render_mode" else getattr(self.env, attr_name)
        return [value] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: the environments are rows of one batch."""
        raise ValueError(f"the environments of a MarketVecEnv share one market; cannot set {attr_name!r} on some")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refused: the environments are rows of one batch."""
        raise ValueError(f"the environments of a MarketVecEnv share one market; cannot call {method_name!r} on some")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No environment is wrapped."""
        return [False] * len(self._indices(indices))

    def _indices(self, indices: Any) -> Sequence[int]:
        return range(self.num_envs) if indices is None else np.atleast_1d(indices).tolist()

    def _rows(self, observations: np.ndarray) -> np.ndarray:
        return observations.reshape(self.num_envs, -1)
