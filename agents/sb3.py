"""Stable-Baselines3 on a repeated market: one policy serves every provider; each sees its own curve."""

from __future__ import annotations

import math
import random
from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from agents.hyperparameters import SB3A2CConfig, SB3DQNConfig, SB3PPOConfig
from agents.parts.exploration import epsilon
from agents.vec_env import MarketVecEnv

COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num", "_last_obs", "_last_episode_starts")
REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class SB3:
    """An algorithm of Stable-Baselines3 behind the learner interface of `agents`.

    Args:
        env: the markets it trains on; backend numpy, autoreset `same_step`.
        total_steps: agent steps over which exploration decays, where it does.
        seed: of the networks, the actions and the markets. Stable-Baselines3 seeds the global generators with it.
        config: hyper-parameters of the subclass.
    """

    env_options = {"copy": False}  # noqa: RUF012
    flat = False
    Config: ClassVar[type]

    def __init__(self, env: Any, total_steps: int = 0, seed: int = 0, config: Any = None) -> None:
        self.config = self.Config() if config is None else config
        self.total_steps, self.steps = total_steps, 0
        self.env = env
        self.vec_env = MarketVecEnv(env, standardize=True, flat=self.flat)
        self.steps_per_update = self.config.horizon * self.vec_env.num_envs
        minibatches = getattr(self.config, "minibatches", 1)
        if self.steps_per_update < max(2, minibatches):
            raise ValueError(
                f"horizon x num_markets x providers = {self.steps_per_update} is too small a batch: at least 2, and a "
                f"row for each of {minibatches} minibatches, are needed"
            )
        self.model = self.make_model(seed)
        self._callback = _Nothing()

    def make_model(self, seed: int) -> BaseAlgorithm:
        """The algorithm on `vec_env`."""
        raise NotImplementedError

    def update(self) -> dict[str, float]:
        """Collect one rollout and learn from it; returns the losses that Stable-Baselines3 logs."""
        self.model.learn(self.steps_per_update, callback=self._callback, reset_num_timesteps=self.steps == 0)
        self.steps += self.steps_per_update
        logged = self.model.logger.name_to_value
        losses = {name.removeprefix("train/"): float(logged[name]) for name in logged if name.startswith("train/")}
        if math.isnan(losses.get("explained_variance", 0.0)):
            del losses["explained_variance"]  # returns that are all the same have no variance to explain
        return losses

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, n, d)`: sampled, or the most probable ones."""
        batch, n, d = np.shape(observations)
        actions, _ = self.model.predict(np.asarray(observations).reshape(-1, d), deterministic=greedy)
        return self.vec_env.env_actions(actions.reshape(batch, n, *actions.shape[1:]))

    def state_dict(self) -> dict[str, Any]:
        """Networks and optimiser."""
        return {"policy": self.model.policy.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.model.policy.load_state_dict(state["policy"])
        self.steps = state["steps"]

    def get_state(self) -> dict[str, Any]:
        """What else the future depends on: optimiser, counters, last observations, replay, and all generators.

        Stable-Baselines3 draws from the generators of the process, which belong to the state for that reason.
        """
        model, buffer = self.model, getattr(self.model, "replay_buffer", None)
        count = 0 if buffer is None else buffer.buffer_size if buffer.full else buffer.pos
        return {
            "optimizer": model.policy.optimizer.state_dict(),
            "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
            "replay": {name: getattr(buffer, name)[:count] for name in REPLAY} if buffer is not None else {},
            "place": [] if buffer is None else [buffer.pos, buffer.full],
            "actions": model.action_space.np_random.bit_generator.state,
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),  # noqa: NPY002
            "python": random.getstate(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`, the generators of the process included."""
        model, buffer = self.model, getattr(self.model, "replay_buffer", None)
        model.policy.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["counters"].items():
            setattr(model, name, value)
        if buffer is not None:
            for name, part in state["replay"].items():
                getattr(buffer, name)[: len(part)] = part
            buffer.pos, buffer.full = state["place"]
        model.action_space.np_random.bit_generator.state = state["actions"]
        torch.set_rng_state(state["torch"])
        np.random.set_state(state["numpy"])  # noqa: NPY002
        random.setstate(state["python"])


class SB3PPO(SB3):
    """Proximal policy optimisation, Schulman et al. 2017, arXiv:1707.06347."""

    Config = SB3PPOConfig

    def make_model(self, seed: int) -> PPO:
        """The algorithm on `vec_env`."""
        config: SB3PPOConfig = self.config
        return PPO(
            "MlpPolicy",
            self.vec_env,
            n_steps=config.horizon,
            n_epochs=config.epochs,
            batch_size=self.steps_per_update // config.minibatches,
            learning_rate=config.learning_rate,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            ent_coef=config.entropy,
            seed=seed,
            device=config.device,
        )


class SB3A2C(SB3):
    """Advantage actor-critic, the synchronous form of Mnih et al. 2016, arXiv:1602.01783."""

    Config = SB3A2CConfig

    def make_model(self, seed: int) -> A2C:
        """The algorithm on `vec_env`."""
        config: SB3A2CConfig = self.config
        return A2C(
            "MlpPolicy",
            self.vec_env,
            n_steps=config.horizon,
            learning_rate=config.learning_rate,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            ent_coef=config.entropy,
            normalize_advantage=True,
            seed=seed,
            device=config.device,
        )


class SB3DQN(SB3):
    """Deep Q-learning, Mnih et al. 2015; in the auction every bid is an action of one flat `Discrete` space.

    Each environment explores on its own; Stable-Baselines3 would let all explore at once or none.
    """

    Config = SB3DQNConfig
    flat = True

    def make_model(self, seed: int) -> DQN:
        """The algorithm on `vec_env`."""
        config: SB3DQNConfig = self.config
        return _RowwiseDQN(
            "MlpPolicy",
            self.vec_env,
            buffer_size=config.capacity,
            learning_starts=0,
            batch_size=config.batch,
            train_freq=config.horizon,
            gradient_steps=config.gradient_steps,
            target_update_interval=config.target_every * self.vec_env.num_envs,
            learning_rate=config.learning_rate,
            gamma=config.gamma,
            seed=seed,
            device=config.device,
        )

    def update(self) -> dict[str, float]:
        """Play `horizon` periods and learn from samples of what was played; returns the losses logged."""
        self._explore()
        return super().update()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        super().load_state_dict(state)
        self._explore()

    def _explore(self) -> None:
        rate = epsilon(self.config, self.steps, self.total_steps)
        model: Any = self.model
        model.exploration_rate, model.exploration_schedule = rate, lambda _: rate


class _RowwiseDQN(DQN):
    """Draws for every environment by itself whether it explores."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        best, state = super().predict(observation, state, episode_start, deterministic=True)
        if deterministic:
            return best, state
        space: Any = self.action_space
        generator = space.np_random
        random = generator.integers(space.n, size=best.shape)
        return np.where(generator.random(best.shape) < self.exploration_rate, random, best), state


class _Nothing(BaseCallback):
    def _on_step(self) -> bool:
        return True
