"""Proximal policy optimisation with a memory, for markets in which a provider does not see all that matters.

Policies and critics remember what their provider has seen since the episode began. Sequences are as long as the
horizon, and minibatches are made of whole markets, at least one each; everything else is `PPO`.

Source: Ni, Eysenbach and Salakhutdinov 2022, arXiv:2110.05038 (separate memories of policy and critic, and the present
observation beside them).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from agents.hyperparameters import RecurrentPPOConfig
from agents.parts.policy_gradient import generalised_advantages, standardised
from agents.parts.recurrent import StackedGRU
from agents.ppo import PPO
from ttc_env import VectorMarket
from ttc_env.observing import layout


class RecurrentPPO(PPO):
    """Trains all providers of a `VectorMarket` (backend torch, autoreset `same_step`), each with a memory of its own.

    Args:
        env: the markets; the learner resets them with `seed`.
        total_steps: agent steps over which learning rate and entropy bonus decay to zero.
        seed: of the networks, the actions, the minibatches and the markets.
        config: hyper-parameters.

    Raises:
        ValueError: what `PPO` raises, or one network for all.
    """

    resumes: ClassVar[tuple[str, ...]] = (*PPO.resumes, "memories")
    remembers: ClassVar[bool] = True
    takes_seeds: ClassVar[bool] = False
    Config = RecurrentPPOConfig

    def __init__(
        self, env: VectorMarket, total_steps: int, seed: int = 0, config: RecurrentPPOConfig | None = None
    ) -> None:
        config = config or RecurrentPPOConfig()
        if config.shared:
            raise ValueError("shared=True is of PPO; here every provider has networks and a memory of its own")
        config = replace(config, minibatches=min(config.minibatches, env.num_markets))
        super().__init__(env, total_steps, seed, config)
        self.memories = [network.empty(env.num_markets) for network in (self.policy, self.critic)]
        self._acting: Tensor | None = None  # what is remembered of the play that `act` is asked about

    def _network(self, inputs: int, outputs: int, gain: float, generator: torch.Generator) -> Any:
        return StackedGRU(self.copies, inputs, self.config.memory, [*self.config.hidden, outputs], gain, generator)

    def enter(self, env: Any) -> None:
        """Forget the play that `act` was asked about."""
        self._acting = None

    @torch.no_grad()
    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for the next observations `(B, n, d)` of the same `B` markets; a new episode empties the memory."""
        seen = self._tensor(observations)
        if self._acting is None or self._acting.shape[1] != len(seen):
            self._acting = self.policy.empty(len(seen))
        outputs, self._acting = self._step(self.policy, seen, self._acting)
        if greedy:
            return self._env_actions(self.distribution.mode(outputs)).cpu().numpy()
        uniform = torch.rand(
            (*outputs.shape[:-1], self.components), generator=self.generators[0], device=self.device
        )  # fmt: skip
        return self._env_actions(self.distribution.sample(outputs, uniform)).cpu().numpy()

    @torch.no_grad()
    def _collect(self) -> dict[str, Tensor]:
        """A rollout as tensors `(n, B, T, ...)`, markets in random order, and the memories at its begin."""
        horizon, generator = self.config.horizon, self.generators[0]
        before = [memory.clone() for memory in self.memories]
        steps: dict[str, list[Tensor]] = {name: [] for name in ("observations", "outputs", "actions", "rewards")}
        values, following, ended = [], [], []
        for _ in range(horizon):
            steps["observations"].append(self.observations.clone())  # the markets write into it
            outputs, self.memories[0] = self._step(self.policy, self.observations, self.memories[0])
            value, self.memories[1] = self._step(self.critic, self.observations, self.memories[1])
            uniform = torch.rand((*outputs.shape[:2], self.components), generator=generator, device=self.device)
            actions = self.distribution.sample(outputs, uniform)
            seen, rewards, _, truncated, info = self.env.step(self._env_actions(actions))
            self.observations = self._tensor(seen)
            for name, part in (("outputs", outputs), ("actions", actions), ("rewards", self._tensor(rewards).clone())):
                steps[name].append(part)
            final = info.get("final_obs")
            after = self.observations if final is None else self._final(truncated, final)
            following.append(self._step(self.critic, after, self.memories[1])[0][..., 0])
            values.append(value[..., 0])
            ended.append(torch.as_tensor(truncated, device=self.device)[:, None].expand(rewards.shape))
        played = {name: torch.stack(parts) for name, parts in steps.items()}
        worth = torch.stack(values)
        advantages = generalised_advantages(
            played["rewards"], worth, torch.stack(following), torch.stack(ended), self.config.gamma,
            self.config.gae_lambda,
        )  # fmt: skip
        log_probs, _ = self.distribution.log_prob_and_entropy(played["outputs"], played["actions"])
        batch = {
            "observations": played["observations"],
            "actions": played["actions"],
            "log_probs": log_probs,
            "advantages": standardised(advantages),
            "returns": advantages + worth,
        }
        order = torch.randperm(self.env.num_markets, generator=generator, device=self.device)
        sequences = {name: value.transpose(0, 2)[:, order] for name, value in batch.items()}
        return sequences | {f"memory {k}": memory[:, order] for k, memory in enumerate(before)}

    def _optimize(self, batch: dict[str, Tensor], left: float) -> dict[str, Tensor]:
        """One optimiser step on the sequences of some markets."""
        seen = batch["observations"]
        fresh = self._fresh(seen)
        outputs, _ = self.policy(seen, fresh, batch["memory 0"])
        values, _ = self.critic(seen, fresh, batch["memory 1"])
        flat = {name: batch[name].flatten(1, 2) for name in ("actions", "log_probs", "advantages", "returns")}
        return self._improve(outputs.flatten(1, 2), values.flatten(1, 2)[..., 0], flat, left)

    def _step(self, network: StackedGRU, observations: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs `(B, n, ...)` for observations `(B, n, d)`, and the memory `(n, B, memory)` after them."""
        seen = observations.transpose(0, 1)[:, :, None]
        outputs, memory = network(seen, self._fresh(seen), memory)
        return outputs[:, :, 0].transpose(0, 1), memory

    def _fresh(self, seen: Tensor) -> Tensor:
        """Where an episode begins."""
        return layout(self.env.game).read(seen, "played")[..., 0] == 0

    def _final(self, truncated: Tensor, final: Tensor) -> Tensor:
        """What was seen after the period: the last of an episode where one has ended."""
        return torch.where(truncated[:, None, None], self._tensor(final), self.observations)
