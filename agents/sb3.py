"""Stable-Baselines3 on a repeated market: all providers of all markets as one vectorised environment.

One policy serves every provider; each sees its own curve in its observation. Truncation reaches the learner
(`TimeLimit.truncated`, `terminal_observation`), so it bootstraps through the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from ttc_env import VectorMarket
from ttc_env.opponents import Random


class MarketVecEnv(VecEnv):
    """`B` markets of `n` providers as `B * n` environments, market by market.

    Args:
        env: the markets; backend numpy, autoreset `same_step`.
        standardize: shift and scale every provider's rewards to mean 0 and deviation 1 under random play. That
            changes no best response, and lets one policy learn for providers whose profits differ by magnitudes.
    """

    def __init__(self, env: VectorMarket, standardize: bool = False) -> None:
        if env.autoreset != "same_step":
            raise ValueError(f"Stable-Baselines3 resets in the same step; got autoreset {env.autoreset!r}")
        self.env = env
        self.mean, self.deviation = _random_rewards(env) if standardize else (0.0, 1.0)
        self._actions = np.empty(0)
        super().__init__(env.num_markets * env.num_providers, env.single_observation_space, env.single_action_space)

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
            self._actions.reshape(*shape, *self._actions.shape[1:])
        )
        dones = np.repeat(truncations, self.env.num_providers)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if "final_obs" in info:
            final = self._rows(info["final_obs"])
            for i in np.flatnonzero(dones):
                infos[i] = {"terminal_observation": final[i], "TimeLimit.truncated": True}
        rewards = (rewards - self.mean) / self.deviation
        return self._rows(observations), rewards.reshape(-1), dones, infos

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


@dataclass(frozen=True)
class SB3PPOConfig:
    """Hyper-parameters of `SB3PPO`."""

    horizon: int = 32
    """periods played in each market between updates"""
    epochs: int = 4
    """passes over the collected periods in each update"""
    minibatches: int = 4
    """parts of a pass, one optimiser step each"""
    learning_rate: float = 1e-3
    """of Adam"""
    gamma: float = 0.9
    """discount per period"""
    gae_lambda: float = 0.8
    """decay of the advantage estimate"""
    entropy: float = 0.01
    """weight of the entropy bonus"""
    device: str = "cpu"
    """torch device of the networks"""


class SB3PPO:
    """Stable-Baselines3's PPO behind the learner interface of `agents`.

    Args:
        env: the markets it trains on; backend numpy, autoreset `same_step`.
        total_steps: not used; nothing decays.
        seed: of the networks, the actions and the markets.
        config: hyper-parameters.
    """

    env_options = {"copy": False}  # noqa: RUF012
    Config = SB3PPOConfig

    def __init__(
        self, env: VectorMarket, total_steps: int = 0, seed: int = 0, config: SB3PPOConfig | None = None
    ) -> None:
        config = config or SB3PPOConfig()
        rows = env.num_markets * env.num_providers
        self.vec_env = MarketVecEnv(env, standardize=True)
        self.model = PPO(
            "MlpPolicy",
            self.vec_env,
            n_steps=config.horizon,
            n_epochs=config.epochs,
            batch_size=config.horizon * rows // config.minibatches,
            learning_rate=config.learning_rate,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            ent_coef=config.entropy,
            seed=seed,
            device=config.device,
        )
        self.steps = 0
        self.steps_per_update = self.model.n_steps * rows
        self._callback = _Nothing()

    def update(self) -> dict[str, float]:
        """Collect one rollout and learn from it; returns the losses that Stable-Baselines3 logs."""
        self.model.learn(self.steps_per_update, callback=self._callback, reset_num_timesteps=self.steps == 0)
        self.steps += self.steps_per_update
        logged = self.model.logger.name_to_value
        return {name.removeprefix("train/"): float(logged[name]) for name in logged if name.startswith("train/")}

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, n, d)`: sampled, or the most probable ones."""
        batch, n, d = np.shape(observations)
        actions, _ = self.model.predict(np.asarray(observations).reshape(-1, d), deterministic=greedy)
        return actions.reshape(batch, n, *actions.shape[1:])

    def state_dict(self) -> dict[str, Any]:
        """Networks and optimiser."""
        return {"policy": self.model.policy.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.model.policy.load_state_dict(state["policy"])
        self.steps = state["steps"]


def _random_rewards(env: VectorMarket, periods: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each provider's reward when all act at random, `(n,)` each."""
    random = Random(env.game)
    observations, _ = env.reset(seed=0)
    rewards = [env.step(random(observations, env.record(), env.uniform))[1] for _ in range(periods)]
    deviation = np.std(rewards, axis=(0, 1))
    return np.mean(rewards, axis=(0, 1)), np.where(deviation > 0, deviation, 1.0)


class _Nothing(BaseCallback):
    def _on_step(self) -> bool:
        return True
