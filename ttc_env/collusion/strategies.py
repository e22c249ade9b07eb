"""Strategies with a memory of a few periods, how they play against each other, and the cycle they end in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ttc_env.arrays import Array
from ttc_env.checks import is_integer, whole
from ttc_env.collusion.payoffs import PayoffTable


def num_states(payoffs: PayoffTable, memory: int) -> int:
    """How many different pasts of `memory` periods there are, `S = N^memory`; one where nothing is remembered."""
    return payoffs.num_joint ** whole("memory", memory, 0)


def next_state(payoffs: PayoffTable, memory: int, state: Array, joint: Array) -> np.ndarray:
    """The state after a joint action: the last `memory` rows as digits to base `N`, the latest in the lowest place."""
    return (np.asarray(state) * payoffs.num_joint + joint) % num_states(payoffs, memory)


@dataclass(frozen=True, eq=False)
class Strategies:
    """What every provider plays after every past, and how that goes on.

    Args:
        payoffs: the stage game.
        memory: periods remembered.
        actions: of every provider in every state, integers `(S, n)`, numbered as `next_state` does.

    Raises:
        ValueError: another shape, or no actions of this game.
    """

    payoffs: PayoffTable
    memory: int
    actions: Array

    def __post_init__(self) -> None:
        actions = np.array(self.actions)
        shape = (num_states(self.payoffs, self.memory), self.payoffs.num_providers)
        if actions.shape != shape:
            raise ValueError(f"actions must have shape (states, providers) = {shape}, got {actions.shape}")
        object.__setattr__(self, "joint", self.payoffs.index(actions))
        object.__setattr__(self, "actions", actions)

    joint: np.ndarray = field(init=False, repr=False)
    """row of the payoff table that is played in each state, `(S,)`"""

    @property
    def num_states(self) -> int:
        """Number of states, `S`."""
        return len(self.actions)

    @cached_property
    def following(self) -> np.ndarray:
        """The state after each state, `(S,)`."""
        return next_state(self.payoffs, self.memory, np.arange(self.num_states), self.joint)

    def check_state(self, state: int) -> int:
        """The state as an integer.

        Raises:
            ValueError: no state of these strategies.
        """
        if not is_integer(state) or not 0 <= state < self.num_states:
            raise ValueError(f"state must be an integer in 0..{self.num_states - 1}, got {state!r}")
        return int(state)

    def cycle(self, state: int) -> np.ndarray:
        """The states that play from a state repeats for ever, in the order of play, `(length,)`."""
        state = self.check_state(state)
        place: dict[int, int] = {}
        while state not in place:
            place[state] = len(place)
            state = int(self.following[state])
        return np.array(list(place)[place[state] :])

    def profits(self, states: Array) -> np.ndarray:
        """Profits of the period played in each state, USD, `(..., n)` for states `(...)`."""
        return self.payoffs.profits[self.joint[np.asarray(states)]]

    def cycle_profits(self, state: int) -> np.ndarray:
        """Mean profits over the whole cycle that play from a state ends in, USD, `(n,)`."""
        return self.profits(self.cycle(state)).mean(axis=0)
