"""The scale of rewards under random play, for learners that are sensitive to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ttc_env.arrays import as_numpy
from ttc_env.opponents import Random


def random_rewards(env: Any, periods: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each learning seat's reward when they act at random, `(s,)` each.

    It resets the markets with seed 0 and plays `periods` in each. A deviation of zero is given as one.
    """
    random = Random(env.game)
    observations, _ = env.reset(seed=0)
    rewards = []
    for _ in range(periods):
        actions = random(observations, env.record(), lambda shape: as_numpy(env.uniform(shape)))[:, env.seats]
        rewards.append(np.array(as_numpy(env.step(actions)[1])))
    deviation = np.std(rewards, axis=(0, 1))
    return np.mean(rewards, axis=(0, 1)), np.where(deviation > 0, deviation, 1.0)
