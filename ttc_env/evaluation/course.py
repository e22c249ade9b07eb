"""What a task is judged in: a test market with everything that does not depend on the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ttc_env.envs.vector import VectorMarket
from ttc_env.evaluation.tasks import Task
from ttc_env.market import Market
from ttc_env.mechanisms import make_mechanism
from ttc_env.mixtures import Mixture

Act = Callable[..., Any]
Enter = Callable[[VectorMarket], Any]
Figures = dict[str, float]


def against_rivals(profit: np.ndarray, best: np.ndarray, random: np.ndarray, matters: np.ndarray) -> Figures:
    """`held_out_opponents` and `rival_regret` from what a policy, best responses and random actions earn in each seat.

    Args:
        profit: against each rival, USD, `(rivals, n)`; so `best` and `random`.
        best: see `profit`.
        random: see `profit`.
        matters: where actions earn different profits, `(rivals, n)`.
    """
    if not matters.any():
        return {}
    gained = (profit - random)[matters] / (best - random)[matters]
    figures = {"held_out_opponents": float(np.maximum(0.0, gained).mean())}
    if best.sum() > 0:
        figures["rival_regret"] = float(np.maximum(0.0, best - profit).sum() / best.sum())
    return figures


class Course:
    """A test market of a task; what is the same for every policy is computed when first needed.

    Args:
        task: of which it is.
        name: of the market.
    """

    def __init__(self, task: Task, name: str) -> None:
        self.task, self.name = task, name
        self.market: Market | Mixture = task.market(name)
        self.mechanism = make_mechanism(task.mechanism)
        self._envs: dict[int, VectorMarket] = {}

    def env(self, num_markets: int, enter: Enter | None) -> VectorMarket:
        """Copies of the market, which the policy is told of."""
        if num_markets not in self._envs:
            self._envs[num_markets] = self.task.make_test_env(self.name, num_markets)
        env = self._envs[num_markets]
        if enter is not None:
            enter(env)
        return env

    def greedy(self, act: Act, enter: Enter | None, seed: int, periods: int) -> Figures:
        """Figures of the greedy play."""
        raise NotImplementedError

    def explored(self, act: Act, enter: Enter | None, seed: int) -> Figures:
        """Figures of the exploring play; by default none."""
        return {}

    def held_out(self, act: Act, enter: Enter | None, seed: int) -> Figures:
        """Figures of the greedy play against others that it never met; by default none."""
        return {}

    def freeze(self, act: Act, enter: Enter | None, seed: int) -> np.ndarray:
        """What is kept of the policy for `cross_play`."""
        raise NotImplementedError

    def cross_play(self, players: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
        """How well each player does in one seat with another in all others, `(N, N)`; see `frozen.cross_play`.

        Args:
            players: by name what `freeze` kept of each of its runs.

        Raises:
            Unanswered: there is no exact answer here.
        """
        raise NotImplementedError
