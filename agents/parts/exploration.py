"""How likely a random action is as training goes on."""

from __future__ import annotations

from typing import Protocol


class Decay(Protocol):
    """The hyper-parameters of a linear decay, which a learner's own have among them."""

    @property
    def start(self) -> float:
        """Probability of a random action at the beginning."""

    @property
    def end(self) -> float:
        """Probability of a random action from `decay` on."""

    @property
    def decay(self) -> float:
        """Fraction of training over which it falls linearly."""


def epsilon(config: Decay, steps: int, total_steps: int) -> float:
    """Probability of a random action after `steps` of `total_steps`."""
    done = min(1.0, steps / (config.decay * total_steps)) if config.decay else 1.0
    return config.start + done * (config.end - config.start)
