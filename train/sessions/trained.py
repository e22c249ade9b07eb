"""A session of any learner of `agents`, from its first period to the strategies it ends in.

Learners of this suite see the last period and no more. So what they have learnt is a table with a memory of one period,
and is asked the same exact questions as tabular Q-learning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agents import default_config, find_class, make_learner
from agents.compiled.q_learning import Session
from agents.parts import checks
from agents.together import side_by_side
from agents.training import advance
from ttc_env import VectorMarket
from ttc_env.checks import whole, within
from ttc_env.collusion import PayoffTable, Strategies
from ttc_env.equilibrium import StageGame
from ttc_env.evaluation.tabulating import tabulate
from ttc_env.observing import CURVES, USERS, layout
from ttc_env.scripting.threads import use_threads

SETTLED = 0.9
"""fraction of training; play is taken for converged if it ends as it was then"""


@dataclass(frozen=True)
class Training:
    """How long, and with which hyper-parameters, a learner of `agents` learns."""

    algorithm: str
    config: Any
    """hyper-parameters; a `gamma` among them is replaced by `discount`"""
    discount: float = 0.95
    steps: int = 500_000
    num_markets: int = 64
    max_cycles: int = 100
    memory: int = 1
    """0: nobody sees what was played"""
    learners: tuple[str, ...] = ()
    """its seats, if another algorithm has the others"""
    opponents: str = ""
    """that other algorithm, with its default hyper-parameters"""

    def __post_init__(self) -> None:
        for name in ("steps", "num_markets", "max_cycles"):
            whole(name, getattr(self, name))
        within("discount", self.discount, 0, 1, closed="left")
        checks.between(self, 0, 1, "memory")
        if hasattr(find_class(self.algorithm), "played"):
            raise ValueError(f"{self.algorithm} does not learn a table, and is not asked what it would do")

    def patient(self, config: Any) -> Any:
        """Hyper-parameters with the patience of the session."""
        return replace(config, gamma=self.discount) if hasattr(config, "gamma") else config


class Blind:
    """Markets whose providers do not see what was played: the record of last period is empty for ever."""

    def __init__(self, env: VectorMarket) -> None:
        self.env = env

    def __getattr__(self, name: str) -> Any:
        if name == "env":
            raise AttributeError(name)
        return getattr(self.env, name)

    def reset(self, *given: Any, **named: Any) -> tuple[Any, dict[str, Any]]:
        """Start new episodes."""
        observations, info = self.env.reset(*given, **named)
        return self.blank(observations), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Clear one period."""
        observations, *rest, info = self.env.step(actions)
        if "final_obs" in info:
            info["final_obs"] = self.blank(info["final_obs"])
        return self.blank(observations), rest[0], rest[1], rest[2], info

    def blank(self, observations: Any) -> Any:
        """Observations without the record, which is overwritten."""
        for name, place in layout(self.env.game).places.items():
            if name not in (*CURVES, USERS):
                observations[..., place] = 0
        return observations


def train_session(game: StageGame, payoffs: PayoffTable, training: Training, seed: int) -> Session:
    """Train a learner in every seat and write down what it has learnt.

    Raises:
        ValueError: the table is not that of all actions, or what the learner refuses.
    """
    use_threads(1)  # sessions share the cores

    def make_env(**options: Any) -> Any:
        env = VectorMarket(game.market, game.mechanism, training.num_markets, max_cycles=training.max_cycles, **options)
        return env if training.memory else Blind(env)

    count = training.steps
    learner: Any
    own = training.patient(training.config)
    if training.opponents:
        along = training.patient(default_config(training.opponents))
        learner = side_by_side(
            make_env, training.algorithm, own, training.learners, training.opponents, count, seed, along
        )
    else:
        learner = make_learner(training.algorithm, make_env, count, seed, config=own)
    try:
        return _learn(learner, VectorMarket(game.market, game.mechanism), payoffs, count)
    finally:
        getattr(learner, "close", lambda: None)()


def _learn(learner: Any, env: VectorMarket, payoffs: PayoffTable, count: int) -> Session:
    """Train to the end, and look at play on the way and at the end."""
    before: np.ndarray | None = None
    updates = 0
    while learner.steps < count:
        updates += 1
        advance(learner, updates)
        if before is None and learner.steps >= SETTLED * count:
            before = _limit(*_learnt(env, learner, payoffs))
    strategies, state = _learnt(env, learner, payoffs)
    converged = before is not None and np.array_equal(before, _limit(strategies, state))
    periods = learner.steps // payoffs.num_providers
    return Session(strategies, state, periods, converged, np.empty(0))


def _learnt(env: VectorMarket, learner: Any, payoffs: PayoffTable) -> tuple[Strategies, int]:
    blank: Callable[[Any], Any] = getattr(learner.env, "blank", lambda seen: seen)
    return tabulate(
        env,
        lambda seen: learner.act(blank(np.array(seen)), greedy=True),
        payoffs,
        getattr(learner, "enter", None),
    )


def _limit(strategies: Strategies, state: int) -> np.ndarray:
    return np.sort(strategies.joint[strategies.cycle(state)])
