"""PPO with a centralised critic: values are learnt from what all providers see, actions from a provider's own view.

Source: Yu et al. 2022, arXiv:2103.01955, section 3, the agent-specific global state without repeated features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.ppo import PPO
from ttc_env.observing import layout


class MAPPO(PPO):
    """`PPO` whose critics see their provider's observation and the own part of everybody's.

    Together that is the whole global state of the learning providers, `env.state()` and no more. It is computed from
    the joint observations, so that it is there at the truncation of an episode as well.
    """

    def critic_inputs(self, observations: Tensor) -> Tensor:
        """`(..., n, d)` to `(..., n, d + n own)`: each provider's observation, then the own parts of all in order."""
        everybody = observations[..., : layout(self.env.game).own_size].flatten(-2)
        spread = everybody[..., None, :].expand(*observations.shape[:-1], -1)
        return torch.cat([observations, spread], dim=-1)
