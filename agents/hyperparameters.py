"""The hyper-parameters of all learners that need torch, apart from them: a script's --help need not load it."""

from __future__ import annotations

from dataclasses import dataclass

from agents.parts import checks


@dataclass(frozen=True)
class PPOConfig:
    """Hyper-parameters of `PPO`."""

    horizon: int = 16
    """periods played in each market between updates"""
    epochs: int | None = None
    """passes over the collected periods in each update; by default 1, as fresh periods are cheaper than more passes,
    and 4 where what is played changes the state, as many states are seldom seen"""
    minibatches: int = 4
    """parts of a pass, one optimiser step each"""
    learning_rate: float = 3e-3
    """of Adam, decayed linearly to zero over training"""
    gamma: float | None = None
    """discount per period; by default 0.9, and 0.95 where what is played changes the state"""
    gae_lambda: float = 0.95
    """decay of the advantage estimate"""
    clip: float = 0.2
    """largest change of an action's probability ratio that is still rewarded"""
    entropy: float = 0.03
    """weight of the entropy bonus, decayed linearly to zero over training"""
    value: float = 0.5
    """weight of the value loss"""
    max_grad_norm: float = 0.5
    """largest gradient norm of each provider's networks"""
    hidden: tuple[int, ...] = (64, 64)
    """units of each hidden layer"""
    shared: bool = False
    """one network for all providers instead of one each"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon", "minibatches")
        checks.unless_none(checks.counts, self, "epochs")
        checks.positive(self, "learning_rate", "max_grad_norm")
        if isinstance(self.clip, bool) or not self.clip > 0:
            raise ValueError(f"clip must be above 0, infinite for none, got {self.clip!r}")
        checks.unless_none(checks.discounts, self, "gamma")
        checks.between(self, 0, 1, "gae_lambda")
        checks.not_negative(self, "entropy", "value")
        checks.switches(self, "shared")
        checks.layers(self)


@dataclass(frozen=True)
class RecurrentPPOConfig(PPOConfig):
    """Hyper-parameters of `RecurrentPPO`."""

    memory: int = 32
    """numbers that each network remembers"""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.counts(self, "memory")


@dataclass(frozen=True)
class REINFORCEConfig:
    """Hyper-parameters of `REINFORCE`."""

    horizon: int = 8
    """periods played in each market between updates"""
    learning_rate: float = 6e-3
    """of Adam, decayed linearly to zero over training"""
    gamma: float | None = None
    """discount per period; by default 0.9, and 0.95 where what is played changes the state"""
    entropy: float = 0.03
    """weight of the entropy bonus, decayed linearly to zero over training"""
    value: float = 0.5
    """weight of the value loss"""
    max_grad_norm: float = 0.5
    """largest gradient norm of each provider's networks"""
    hidden: tuple[int, ...] = (64, 64)
    """units of each hidden layer"""
    shared: bool = False
    """one network for all providers instead of one each"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon")
        checks.positive(self, "learning_rate", "max_grad_norm")
        checks.unless_none(checks.discounts, self, "gamma")
        checks.not_negative(self, "entropy", "value")
        checks.switches(self, "shared")
        checks.layers(self)


@dataclass(frozen=True)
class DQNConfig:
    """Hyper-parameters of `DQN`."""

    horizon: int = 4
    """periods played in each market between updates"""
    capacity: int = 20_000
    """rows of the replay buffer: joint transitions of one market"""
    batch: int = 256
    """rows sampled for an optimiser step"""
    gradient_steps: int = 4
    """optimiser steps in each update"""
    learning_rate: float = 3e-3
    """of Adam, decayed linearly to zero over training"""
    gamma: float | None = None
    """discount per period; by default 0.9, and 0.95 where what is played changes the state"""
    target: float = 0.05
    """weight of the network in its slow copy, the target network, at each optimiser step"""
    start: float = 1.0
    """probability of a random action component at the beginning"""
    end: float = 0.02
    """probability of a random action component from `decay` on"""
    decay: float = 0.5
    """fraction of training over which it falls linearly"""
    hidden: tuple[int, ...] = (64, 64)
    """units of each hidden layer"""
    standardize: bool = True
    """shift and scale each provider's rewards to mean 0 and deviation 1 under random play"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon", "capacity", "batch", "gradient_steps")
        checks.positive(self, "learning_rate")
        checks.unless_none(checks.discounts, self, "gamma")
        checks.between(self, 0, 1, "target", "start", "end", "decay")
        checks.switches(self, "standardize")
        checks.layers(self)


