"""Test markets in which no exact answer is known: the state is hidden, or there are too many states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from ttc_env.equilibrium import Unanswered
from ttc_env.evaluation.bounded import bounded_figures
from ttc_env.evaluation.course import Act, Course, Enter, Figures


class BoundedCourse(Course):
    """A market judged by what a trained response of each provider gains, at least.

    So `relative_nash_conv` is a lower bound, and `score` compares it with the same bound of random play: more may be
    left to gain than either says. Whom a policy meets, and who earns what against whom, is not worked out here.
    """

    def greedy(self, act: Act, enter: Enter | None, seed: int, periods: int) -> Figures:
        """Of the greedy play from the start; the plays are as long as the discount asks, whatever `periods` says."""
        found = bounded_figures(self.env(1, None), lambda seen: act(seen, greedy=True), enter, seed=seed)
        score = max(0.0, 1 - found["nash_conv"] / self.random_nash_conv)
        return {"score": score, "relative_nash_conv": found["relative_nash_conv"]}

    @cached_property
    def random_nash_conv(self) -> float:
        """The bound of uniformly random play, USD of a period."""
        env, generator = self.env(1, None), np.random.default_rng(0)
        space = env.single_action_space
        high = getattr(space, "nvec", getattr(space, "n", 0))

        def act(seen: np.ndarray) -> np.ndarray:
            return generator.integers(high, size=(*seen.shape[:2], *(space.shape or ())))

        return float(bounded_figures(env, act)["nash_conv"])

    def freeze(self, act: Act, enter: Enter | None, seed: int) -> np.ndarray:
        """Nothing."""
        return np.zeros(0)

    def cross_play(self, players: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
        """Not known here."""
        raise Unanswered("who earns what against whom is not worked out where gains are bounded and not known")
