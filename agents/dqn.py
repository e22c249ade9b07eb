"""Independent deep Q-learning for all providers of a market at once.

Every provider has a value network of its own, stacked so that one optimiser step trains them all. A bid has one head
for level, ask and claim each, which share the network below and a target: action branching.

Source: Mnih et al. 2015 (replay and target network); van Hasselt, Guez and Silver 2016, arXiv:1509.06461 (the network
chooses and the target network values the next action); Tavakoli, Pardo and Kormushev 2018, arXiv:1711.08946, equation
4 (branching).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from agents.hyperparameters import DQNConfig
from agents.parts.actions import FlatActions
from agents.parts.adam import Adam
from agents.parts.exploration import epsilon
from agents.parts.networks import StackedMLP, gradient_norms
from agents.parts.patience import settle
from agents.parts.rewards import random_rewards


class DQN:
    """Trains all providers of a `VectorMarket` (backend torch, autoreset `same_step`).

    Args:
        env: the markets; the learner resets them with `seed`.
        total_steps: agent steps over which exploration and learning rate decay.
        seed: of the networks, the actions, the samples and the markets.
        config: hyper-parameters.

    Raises:
        ValueError: a space that is not finite, or markets that do not reset in the same step.
    """

    env_options = {"backend": "torch", "copy": False}  # noqa: RUF012
    resumes: ClassVar[tuple[str, ...]] = ("generator", "observations", "replay")
    Config = DQNConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: DQNConfig | None = None) -> None:
        self.config = config = settle(config or DQNConfig(), env.game, {"gamma": 0.9}, {"gamma": 0.95})
        if env.autoreset != "same_step":
            raise ValueError(f"DQN bootstraps from final_obs; it needs autoreset 'same_step', got {env.autoreset!r}")
        self.env, self.total_steps, self.steps = env, total_steps, 0
        self.sizes = FlatActions(env.single_action_space, "DQN").sizes
        mean, deviation = random_rewards(env) if config.standardize else (0.0, 1.0)
        self.observations = torch.as_tensor(env.reset(seed)[0], dtype=torch.float32)
        self.device = self.observations.device
        self.mean, self.deviation = (
            torch.as_tensor(x, dtype=torch.float32, device=self.device) for x in (mean, deviation)
        )
        self.generator = torch.Generator(device=self.device).manual_seed(seed + 1)
        weights = torch.Generator().manual_seed(seed)
        shape = [self.observations.shape[-1], *config.hidden, sum(self.sizes)]
        self.network = StackedMLP(env.num_providers, shape, 0.1, weights).to(self.device)
        self.slow = StackedMLP(env.num_providers, shape, 0.1, weights).to(self.device)
        self.slow.load_state_dict(self.network.state_dict())
        self.optimizer = Adam(self.network.parameters(), config.learning_rate, fused=True)
        self.replay = Replay(config.capacity, self.observations.shape[1:], len(self.sizes), self.device)

    @property
    def epsilon(self) -> float:
        """Probability of a random action component now."""
        return epsilon(self.config, self.steps, self.total_steps)

    def update(self) -> dict[str, float]:
        """Play `horizon` periods, learn from samples of what was played; returns the mean loss."""
        for _ in range(self.config.horizon):
            self._play()
        left = max(0.0, 1 - self.steps / self.total_steps)
        self.optimizer.learning_rate = self.config.learning_rate * left
        losses, norms = zip(*(self._optimize() for _ in range(self.config.gradient_steps)), strict=True)
        means = {"loss": torch.stack(losses).mean(), "grad_norm": torch.stack(norms).mean()}
        return {name: float(value) for name, value in means.items()} | {"epsilon": self.epsilon}

    @torch.no_grad()
    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, s, d)`: explored, or of highest value."""
        seen = torch.as_tensor(observations, dtype=torch.float32, device=self.device)
        return self._env_actions(self._choose(seen, 0.0 if greedy else self.epsilon)).cpu().numpy()

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimiser and progress; the replay buffer starts empty."""
        return {
            "network": self.network.state_dict(),
            "slow": self.slow.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.network.load_state_dict(state["network"])
        self.slow.load_state_dict(state["slow"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]

    @torch.no_grad()
    def _play(self) -> None:
        before = self.observations.clone()
        actions = self._choose(before, self.epsilon)
        observations, rewards, _, truncated, info = self.env.step(self._env_actions(actions))
        self.observations = torch.as_tensor(observations, dtype=torch.float32)
        reached = self.observations
        if "final_obs" in info:
            final = torch.as_tensor(info["final_obs"], dtype=torch.float32)
            reached = torch.where(torch.as_tensor(truncated)[:, None, None], final, reached)
        scaled = (torch.as_tensor(rewards, dtype=torch.float32) - self.mean) / self.deviation
        self.replay.add(before, actions, scaled, reached)
        self.steps += scaled.numel()

    def _optimize(self) -> tuple[Tensor, Tensor]:
        """One optimiser step; its loss, a mean over rows and branches summed over the providers, and gradient norm."""
        before, actions, rewards, reached = self.replay.sample(self.config.batch, self.generator)
        with torch.no_grad():
            fast, slow = self._branches(self.network, reached), self._branches(self.slow, reached)
            values = [s.gather(-1, f.argmax(-1, keepdim=True))[..., 0] for f, s in zip(fast, slow, strict=True)]
            target = rewards + self.config.gamma * torch.stack(values).mean(dim=0)
        branches = self._branches(self.network, before)
        chosen = [q.gather(-1, actions[..., k, None])[..., 0] for k, q in enumerate(branches)]
        losses = [smooth_l1_loss(q, target, reduction="none").mean(dim=0) for q in chosen]
        loss = torch.stack(losses).mean(dim=0)
        self.optimizer.clear()
        loss.sum().backward()
        norm = gradient_norms(list(self.network.parameters())).mean()
        self.optimizer.step()
        with torch.no_grad():
            for old, new in zip(self.slow.parameters(), self.network.parameters(), strict=True):
                old.lerp_(new, self.config.target)
        return loss.mean().detach(), norm

    def _branches(self, network: StackedMLP, observations: Tensor) -> tuple[Tensor, ...]:
        """Values of the choices in each component, `(B, s, size)` each."""
        return network(observations.transpose(0, 1)).transpose(0, 1).split(self.sizes, dim=-1)

    def _choose(self, observations: Tensor, explore: float) -> Tensor:
        """Actions `(B, s, components)`, each component random with probability `explore`."""
        best = torch.stack([q.argmax(-1) for q in self._branches(self.network, observations)], dim=-1)
        if not explore:
            return best
        uniform = torch.rand((2, *best.shape), generator=self.generator, device=self.device)
        random = (uniform[1] * torch.tensor(self.sizes, device=self.device)).long()
        return torch.where(uniform[0] < explore, random, best)

    def _env_actions(self, actions: Tensor) -> Tensor:
        return actions if len(self.sizes) > 1 else actions[..., 0]


class Replay:
    """The last `capacity` joint transitions: observations `(s, d)`, actions `(s, components)` and rewards `(s,)`."""

    def __init__(self, capacity: int, shape: torch.Size, components: int, device: Any) -> None:
        self.before, self.reached = torch.empty((2, capacity, *shape), device=device)
        self.actions = torch.empty((capacity, shape[0], components), dtype=torch.long, device=device)
        self.rewards = torch.empty((capacity, shape[0]), device=device)
        self.capacity, self.added = capacity, 0

    def add(self, before: Tensor, actions: Tensor, rewards: Tensor, reached: Tensor) -> None:
        """Add one transition of every row, in the place of the oldest."""
        place = (self.added + torch.arange(len(before), device=before.device)) % self.capacity
        self.before[place], self.reached[place] = before, reached
        self.actions[place], self.rewards[place] = actions, rewards
        self.added += len(before)

    def sample(self, rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Transitions drawn uniformly, with replacement."""
        count = min(self.added, self.capacity)
        chosen = torch.randint(count, (rows,), generator=generator, device=self.rewards.device)
        return self.before[chosen], self.actions[chosen], self.rewards[chosen], self.reached[chosen]

    def get_state(self) -> dict[str, Any]:
        """The transitions there are."""
        count = min(self.added, self.capacity)
        parts = {name: getattr(self, name)[:count] for name in ("before", "reached", "actions", "rewards")}
        return parts | {"added": self.added}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`."""
        self.added = state["added"]
        for name in ("before", "reached", "actions", "rewards"):
            getattr(self, name)[: len(state[name])] = state[name]