@dataclass(frozen=True)
class SB3PPOConfig:
    """Hyper-parameters of `SB3PPO`."""

    horizon: int = 32
    """periods played in each market between updates"""
    epochs: int = 4
    """passes over the collected periods in each update"""
    minibatches: int = 4
    """parts of a pass, one optimiser step each"""
    learning_rate: float = 1e-3
    """of Adam"""
    gamma: float = 0.9
    """discount per period"""
    gae_lambda: float = 0.8
    """decay of the advantage estimate"""
    entropy: float = 0.01
    """weight of the entropy bonus"""
    device: str = "cpu"
    """torch device of the networks"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon", "epochs", "minibatches")
        checks.positive(self, "learning_rate")
        checks.discounts(self, "gamma")
        checks.between(self, 0, 1, "gae_lambda")
        checks.not_negative(self, "entropy")
        checks.device(self)


@dataclass(frozen=True)
class SB3A2CConfig:
    """Hyper-parameters of `SB3A2C`."""

    horizon: int = 2
    """periods played in each market between updates"""
    learning_rate: float = 7e-3
    """of RMSprop"""
    gamma: float = 0.9
    """discount per period"""
    gae_lambda: float = 0.8
    """decay of the advantage estimate"""
    entropy: float = 0.01
    """weight of the entropy bonus"""
    device: str = "cpu"
    """torch device of the networks"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon")
        checks.positive(self, "learning_rate")
        checks.discounts(self, "gamma")
        checks.between(self, 0, 1, "gae_lambda")
        checks.not_negative(self, "entropy")
        checks.device(self)


@dataclass(frozen=True)
class SB3DQNConfig:
    """Hyper-parameters of `SB3DQN`."""

    horizon: int = 4
    """periods played in each market between updates"""
    capacity: int = 100_000
    """agent steps in the replay buffer"""
    batch: int = 256
    """agent steps sampled for an optimiser step"""
    gradient_steps: int = 8
    """optimiser steps in each update"""
    learning_rate: float = 3e-3
    """of Adam"""
    gamma: float = 0.5
    """discount per period; the smaller, the larger the difference an action makes beside the value of the future"""
    target_every: int = 4
    """periods between copies of the network into the target network"""
    start: float = 1.0
    """probability of a random action at the beginning"""
    end: float = 0.02
    """probability of a random action from `decay` on"""
    decay: float = 0.5
    """fraction of training over which it falls linearly"""
    device: str = "cpu"
    """torch device of the networks"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon", "capacity", "batch", "gradient_steps", "target_every")
        checks.positive(self, "learning_rate")
        checks.discounts(self, "gamma")
        checks.between(self, 0, 1, "start", "end", "decay")
        checks.device(self)


@dataclass(frozen=True)
class ReaderConfig:
    """Hyper-parameters of `Reader`."""

    horizon: int = 5
    """periods played in drawn markets before others are drawn"""
    epochs: int = 8
    """passes over the periods of an episode"""
    minibatches: int = 2
    """parts of a pass, one optimiser step each"""
    learning_rate: float = 3e-3
    """of Adam, decayed linearly to zero over training"""
    temperature: float = 0.1
    """share of the best level's payoff within which levels are told apart most sharply"""
    start: float = 1.0
    """probability of a random level at the beginning"""
    end: float = 0.0
    """probability of a random level from `decay` on"""
    decay: float = 1.0
    """fraction of training over which it falls linearly"""
    max_grad_norm: float = 1.0
    """largest gradient norm"""
    hidden: int = 32
    """units of each hidden layer"""
    questions: int = 30
    """with how many questions the curves of drawn markets were measured"""
    mark_up: tuple[float, float] = (1.05, 2.0)
    """least and greatest price over cost of a provider, drawn uniformly"""
    rationality: tuple[float, float] = (0.3, 2.5)
    """least and greatest `log10(beta * answer_value)` of users, drawn uniformly"""

    def __post_init__(self) -> None:
        checks.counts(self, "horizon", "epochs", "minibatches", "hidden", "questions")
        checks.positive(self, "learning_rate", "temperature", "max_grad_norm")
        checks.between(self, 0, 1, "start", "end", "decay")
        checks.ranges(self, "mark_up", "rationality")
        if not self.mark_up[0] > 0:
            raise ValueError(f"mark_up must be above 0, got {self.mark_up!r}")
