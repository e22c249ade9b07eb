"""Whole actions as numbers, for learners that keep one entry for each of them."""

from __future__ import annotations

import gymnasium
import numpy as np


class FlatActions:
    """The actions of one provider numbered `0..size-1`: levels, or every combination of level, ask and claim.

    Args:
        space: of one provider.
        learner: who asks, for the error.

    Raises:
        ValueError: a space that is not finite.
    """

    def __init__(self, space: gymnasium.Space, learner: str) -> None:
        if not isinstance(space, gymnasium.spaces.Discrete | gymnasium.spaces.MultiDiscrete):
            raise ValueError(
                f"{learner} chooses among finitely many actions: levels, or bids with action_type='multi_discrete'; "
                f"got the space {space}"
            )
        self.sizes = tuple(int(size) for size in getattr(space, "nvec", [getattr(space, "n", 0)]))
        self.size = int(np.prod(self.sizes))
        self.components = len(self.sizes)

    def unflatten(self, index: np.ndarray) -> np.ndarray:
        """Actions of the environment, `(...)` levels or `(..., components)`, for numbers `(...)`."""
        return index if self.components == 1 else np.stack(np.unravel_index(index, self.sizes), axis=-1)
