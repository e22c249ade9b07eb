"""The formulas of policy gradients as pure functions of tensors; time is the first axis, where there is one."""

from __future__ import annotations

import torch
from torch import Tensor


def generalised_advantages(
    rewards: Tensor, values: Tensor, following: Tensor, ended: Tensor, gamma: float, decay: float
) -> Tensor:
    """`A_t = delta_t + gamma decay A_{t+1}` with `delta_t = r_t + gamma V(s_{t+1}) - V(s_t)`, cut where episodes end.

    Args:
        rewards: `(T, ...)`.
        values: of the state in which each was earned, `(T, ...)`.
        following: of the state reached, `(T, ...)`; at the truncation of an episode that of its last state.
        ended: whether the episode was cut after the period, `(T, ...)` or broadcast to it.
        gamma: discount per period.
        decay: of the estimate, lambda.

    Source: Schulman, Moritz, Levine, Jordan and Abbeel 2016, arXiv:1506.02438, equation 16.
    """
    advantages = torch.empty_like(rewards)
    running = torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + gamma * following[t] - values[t]
        running = delta + gamma * decay * torch.where(ended[t], 0.0, running)
        advantages[t] = running
    return advantages


def standardised(advantages: Tensor) -> Tensor:
    """Advantages `(T, B, n)` with mean 0 and deviation 1 for each provider by itself, over all its `T B` rows.

    Each is summed in a row of its own, so that its rounding does not depend on how many stand beside it.
    """
    rows = advantages.flatten(0, 1).T.contiguous()
    rows = (rows - rows.mean(dim=1, keepdim=True)) / (rows.std(dim=1, keepdim=True) + 1e-8)
    return rows.T.unflatten(0, advantages.shape[:2])


def clipped_gain(ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """What a change of policy gains, and no more than `clip` of it: `min(r A, clip(r, 1 - clip, 1 + clip) A)`.

    Source: Schulman et al. 2017, arXiv:1707.06347, equation 7.
    """
    return torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


def squared_error(values: Tensor, returns: Tensor) -> Tensor:
    """Half the squared error of the critics, mean over the last axis."""
    return 0.5 * ((values - returns) ** 2).mean(dim=-1)
