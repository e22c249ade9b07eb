"""What a provider could still gain against the others' strategies: its decision problem, solved exactly.

Against strategies that are fixed and remember finitely many periods, a provider faces a deterministic decision problem
on their states. Policy iteration ends in its solution (Puterman 1994, *Markov Decision Processes*, section 6.4). Values
are `(1 - discount) sum_t discount^t profit_t`, USD per period, so that a constant profit is its own value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.checks import within
from ttc_env.collusion.strategies import Strategies, next_state

ROUNDING = 1e-12
"""gains of at most this fraction of the largest profit are none"""


class Decision(NamedTuple):
    """A provider's decision problem in every state, `(S,)` each.

    value: of its own strategy, USD per period.
    best: of its best reply to the others' strategies.
    actions: that reply; the provider's own action where no other is better.
    """

    value: np.ndarray
    best: np.ndarray
    actions: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """What the best reply adds to the own strategy, USD per period, never negative."""
        return np.maximum(self.best - self.value, 0.0)

    @property
    def loss(self) -> np.ndarray:
        """The same as a fraction of the best value; zero where that is zero."""
        return self.gain / np.where(self.best == 0, 1.0, np.abs(self.best))


class Stability(NamedTuple):
    """Whether limit strategies are an equilibrium of the repeated game, and by how much they miss it.

    on_path: mean loss of each provider over the states of the cycle, as a fraction of its best value, `(n,)`.
    off_path: the same over all other states; NaN where there are none.
    nash: nobody gains anything in any state of the cycle.
    subgame_perfect: nobody gains anything in any state at all.
    """

    on_path: np.ndarray
    off_path: np.ndarray
    nash: bool
    subgame_perfect: bool


def solve_decision(strategies: Strategies, provider: int, discount: float) -> Decision:
    """The best reply of one provider to the others, in every state.

    Raises:
        ValueError: no such provider, or a discount outside [0, 1).
    """
    payoffs, discount = strategies.payoffs, check_discount(discount)
    if not 0 <= provider < payoffs.num_providers:
        raise ValueError(f"provider must be in 0..{payoffs.num_providers - 1}, got {provider!r}")
    states = np.arange(strategies.num_states)
    rows = payoffs.rows_of(strategies.joint, provider)  # (S, m)
    following = next_state(payoffs, strategies.memory, states[:, None], rows)
    profits = payoffs.profits[rows, provider]
    slack = ROUNDING * max(float(np.abs(profits).max()), np.finfo(float).tiny)
    actions = strategies.actions[:, provider]
    value = best = discounted(profits[states, actions], following[states, actions], discount)
    while True:
        worth = (1 - discount) * profits + discount * best[following]
        better = worth.max(axis=1) > worth[states, actions] + (1 - discount) * slack
        if not better.any():
            return Decision(value, best, actions)
        actions = np.where(better, worth.argmax(axis=1), actions)
        best = discounted(profits[states, actions], following[states, actions], discount)


def discounted(profits: np.ndarray, following: np.ndarray, discount: float) -> np.ndarray:
    """Values `(S,)` of profits `(S,)` along the paths of `following`, `V = (1 - discount) profit + discount V'`.

    The sum over `2^k` periods is doubled until what is left out is below rounding.
    """
    value, factor = (1 - discount) * profits, discount
    while factor > 1e-18:
        value = value + factor * value[following]
        following, factor = following[following], factor * factor
    return value


def stability(strategies: Strategies, state: int, discount: float | np.ndarray) -> Stability:
    """How far the strategies are from an equilibrium on the cycle that play from a state ends in, and off it.

    Args:
        strategies: of all providers.
        state: of the next period.
        discount: of the next period, one number or one for each provider.
    """
    on_path = np.zeros(strategies.num_states, dtype=bool)
    on_path[strategies.cycle(state)] = True
    n = strategies.payoffs.num_providers
    losses = np.stack([
        solve_decision(strategies, i, float(d)).loss for i, d in enumerate(np.broadcast_to(discount, (n,)))
    ])  # fmt: skip
    off = losses[:, ~on_path].mean(axis=1) if not on_path.all() else np.full(n, np.nan)
    tolerance = 10 * ROUNDING
    return Stability(
        losses[:, on_path].mean(axis=1), off, bool((losses[:, on_path] <= tolerance).all()),
        bool((losses <= tolerance).all()),
    )  # fmt: skip


def check_discount(discount: float) -> float:
    """The discount as a float.

    Raises:
        ValueError: it is not in [0, 1).
    """
    return within("discount", discount, 0, 1, closed="left")
