"""Proximal policy optimisation for all providers of a market at once.

Every provider has a policy and a value network of its own (or all share one), stacked so that one optimiser step
trains them all. Advantages are normalised per provider, because profits differ by orders of magnitude between
providers, and bootstrapped through the truncation of an episode, because the market goes on.

Source: Schulman et al. 2017, arXiv:1707.06347; independent learners as in de Witt et al. 2020, arXiv:2011.09533.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

from agents.hyperparameters import PPOConfig
from agents.parts.adam import Adam
from agents.parts.distributions import Categoricals, Gaussian
from agents.parts.networks import StackedMLP, clip_each
from agents.parts.patience import settle
from agents.parts.policy_gradient import clipped_gain, generalised_advantages, squared_error, standardised
from ttc_env import VectorMarket
from ttc_env.checks import whole


class PPO:
    """Trains all providers of a `VectorMarket` (backend torch, autoreset `same_step`).

    Several seeds make as many runs that learn side by side, none of which knows of the others: each plays its own
    part of the markets, with networks and streams of chance of its own, and learns what it would learn alone, to the
    last bit (`alike_together`) or but for rounding. `update_runs` tells of all of them, and `run` gives one.

    Args:
        env: the markets; the learner resets them with `seed`. Several runs share them in equal parts.
        total_steps: agent steps of a run over which learning rate and entropy bonus decay to zero.
        seed: of the networks, the actions, the minibatches and the markets; or one for each run.
        config: hyper-parameters.
    """

    env_options = {"backend": "torch", "copy": False}  # noqa: RUF012
    resumes: ClassVar[tuple[str, ...]] = ("generators", "observations")
    takes_seeds: ClassVar[bool] = True
    Config = PPOConfig

    @staticmethod
    def alike_together(config: PPOConfig, num_providers: int) -> bool:
        """Whether runs side by side learn to the last bit what each would learn alone; others but for rounding.

        A single matrix, and matrices that begin at odd addresses, are multiplied in another order by themselves.
        """
        return num_providers > 1 and not config.shared and all(width % 4 == 0 for width in config.hidden)

    def __init__(
        self, env: VectorMarket, total_steps: int, seed: int | Sequence[int] = 0, config: PPOConfig | None = None
    ) -> None:
        config = settle(config or PPOConfig(), env.game, {"gamma": 0.9, "epochs": 1}, {"gamma": 0.95, "epochs": 4})
        seeds = list(seed) if isinstance(seed, Sequence) else [seed]
        self.runs = len(seeds)
        if not seeds or env.num_markets % len(seeds):
            raise ValueError(f"each run plays as many markets, got {len(seeds)} seeds and {env.num_markets} markets")
        if env.autoreset != "same_step":
            raise ValueError(f"PPO bootstraps from final_obs; it needs autoreset 'same_step', got {env.autoreset!r}")
        _check_rows(env, config, self.runs)
        self.config: Any = config  # settled: no field is None
        self.env: Any = env
        self.total_steps = total_steps
        self.steps = 0
        space = env.single_action_space
        self.distribution = (
            Gaussian(space.shape[0])
            if isinstance(space, gymnasium.spaces.Box)
            else Categoricals(getattr(space, "nvec", [getattr(space, "n", 0)]))
        )
        self.components = 1 if not space.shape else space.shape[0]
        for one in seeds:
            whole("seed", one, least=0)
        env.uniform.seed_parts(seeds)
        observations = self._tensor(env.reset()[0])
        self.observations = self._aside(observations)
        self.device = self.observations.device
        self.generators = [torch.Generator(device=self.device).manual_seed(one + 1) for one in seeds]
        self.copies = 1 if config.shared else env.num_providers
        inputs, seen = observations.shape[-1], self.critic_inputs(observations).shape[-1]
        policies, critics = [], []
        for weights in (torch.Generator().manual_seed(one) for one in seeds):
            policies.append(self._network(inputs, self.distribution.num_outputs, 0.01, weights))
            critics.append(self._network(seen, 1, 1.0, weights))
        self.policy: Any = policies[0] if self.runs == 1 else StackedMLP.joined(policies)
        self.critic: Any = critics[0] if self.runs == 1 else StackedMLP.joined(critics)
        self.policy.to(self.device), self.critic.to(self.device)
        self.parameters = [*self.policy.parameters(), *self.critic.parameters()]
        self.optimizer = Adam(self.parameters, config.learning_rate, eps=1e-5)

    def _network(self, inputs: int, outputs: int, gain: float, generator: torch.Generator) -> Any:
        """The networks of all providers of a run, `copies` of them."""
        return StackedMLP(self.copies, [inputs, *self.config.hidden, outputs], gain, generator)

    @property
    def steps_per_update(self) -> int:
        """Agent steps of a run between updates: horizon x markets x providers."""
        return self.config.horizon * self.env.num_markets // self.runs * self.env.num_providers

    def update(self) -> dict[str, float]:
        """Play `horizon` periods and learn from them; returns losses and diagnostics, means over the update.

        Of several runs, those of the first.
        """
        return self.update_runs()[0]

    def update_runs(self) -> list[dict[str, float]]:
        """`update` of every run, each with its own losses and diagnostics."""
        batch = self._collect()
        left = max(0.0, 1 - self.steps / self.total_steps)
        self.optimizer.learning_rate = self.config.learning_rate * left
        self.steps += self.steps_per_update
        rows = batch["advantages"].shape[1]
        sums: dict[str, Tensor] = {}
        for _ in range(self.config.epochs):
            for part in range(self.config.minibatches):
                chosen = slice(part * rows // self.config.minibatches, (part + 1) * rows // self.config.minibatches)
                for name, value in self._optimize({k: v[:, chosen] for k, v in batch.items()}, left).items():
                    sums[name] = sums.get(name, 0) + value
        count = self.config.epochs * self.config.minibatches
        told = {name: (value / count).tolist() for name, value in sums.items()}
        rate = {"learning_rate": self.config.learning_rate * left}
        return [{name: values[run] for name, values in told.items()} | rate for run in range(self.runs)]

    def run(self, index: int) -> PPO:
        """One of the runs as it stands, to act and to be saved as it would be alone; its networks go on learning."""
        own, some = copy.copy(self), slice(index * self.copies, (index + 1) * self.copies)
        own.runs, own.generators = 1, [self.generators[index]]
        own.env = _PartOfMarkets(self.env, index, self.runs)
        own.observations = self.observations.unflatten(1, (self.runs, -1))[:, index]
        own.policy, own.critic = self.policy.copies(some), self.critic.copies(some)
        own.optimizer = self.optimizer.part(some)
        return own

    def critic_inputs(self, observations: Tensor) -> Tensor:
        """What each provider's critic sees of the observations `(..., n, d)` of all providers: its own."""
        return observations

    @torch.no_grad()
    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, n, d)`, equal parts of each run: sampled, or the most probable ones."""
        outputs = self._by_provider(self.policy, self._aside(self._tensor(observations)))
        if greedy:
            return self._env_actions(self._below(self.distribution.mode(outputs))).cpu().numpy()
        shape = (len(outputs), outputs.shape[1] // self.runs, self.components)
        uniform = torch.cat([torch.rand(shape, generator=g, device=self.device) for g in self.generators], dim=1)
        return self._env_actions(self._below(self.distribution.sample(outputs, uniform))).cpu().numpy()

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
        """A rollout as tensors `(copies, rows, ...)`: rows are periods x markets (x providers if shared).

        The providers of all runs are columns side by side: `(B, n)` below is markets of a run x providers of all runs.
        """
        horizon, shape = self.config.horizon, self.observations.shape[:2]
        own = (horizon, shape[0], self.env.num_providers, self.components)
        observations = torch.empty((horizon + 1, *self.observations.shape), device=self.device)
        uniform = torch.cat([torch.rand(own, generator=g, device=self.device) for g in self.generators], dim=2)
        outputs, actions, rewards, final_values, ended = [], [], [], [], []
        for t in range(horizon):
            observations[t] = self.observations
            outputs.append(self.policy(self._apart(self.observations)))
            actions.append(self.distribution.sample(outputs[t], self._apart(uniform[t])))
            played = self._beside(actions[t], shape).contiguous()  # else the markets round in another order
            following, reward, _, truncated, info = self.env.step(self._env_actions(self._below(played)))
            self.observations = self._aside(self._tensor(following))
            rewards.append(self._aside(self._tensor(reward)))
            ended.append(self._aside(torch.as_tensor(truncated, device=self.device)[:, None].expand(reward.shape)))
            final = info.get("final_obs")
            final_values.append(None if final is None else self._values(self._aside(self._tensor(final)))[0])
        observations[horizon] = self.observations
        values, seen = self._values(observations)
        following = torch.stack(
            [
                values[t + 1] if final is None else torch.where(ended[t], final, values[t + 1])
                for t, final in enumerate(final_values)
            ]
        )
        advantages = generalised_advantages(
            torch.stack(rewards), values[:-1], following, torch.stack(ended), self.config.gamma, self.config.gae_lambda
        )
        log_probs, _ = self.distribution.log_prob_and_entropy(torch.stack(outputs), torch.stack(actions))
        batch: dict[str, Tensor] = {
            "observations": observations[:-1],
            "actions": torch.stack([self._beside(part, shape) for part in actions]),
            "log_probs": torch.stack([self._beside(part, shape) for part in log_probs]),
            "advantages": standardised(advantages),
            "returns": advantages + values[:-1],
        }
        if seen is not None:
            batch["critic_inputs"] = seen[:-1]
        rows = self._shuffled(horizon * shape[0])
        return {k: v.flatten(0, 2).index_select(0, rows.flatten()).unflatten(0, rows.shape) for k, v in batch.items()}

    def _optimize(self, batch: dict[str, Tensor], left: float) -> dict[str, Tensor]:
        """One optimiser step."""
        seen = batch["observations"]
        values = self.critic(batch.get("critic_inputs", seen))[..., 0]
        return self._improve(self.policy(seen), values, batch, left)

    def _improve(self, outputs: Tensor, values: Tensor, batch: dict[str, Tensor], left: float) -> dict[str, Tensor]:
        """One optimiser step from what the networks say, `(copies, rows, ...)`; losses are means over rows, summed."""
        config = self.config
        log_probs, entropy = self.distribution.log_prob_and_entropy(outputs, batch["actions"])
        log_ratio = log_probs - batch["log_probs"]
        ratio = log_ratio.exp()
        policy_loss = -clipped_gain(ratio, batch["advantages"], config.clip).mean(dim=1)
        value_loss = squared_error(values, batch["returns"])
        entropy = entropy.mean(dim=1)
        loss = (policy_loss + config.value * value_loss - config.entropy * left * entropy).sum()
        self.optimizer.clear()
        loss.backward()
        norms = clip_each(self.parameters, config.max_grad_norm)
        self.optimizer.step()
        with torch.no_grad():
            return {
                "policy_loss": self._means(policy_loss),
                "value_loss": self._means(value_loss),
                "entropy": self._means(entropy),
                "approx_kl": self._means((ratio - 1) - log_ratio),
                "clipfrac": self._means(((ratio - 1).abs() > config.clip).float()),
                "grad_norm": self._means(norms),
            }

    def _means(self, values: Tensor) -> Tensor:
        """The mean of what the networks `(copies, ...)` of each run have."""
        return values.reshape(self.runs, -1).mean(dim=1)

    def _values(self, observations: Tensor) -> tuple[Tensor, Tensor | None]:
        """Values `(..., n)` of the observations of all providers; and what the critic saw, if it is something else."""
        each = observations.unflatten(-2, (self.runs, -1))
        inputs = self.critic_inputs(each)
        if inputs is each:
            return self._by_provider(self.critic, observations)[..., 0], None
        inputs = inputs.flatten(-3, -2)
        return self._by_provider(self.critic, inputs)[..., 0], inputs

    def _by_provider(self, network: nn.Module, observations: Tensor) -> Tensor:
        """Apply each provider's network to its column of `(..., n, d)`."""
        lead = observations.shape[:-1]
        rows = observations.reshape(-1, *observations.shape[-2:])
        return self._beside(network(self._apart(rows)), rows.shape).reshape(*lead, -1)

    def _apart(self, columns: Tensor) -> Tensor:
        """What each network is given of `(rows, runs x n, ...)`: `(copies, rows, ...)`, or `(runs, rows x n, ...)`."""
        if self.config.shared:
            return columns.unflatten(1, (self.runs, -1)).transpose(0, 1).flatten(1, 2)
        return columns.transpose(0, 1)

    def _beside(self, outputs: Tensor, shape: Sequence[int]) -> Tensor:
        """Back from `_apart` to `(rows, runs x n, ...)`, whose shape begins so."""
        if self.config.shared:
            return outputs.unflatten(1, (shape[0], -1)).transpose(0, 1).flatten(1, 2)
        return outputs.transpose(0, 1)

    def _shuffled(self, count: int) -> Tensor:
        """Where the rows of the networks stand in `(count x runs x n)`, `_apart`, those of each run in its own order.

        Minibatches are slices of them.
        """
        order = torch.stack([torch.randperm(count, generator=g, device=self.device) for g in self.generators], dim=1)
        columns = torch.arange(self.runs * self.env.num_providers, device=self.device).unflatten(0, (self.runs, -1))
        return self._apart((order[:, :, None] * columns.numel() + columns).flatten(1, 2))

    def _aside(self, values: Tensor) -> Tensor:
        """`(runs x B, n, ...)` of the markets to `(B, runs x n, ...)`: the runs side by side."""
        return values if self.runs == 1 else values.unflatten(0, (self.runs, -1)).transpose(0, 1).flatten(1, 2)

    def _below(self, values: Tensor) -> Tensor:
        """Back from `_aside`: the runs below each other."""
        return values if self.runs == 1 else values.unflatten(1, (self.runs, -1)).transpose(0, 1).flatten(0, 1)

    def _env_actions(self, actions: Tensor) -> Tensor:
        if isinstance(self.distribution, Gaussian):
            return actions.clamp(-1.0, 1.0)
        return actions if self.env.single_action_space.shape else actions[..., 0]

    def _tensor(self, values: Any) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32)


class _PartOfMarkets:
    """The markets of one of several runs; for all but their number and state, those of all."""

    def __init__(self, env: VectorMarket, index: int, runs: int) -> None:
        self.env, self.index, self.num_markets = env, index, env.num_markets // runs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def get_state(self) -> dict[str, Any]:
        """As these markets alone would give it."""
        state, first = self.env.get_state(), self.index * self.num_markets
        rows = _rows(state["state"], slice(first, first + self.num_markets))
        return {"state": rows, "uniform": [state["uniform"][self.index]]}


def _rows(part: Any, some: slice) -> Any:
    """Some rows of an array, or of all arrays of a tuple."""
    if isinstance(part, tuple):
        return type(part)(*(_rows(inner, some) for inner in part))
    return None if part is None else part[some]


def _check_rows(env: VectorMarket, config: PPOConfig, runs: int) -> None:
    """Refuse batches too small for a deviation of advantages, or for a row in every minibatch."""
    markets = env.num_markets // runs
    periods = config.horizon * markets
    if periods < 2 or periods * (env.num_providers if config.shared else 1) < config.minibatches:
        raise ValueError(
            f"horizon x num_markets = {config.horizon} x {markets} is too small a batch: at least 2, and a row "
            f"for each of {config.minibatches} minibatches, are needed"
        )
