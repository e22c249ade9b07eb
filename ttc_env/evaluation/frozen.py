"""Frozen play: recorded actions as stationary opponents, what they earn and what can be earned against them.

A policy is frozen as the actions it took in `S` periods, `(S, n)` or `(S, n, c)`. As an opponent, provider `i` draws
from its own column, independently of the others and of the past, so that best responses to it are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium import NashConv, StageGame
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism


@dataclass(frozen=True, eq=False)
class FrozenPlay:
    """Independent mixed strategies of all providers, given by recorded actions.

    Args:
        market: the market, NumPy.
        mechanism: how it is cleared.
        actions: `(S, n)` or `(S, n, c)`.

    Raises:
        ValueError: actions of another shape or outside the space, or none.
    """

    market: Market
    mechanism: Mechanism
    actions: np.ndarray

    def __post_init__(self) -> None:
        actions, shape = np.asarray(self.actions), self.game.action_shape
        if actions.shape[1:] != shape or not len(actions):
            wanted = ", ".join(map(str, ("S", *shape)))
            raise ValueError(f"recorded actions must have shape ({wanted}) with S >= 1, got {actions.shape}")
        object.__setattr__(self, "actions", self.game.check(actions))

    @cached_property
    def game(self) -> StageGame:
        """What is known of one period."""
        return StageGame(self.market, self.mechanism)

    @cached_property
    def worth(self) -> np.ndarray:
        """Expected profit of every action of every provider, the others frozen, USD, `(n, K)`.

        Raises:
            Unanswered: a game without closed form that is too large.
        """
        return self.game.mixed_deviations(self.actions)

    @property
    def best_profit(self) -> np.ndarray:
        """Of an exact best response of each provider, USD, `(n,)`."""
        return self.worth.max(axis=1)

    @property
    def random_profit(self) -> np.ndarray:
        """Of uniformly random actions of each provider, USD, `(n,)`."""
        return self.worth.mean(axis=1)

    def profit(self, actions: Array) -> np.ndarray:
        """Expected profit of actions `(T, n)` or `(T, n, c)`, each in its own seat with all others frozen, `(T, n)`."""
        return self.game.mixed_utility(actions, self.actions)

    @cached_property
    def nash_conv(self) -> NashConv:
        """What the providers could gain over this play, each by its best response."""
        improvements = np.maximum(self.best_profit - self.profit(self.actions).mean(axis=0), 0.0)
        return NashConv(improvements.sum(), improvements)


def uniform_nash_conv(market: Market, mechanism: Mechanism) -> NashConv:
    """NashConv of independent uniformly random play; see `StageGame.uniform_nash_conv`."""
    return StageGame(market, mechanism).uniform_nash_conv()


def cross_play(market: Market, mechanism: Mechanism, plays: Mapping[str, Array]) -> np.ndarray:
    """How well each policy does in one seat when another holds all the other seats, `(N, N)`.

    Row `r`, column `c`: the profit of `r` in one seat with `c` in all the others, summed over the seats, as a fraction
    of what exact best responses to `c` would earn: 1 is a best response in every seat, and less than that is lost
    money. Where best responses earn nothing, it is 1 if nothing is lost and `-inf` otherwise. The names may be
    algorithms or seeds; on the diagonal each policy meets independent draws from its own play.

    Args:
        market: the market, NumPy.
        mechanism: how it is cleared.
        plays: recorded actions by name, `(S, n)` or `(S, n, c)` each; `S` may differ.

    Raises:
        ValueError: nothing to compare, or actions of another shape.
    """
    if not plays:
        raise ValueError("cross_play needs at least one policy, got none")
    frozen = [FrozenPlay(market, mechanism, np.asarray(actions)) for actions in plays.values()]
    matrix = np.empty((len(frozen), len(frozen)))
    for column, others in enumerate(frozen):
        best = others.best_profit.sum()
        for row, own in enumerate(frozen):
            loss = best - others.profit(own.actions).mean(axis=0).sum()
            lost = loss > 1e-12 * mechanism.reward_scale(market)
            matrix[row, column] = 1 - loss / abs(best) if best else (-np.inf if lost else 1.0)
    return matrix
