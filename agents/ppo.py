"""Proximal policy optimisation for all providers of a market at once.

Every provider has a policy and a value network of its own (or all share one), stacked so that one optimiser step
trains them all. Advantages are normalised per provider, because profits differ by orders of magnitude between
providers, and bootstrapped through the truncation of an episode, because the market goes on.

Source: Schulman et al. 2017, arXiv:1707.06347; independent learners as in de Witt et al. 2020, arXiv:2011.09533.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

from agents.hyperparameters import PPOConfig
from agents.parts.distributions import Categoricals, Gaussian
from agents.parts.networks import StackedMLP, clip_each
from agents.parts.policy_gradient import clipped_gain, generalised_advantages, squared_error, standardised
from ttc_env import VectorMarket


class PPO:
    """Trains all providers of a `VectorMarket` (backend torch, autoreset `same_step`).

    Args:
        env: the markets; the learner resets them with `seed`.
        total_steps: agent steps over which learning rate and entropy bonus decay to zero.
        seed: of the networks, the actions, the minibatches and the markets.
        config: hyper-parameters.
    """

    env_options = {"backend": "torch", "copy": False}  # noqa: RUF012
    Config = PPOConfig

    def __init__(self, env: VectorMarket, total_steps: int, seed: int = 0, config: PPOConfig | None = None) -> None:
        config = config or PPOConfig()
        if env.autoreset != "same_step":
            raise ValueError(f"PPO bootstraps from final_obs; it needs autoreset 'same_step', got {env.autoreset!r}")
        _check_rows(env, config)
        self.env, self.config, self.total_steps = env, config, total_steps
        self.steps = 0
        space = env.single_action_space
        self.distribution = (
            Gaussian(space.shape[0])
            if isinstance(space, gymnasium.spaces.Box)
            else Categoricals(getattr(space, "nvec", [getattr(space, "n", 0)]))
        )
        self.components = 1 if not space.shape else space.shape[0]
        self.observations = self._tensor(env.reset(seed=seed)[0])
        self.device = self.observations.device
        self.generator = torch.Generator(device=self.device).manual_seed(seed + 1)
        weights = torch.Generator().manual_seed(seed)
        copies = 1 if config.shared else env.num_providers
        inputs = self.observations.shape[-1]
        self.policy = StackedMLP(copies, [inputs, *config.hidden, self.distribution.num_outputs], 0.01, weights)
        seen = self.critic_inputs(self.observations).shape[-1]
        self.critic = StackedMLP(copies, [seen, *config.hidden, 1], 1.0, weights)
        self.policy.to(self.device), self.critic.to(self.device)
        self.parameters = [*self.policy.parameters(), *self.critic.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate, eps=1e-5, fused=True)

    @property
    def steps_per_update(self) -> int:
        """Agent steps between updates: horizon x markets x providers."""
        return self.config.horizon * self.env.num_markets * self.env.num_providers

    def update(self) -> dict[str, float]:
        """Play `horizon` periods and learn from them; returns losses and diagnostics, means over the update."""
        batch = self._collect()
        left = max(0.0, 1 - self.steps / self.total_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * left
        self.steps += self.steps_per_update
        rows = batch["advantages"].shape[1]
        sums: dict[str, Tensor] = {}
        for _ in range(self.config.epochs):
            for part in range(self.config.minibatches):
                chosen = slice(part * rows // self.config.minibatches, (part + 1) * rows // self.config.minibatches)
                for name, value in self._optimize({k: v[:, chosen] for k, v in batch.items()}, left).items():
                    sums[name] = sums.get(name, 0) + value
        count = self.config.epochs * self.config.minibatches
        return {name: float(value) / count for name, value in sums.items()} | {
            "learning_rate": self.config.learning_rate * left
        }

    def critic_inputs(self, observations: Tensor) -> Tensor:
        """What each provider's critic sees of the observations `(..., n, d)` of all providers: its own."""
        return observations

    @torch.no_grad()
    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, n, d)`: sampled, or the most probable ones."""
        outputs = self._by_provider(self.policy, self._tensor(observations))
        if greedy:
            return self._env_actions(self.distribution.mode(outputs)).cpu().numpy()
        uniform = torch.rand((*outputs.shape[:-1], self.components), generator=self.generator, device=self.device)
        return self._env_actions(self.distribution.sample(outputs, uniform)).cpu().numpy()

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimiser and progress."""
        return {
            "policy": self.policy.state_dict(),
            "critic": self.critic.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.policy.load_state_dict(state["policy"])
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]

    @torch.no_grad()
    def _collect(self) -> dict[str, Tensor]:
        """A rollout as tensors `(copies, rows, ...)`: rows are periods x markets (x providers if shared)."""
        horizon, shape = self.config.horizon, self.observations.shape[:2]
        observations = torch.empty((horizon, *self.observations.shape), device=self.device)
        uniform = torch.rand((horizon, *shape, self.components), generator=self.generator, device=self.device)
        outputs, actions, rewards, final_values, ended = [], [], [], [], []
        for t in range(horizon):
            observations[t] = self.observations
            outputs.append(self._by_provider(self.policy, self.observations))
            actions.append(self.distribution.sample(outputs[t], uniform[t]))
            following, reward, _, truncated, info = self.env.step(self._env_actions(actions[t]))
            self.observations = self._tensor(following)
            rewards.append(self._tensor(reward))
            ended.append(torch.as_tensor(truncated, device=self.device)[:, None])
            final = info.get("final_obs")
            final_values.append(None if final is None else self._values(self._tensor(final))[0])
        values, seen = self._values(torch.cat([observations, self.observations[None]]))
        following = torch.stack(
            [
                values[t + 1] if final is None else torch.where(ended[t], final, values[t + 1])
                for t, final in enumerate(final_values)
            ]
        )
        advantages = generalised_advantages(
            torch.stack(rewards), values[:-1], following, torch.stack(ended), self.config.gamma, self.config.gae_lambda
        )
        actions = torch.stack(actions)
        log_probs, _ = self.distribution.log_prob_and_entropy(torch.stack(outputs), actions)
        batch = {
            "observations": observations,
            "critic_inputs": seen[:-1],
            "actions": actions,
            "log_probs": log_probs,
            "advantages": standardised(advantages),
            "returns": advantages + values[:-1],
        }
        order = torch.randperm(horizon * shape[0], generator=self.generator, device=self.device)
        return {name: self._rows(value, order) for name, value in batch.items()}

    def _optimize(self, batch: dict[str, Tensor], left: float) -> dict[str, Tensor]:
        """One optimiser step; losses are means over rows, summed over the stacked networks."""
        config = self.config
        log_probs, entropy = self.distribution.log_prob_and_entropy(
            self.policy(batch["observations"]), batch["actions"]
        )
        values = self.critic(batch["critic_inputs"])[..., 0]
        log_ratio = log_probs - batch["log_probs"]
        ratio = log_ratio.exp()
        policy_loss = -clipped_gain(ratio, batch["advantages"], config.clip).mean(dim=1)
        value_loss = squared_error(values, batch["returns"])
        entropy = entropy.mean(dim=1)
        loss = (policy_loss + config.value * value_loss - config.entropy * left * entropy).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norms = clip_each(self.parameters, config.max_grad_norm)
        self.optimizer.step()
        with torch.no_grad():
            return {
                "policy_loss": policy_loss.mean(),
                "value_loss": value_loss.mean(),
                "entropy": entropy.mean(),
                "approx_kl": ((ratio - 1) - log_ratio).mean(),
                "clipfrac": ((ratio - 1).abs() > config.clip).float().mean(),
                "grad_norm": norms.mean(),
            }

    def _values(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Values `(..., n)` of the observations of all providers, and what the critic saw."""
        seen = self.critic_inputs(observations)
        return self._by_provider(self.critic, seen)[..., 0], seen

    def _by_provider(self, network: nn.Module, observations: Tensor) -> Tensor:
        """Apply each provider's network to its column of `(..., n, d)`."""
        lead = observations.shape[:-1]
        if self.config.shared:
            return network(observations.reshape(1, -1, observations.shape[-1])).reshape(*lead, -1)
        rows = observations.reshape(-1, *observations.shape[-2:]).transpose(0, 1)
        return network(rows).transpose(0, 1).reshape(*lead, -1)

    def _rows(self, values: Tensor, order: Tensor) -> Tensor:
        """`(horizon, B, n, ...)` to `(copies, rows, ...)`, shuffled, so that minibatches are slices."""
        rows = values.flatten(0, 1)[order]
        return rows.flatten(0, 1)[None] if self.config.shared else rows.transpose(0, 1).contiguous()

    def _env_actions(self, actions: Tensor) -> Tensor:
        if isinstance(self.distribution, Gaussian):
            return actions.clamp(-1.0, 1.0)
        return actions if self.env.single_action_space.shape else actions[..., 0]

    def _tensor(self, values: Any) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32)


def _check_rows(env: VectorMarket, config: PPOConfig) -> None:
    """Refuse batches too small for a deviation of advantages, or for a row in every minibatch."""
    periods = config.horizon * env.num_markets
    if periods < 2 or periods * (env.num_providers if config.shared else 1) < config.minibatches:
        raise ValueError(
            f"horizon x num_markets = {config.horizon} x {env.num_markets} is too small a batch: at least 2, and a row "
            f"for each of {config.minibatches} minibatches, are needed"
        )
