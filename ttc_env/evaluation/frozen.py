"""Frozen play: recorded actions as stationary opponents, what they earn and what can be earned against them.

A policy is frozen as the actions it took in `S` periods, integers `(S, n)` or `(S, n, 3)`. As an opponent, provider `i`
draws from its own column, independently of the others and of the past, so that best responses to it are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ttc_env import equilibrium
from ttc_env.arrays import Array
from ttc_env.equilibrium import NashConv, Rivals
from ttc_env.market import Market
from ttc_env.mechanisms import Bids, Mechanism, SecondPrice


@dataclass(frozen=True, eq=False)
class FrozenPlay:
    """Independent mixed strategies of all providers, given by recorded actions.

    Args:
        market: the market, NumPy.
        mechanism: how it is cleared.
        actions: `(S, n)` levels or `(S, n, 3)` bids.

    Raises:
        ValueError: actions of another shape, or none.
    """

    market: Market
    mechanism: Mechanism
    actions: np.ndarray

    def __post_init__(self) -> None:
        components = (3,) if isinstance(self.mechanism, SecondPrice) else ()
        shape = (self.market.num_providers, *components)
        actions = np.asarray(self.actions)
        if actions.shape[1:] != shape or not len(actions):
            wanted = ", ".join(map(str, ("S", *shape)))
            raise ValueError(f"recorded actions must have shape ({wanted}) with S >= 1, got {actions.shape}")
        object.__setattr__(self, "actions", actions)

    @cached_property
    def worth(self) -> np.ndarray:
        """Expected profit of every action of every provider, the others frozen, USD, `(n, K)`.

        `K` actions: the levels, or all bids on the auction's grid.
        """
        if isinstance(self.mechanism, SecondPrice):
            grid = equilibrium.grid_bids(self.market, self.mechanism)
            return equilibrium.bid_utility(self.market, self.mechanism, grid, self._rivals)
        strategies = equilibrium.empirical_strategies(self.market, self.actions)
        return equilibrium.mixed_deviation_utility(self.market, strategies)

    @property
    def best_profit(self) -> np.ndarray:
        """Of an exact best response of each provider, USD, `(n,)`."""
        return self.worth.max(axis=1)

    @property
    def random_profit(self) -> np.ndarray:
        """Of uniformly random actions of each provider, USD, `(n,)`."""
        return self.worth.mean(axis=1)

    def profit(self, actions: Array) -> np.ndarray:
        """Expected profit of actions `(T, n)` or `(T, n, 3)`, each in its own seat with all others frozen, `(T, n)`."""
        actions = np.asarray(actions)
        if isinstance(self.mechanism, SecondPrice):
            bids = _by_provider(self.market, self.mechanism, actions)
            return equilibrium.bid_utility(self.market, self.mechanism, bids, self._rivals).T
        return np.take_along_axis(self.worth, self.market.check(actions).T, axis=1).T

    @cached_property
    def nash_conv(self) -> NashConv:
        """What the providers could gain over this play, each by its best response."""
        improvements = np.maximum(self.best_profit - self.profit(self.actions).mean(axis=0), 0.0)
        return NashConv(improvements.sum(), improvements)

    @cached_property
    def _rivals(self) -> list[Rivals]:
        return equilibrium.independent_rivals(_by_provider(self.market, self.mechanism, self.actions))


def uniform_nash_conv(market: Market, mechanism: Mechanism) -> NashConv:
    """NashConv of independent uniformly random play: levels, or bids on the auction's grid."""
    if isinstance(mechanism, SecondPrice):
        return equilibrium.mixed_auction_nash_conv(market, mechanism, equilibrium.grid_bids(market, mechanism))
    return equilibrium.mixed_nash_conv(market, np.full(market.quality.shape, 1 / market.num_levels))


def cross_play(market: Market, mechanism: Mechanism, plays: Mapping[str, Array]) -> np.ndarray:
    """How well each policy does in one seat when another holds all the other seats, `(N, N)`.

    Row `r`, column `c`: the profit of `r` in one seat with `c` in all the others, summed over the seats, as a fraction
    of what exact best responses to `c` would earn: 1 is a best response in every seat, and less than that is lost
    money. Where best responses earn nothing, it is 1 if nothing is lost and `-inf` otherwise. The names may be
    algorithms or seeds; on the diagonal each policy meets independent draws from its own play.

    Args:
        market: the market, NumPy.
        mechanism: how it is cleared.
        plays: recorded actions by name, `(S, n)` or `(S, n, 3)` each; `S` may differ.

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


def _by_provider(market: Market, mechanism: Mechanism, actions: np.ndarray) -> Bids:
    """The bids `(n, S)` behind actions `(S, n, 3)`."""
    return Bids(*(part.T for part in mechanism.bids(market, actions)))
