"""Who plays: learners for the repeated markets of `ttc_env`. Not installed; used from a checkout.

A learner is any class `Class(env, total_steps, seed)` with the methods of `Learner`; no inheritance is needed. `env` is
a batch of markets, a `ttc_env.VectorMarket` that resets in the same step; the learner resets it with `seed`. Optional:

* `env_options`: keywords for its `VectorMarket`, such as `{"backend": "torch", "copy": False}`; with the backend torch
  the arrays of `env` are tensors on the chosen device;
* `Config`: a frozen dataclass of hyper-parameters; the learner is then made by `Class(env, total_steps, seed, config)`;
* `enter(env)`: told before an evaluation which markets the next observations come from. Oracles and players with a
  memory need it; before the first call the markets are those of training.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ttc_env import VectorMarket


class Learner(Protocol):
    """What scripts need of a learner."""

    steps: int
    """agent steps played so far: periods x markets x providers that learn"""

    def update(self) -> dict[str, float]:
        """Play for a while, learn from it, and return losses."""

    def act(self, observations: np.ndarray, greedy: bool = False) -> np.ndarray:
        """Actions `(B, n)` or `(B, n, 3)` for observations `(B, n, d)`: explored, or the best known."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to play on, for `torch.save`."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""


@dataclass(frozen=True)
class Entry:
    """Where a learner lives, `module:Class`, and which of its hyper-parameters differ from its defaults."""

    path: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NoConfig:
    """The hyper-parameters of a learner that has none."""


ALGORITHMS: dict[str, Entry] = {
    "fixed": Entry("agents.scripted:Fixed"),
    "random": Entry("agents.scripted:Random"),
    "truthful": Entry("agents.scripted:Truthful"),
    "nash": Entry("agents.scripted:Nash"),
    "best-response": Entry("agents.responses:BestResponse"),
    "fictitious-play": Entry("agents.responses:FictitiousPlay"),
    "epsilon-greedy": Entry("agents.bandits:EpsilonGreedy"),
    "ucb": Entry("agents.bandits:UCB"),
    "exp3": Entry("agents.bandits:EXP3"),
    "hedge": Entry("agents.hedge:Hedge"),
    "regret-matching": Entry("agents.hedge:RegretMatching"),
    "q-learning": Entry("agents.tabular:QLearning"),
    "dqn": Entry("agents.dqn:DQN"),
    "ppo": Entry("agents.ppo:PPO"),
    "shared-ppo": Entry("agents.ppo:PPO", {"shared": True}),
    "mappo": Entry("agents.mappo:MAPPO"),
    "reinforce": Entry("agents.reinforce:REINFORCE"),
    "sb3-ppo": Entry("agents.sb3:SB3PPO"),
    "sb3-a2c": Entry("agents.sb3:SB3A2C"),
    "sb3-dqn": Entry("agents.sb3:SB3DQN"),
}


def find(name: str) -> tuple[type, Any]:
    """The class of a learner and its default hyper-parameters, by its name or as `package.module:Class`.

    Raises:
        ValueError: an unknown name, or a path that leads to no class.
    """
    if name not in ALGORITHMS and ":" not in name:
        known = ", ".join(ALGORITHMS)
        raise ValueError(f"unknown learner {name!r}; allowed: {known}, or a class of your own as package.module:Class")
    entry = ALGORITHMS.get(name) or Entry(name)
    module, _, attribute = entry.path.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot load the learner {name!r}: {error}") from error
    return kind, getattr(kind, "Config", NoConfig)(**entry.settings)


def make_learner(
    name: str,
    make_env: Callable[..., VectorMarket],
    total_steps: int,
    seed: int,
    *,
    device: str = "cpu",
    config: Any = None,
) -> Learner:
    """A learner on markets of its backend.

    Args:
        name: what `find` takes.
        make_env: makes the markets, given further keywords of `VectorMarket`.
        total_steps: agent steps it will be trained for.
        seed: of everything random in it and in its markets.
        device: torch device of the markets of a learner that asks for the backend torch.
        config: its hyper-parameters, by default those of its name.
    """
    kind, default = find(name)
    options = dict(getattr(kind, "env_options", {}))
    if options.get("backend") == "torch":
        options["device"] = device
    settings = [default if config is None else config] if hasattr(kind, "Config") else []
    return kind(make_env(**options), total_steps, seed, *settings)
