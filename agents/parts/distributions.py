"""Action distributions of a batch of policies, from the raw outputs of their networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax


class Categoricals:
    """Independent choices, one per component: a level, or a level, an ask and a claim.

    Args:
        sizes: number of choices in each component.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = list(sizes)
        self.num_outputs = sum(self.sizes)

    def _log_probs(self, outputs: Tensor) -> list[Tensor]:
        # along rows, of which there are many, arithmetic is ten times as fast as along few choices
        return [log_softmax(part.mT, dim=-2).mT for part in outputs.split(self.sizes, dim=-1)]

    def sample(self, outputs: Tensor, uniform: Tensor) -> Tensor:
        """Actions `(..., components)` by inversion of `uniform` draws `(..., components)`."""
        parts = []
        for k, log_probs in enumerate(self._log_probs(outputs)):
            below = log_probs.exp().cumsum(dim=-1) <= uniform[..., k, None]
            parts.append(below.sum(dim=-1).clamp(max=self.sizes[k] - 1))
        return torch.stack(parts, dim=-1)

    def mode(self, outputs: Tensor) -> Tensor:
        """The most probable action, `(..., components)`."""
        return torch.stack([part.argmax(dim=-1) for part in outputs.split(self.sizes, dim=-1)], dim=-1)

    def log_prob_and_entropy(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log probability of the actions and entropy of the policy, `(...)` each."""
        log_prob = entropy = torch.zeros(())
        for k, log_probs in enumerate(self._log_probs(outputs)):
            log_prob = log_prob + log_probs.gather(-1, actions[..., k, None])[..., 0]
            entropy = entropy - (log_probs.exp() * log_probs).sum(dim=-1)
        return log_prob, entropy


class Gaussian:
    """Independent normals for `Box` actions in [-1, 1]; the network gives mean and log standard deviation.

    Args:
        size: number of components.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.num_outputs = 2 * size

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = outputs.split(self.size, dim=-1)
        return mean, log_std.clamp(-5.0, 0.5)

    def sample(self, outputs: Tensor, uniform: Tensor) -> Tensor:
        """Actions `(..., components)` from `uniform` draws of this shape; not yet clipped to the box."""
        mean, log_std = self._split(outputs)
        return mean + log_std.exp() * torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))

    def mode(self, outputs: Tensor) -> Tensor:
        """The mean action, `(..., components)`."""
        return self._split(outputs)[0]

    def log_prob_and_entropy(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Log density of the actions and entropy of the policy, `(...)` each."""
        mean, log_std = self._split(outputs)
        squares = ((actions - mean) / log_std.exp()) ** 2
        constant = 0.5 * math.log(2 * math.pi)
        return -(0.5 * squares + log_std + constant).sum(dim=-1), (log_std + constant + 0.5).sum(dim=-1)
