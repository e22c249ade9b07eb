"""REINFORCE with a learnt baseline, for all providers at once.

Source: Williams 1992; the baseline as in Sutton and Barto 2018, section 13.4.
"""

from __future__ import annotations

import math
from typing import Any

from agents.hyperparameters import PPOConfig, REINFORCEConfig
from agents.ppo import PPO


class REINFORCE(PPO):
    """The gradient of `log pi(a) * (return - baseline)`, one step on all periods collected.

    It is `PPO` with one step per rollout: the probability ratio is then one, nothing is clipped, and its gradient is
    that of the log probability. With `gae_lambda = 1` the advantage is the discounted return less the value. The market
    goes on where a rollout is cut or an episode truncated, so the rest of the return is the baseline's estimate.

    Args:
        env: as of `PPO`.
        total_steps: agent steps over which learning rate and entropy bonus decay to zero.
        seed: of the networks, the actions and the markets.
        config: hyper-parameters.
    """

    Config = REINFORCEConfig  # type: ignore[assignment]

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: REINFORCEConfig | None = None) -> None:
        given = vars(config or REINFORCEConfig())
        one_step = PPOConfig(epochs=1, minibatches=1, gae_lambda=1.0, clip=math.inf, **given)
        super().__init__(env, total_steps, seed, one_step)
