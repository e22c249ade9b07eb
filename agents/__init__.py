"""Who plays: learners for the repeated markets of `ttc_env`. Not installed; used from a checkout.

A learner is any class `Class(env, total_steps, seed)` with the methods of `Learner`; no inheritance is needed. `env` is
a batch of markets, a `ttc_env.VectorMarket` that resets in the same step; the learner resets it with `seed`. Optional:

* `env_options`: keywords for its `VectorMarket`, such as `{"backend": "torch", "copy": False}`; with the backend torch
  the arrays of `env` are tensors on the chosen device;
* `Config`: a frozen dataclass of hyper-parameters; the learner is then made by `Class(env, total_steps, seed, config)`;
* `enter(env)`: told before an evaluation which markets the next observations come from. Oracles and players with a
  memory need it; before the first call the markets are those of training.
* `played(periods)`: the actions of all providers in the last periods of its own play. Scripts then judge these and do
  not let it play anew, which would cost as much again; where something is carried over also `visited()`, the states in
  which all of it was played;
* `report()`: what else is known of its play, for the summary of a run; its `path`, columns of equal length, becomes a
  file of its own;
* `takes_seeds`, true of a class whose `seed` may be several: as many runs side by side, with `update_runs()`, the
  losses of each, `run(k)`, one of them as it stands, and `alike_together(config, num_providers)`; see `agents.ppo`;
* `keep_in(folder)`: told where a run is written before it begins; and `close()`, called when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from agents import hyperparameters
from agents.parts import checks
from ttc_env import named

if TYPE_CHECKING:
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


METHODS = ("update", "act", "state_dict", "load_state_dict")


@dataclass(frozen=True)
class Entry:
    """Where a learner lives, `module:Class`, and which of its hyper-parameters differ from its defaults.

    Attributes:
        path: of the class.
        settings: what differs.
        config: class of its hyper-parameters in `agents.hyperparameters`; by default the learner's own `Config`.
    """

    path: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: str | None = None


@dataclass(frozen=True)
class NoConfig:
    """The hyper-parameters of a learner that has none."""


ALGORITHMS: dict[str, Entry] = {
    "fixed": Entry("agents.scripted:Fixed"),
    "random": Entry("agents.scripted:Random"),
    "truthful": Entry("agents.scripted:Truthful"),
    "nash": Entry("agents.scripted:Nash"),
    "stage": Entry("agents.scripted:Stage"),
    "myopic": Entry("agents.scripted:Myopic"),
    "constant": Entry("agents.scripted:BestConstant"),
    "best-response": Entry("agents.responses:BestResponse"),
    "fictitious-play": Entry("agents.responses:FictitiousPlay"),
    "epsilon-greedy": Entry("agents.bandits:EpsilonGreedy"),
    "ucb": Entry("agents.bandits:UCB"),
    "exp3": Entry("agents.bandits:EXP3"),
    "hedge": Entry("agents.hedge:Hedge"),
    "regret-matching": Entry("agents.hedge:RegretMatching"),
    "q-learning": Entry("agents.tabular:QLearning"),
    "dqn": Entry("agents.dqn:DQN", config="DQNConfig"),
    "ppo": Entry("agents.ppo:PPO", config="PPOConfig"),
    "shared-ppo": Entry("agents.ppo:PPO", {"shared": True}, "PPOConfig"),
    "mappo": Entry("agents.mappo:MAPPO", config="PPOConfig"),
    "reinforce": Entry("agents.reinforce:REINFORCE", config="REINFORCEConfig"),
    "sb3-ppo": Entry("agents.sb3:SB3PPO", config="SB3PPOConfig"),
    "sb3-a2c": Entry("agents.sb3:SB3A2C", config="SB3A2CConfig"),
    "sb3-dqn": Entry("agents.sb3:SB3DQN", config="SB3DQNConfig"),
}


REMEMBERING: dict[str, Entry] = {
    "recurrent-ppo": Entry("agents.recurrent:RecurrentPPO", config="RecurrentPPOConfig"),
}
"""learners by name with a memory of their own: no baselines, whose whole policy is asked state by state"""

READING: dict[str, Entry] = {"reader": Entry("agents.reader:Reader", config="ReaderConfig")}
"""learners by name of per-token pricing alone: no baselines, since they refuse all other markets"""

ASKING: dict[str, Entry] = {"language": Entry("agents.language:Language")}
"""players by name who ask a server: no baselines, since they need one"""

NAMED: dict[str, Entry] = ALGORITHMS | REMEMBERING | READING | ASKING
"""all of them"""


def find(name: str) -> tuple[type, Any]:
    """The class of a learner and its default hyper-parameters, by its name or as `package.module:Class`.

    Raises:
        ValueError: an unknown name, or a path that leads to no learner.
    """
    return find_class(name), default_config(name)


def default_config(name: str) -> Any:
    """The default hyper-parameters of a learner, by its name or as `package.module:Class`.

    For the learners of `ALGORITHMS` this loads no torch.

    Raises:
        ValueError: an unknown name, or a path that leads to no learner.
    """
    entry = NAMED.get(name)
    if entry is not None and entry.config is not None:
        return getattr(hyperparameters, entry.config)(**entry.settings)
    config = getattr(find_class(name), "Config", NoConfig)
    if not isinstance(config, type) or not is_dataclass(config):
        raise ValueError(f"the Config of the learner {name!r} must be a dataclass, got {config!r}")
    return config(**(entry.settings if entry else {}))


def find_class(name: str) -> type:
    """The class of a learner, by its name or as `package.module:Class`.

    Raises:
        ValueError: an unknown name, or a path that leads to no learner.
    """
    if name not in NAMED and ":" not in name:
        known = ", ".join(NAMED)
        raise ValueError(f"unknown learner {name!r}; allowed: {known}, or a class of your own as package.module:Class")

    def check(kind: Any) -> type:
        lacking = [method for method in METHODS if not callable(getattr(kind, method, None))]
        if not isinstance(kind, type) or lacking:
            raise ValueError(f"{name!r} is no learner: it lacks {', '.join(lacking) or 'a class'}; see agents.Learner")
        return kind

    return named.find_class("learner", NAMED[name].path if name in NAMED else name, {}, check)


def load(run: Any, num_markets: int = 1) -> Learner:
    """The trained learner of the folder of a run; see `agents.runs.load`."""
    from agents import runs

    return runs.load(run, num_markets)


def make_learner(
    name: str,
    make_env: Callable[..., VectorMarket],
    total_steps: int,
    seed: int | Sequence[int],
    *,
    device: str = "cpu",
    config: Any = None,
) -> Learner:
    """A learner on markets of its backend.

    Args:
        name: one of `ALGORITHMS`, or `package.module:Class`.
        make_env: makes the markets, given further keywords of `VectorMarket`.
        total_steps: agent steps it will be trained for.
        seed: of everything random in it and in its markets; or a sequence, of several where the learner takes several.
        device: torch device of the markets of a learner that asks for the backend torch.
        config: its hyper-parameters, by default those of its name.

    Raises:
        ValueError: no such learner or device, or what the learner refuses.
    """
    checks.check_device(device)
    kind = find_class(name)
    options = dict(getattr(kind, "env_options", {}))
    if options.get("backend") == "torch":
        options["device"] = device
    elif device != "cpu":
        raise ValueError(f"{name} computes on the cpu alone, got device {device!r}")
    settings = [default_config(name) if config is None else config] if hasattr(kind, "Config") else []
    if isinstance(seed, Sequence) and len(seed) == 1:
        (seed,) = seed
    return kind(make_env(**options), total_steps, seed, *settings)
