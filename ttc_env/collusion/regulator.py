"""A regulator between what providers ask for and what is cleared, in any game: its effect is that of the game it makes.

A rule sees a joint action and says which one is cleared instead. Learners do not see the rule, only what they earn: the
game under it is a payoff table like any other, and everything that measures collusion measures the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.collusion.payoffs import PayoffTable
from ttc_env.collusion.strategies import Strategies

Rule = Callable[[PayoffTable], np.ndarray]
"""what is cleared instead of every joint action, `(N, n)` actions"""


class Regulated(NamedTuple):
    """A game under a rule.

    payoffs: what is earned by asking for each joint action.
    touched: whose action the rule changes, by joint action asked for, `(N, n)`; the regulator's log.
    """

    payoffs: PayoffTable
    touched: np.ndarray

    def interventions(self, strategies: Strategies, state: int) -> np.ndarray:
        """How often the rule changes each provider's action on the cycle that play ends in, `(n,)` fractions."""
        return self.touched[strategies.joint[strategies.cycle(state)]].mean(axis=0)


def regulate(payoffs: PayoffTable, rule: Rule) -> Regulated:
    """The game under a rule.

    Raises:
        ValueError: the rule does not name an action for everybody in every joint action.
    """
    cleared = np.asarray(rule(payoffs))
    if cleared.shape != payoffs.joint_actions.shape:
        raise ValueError(f"a rule must say actions {payoffs.joint_actions.shape}, got {cleared.shape}")
    rows = payoffs.index(cleared)
    return Regulated(PayoffTable(payoffs.outcomes[:, rows], payoffs.num_actions), cleared != payoffs.joint_actions)


def log_only(payoffs: PayoffTable) -> np.ndarray:
    """Changes nothing."""
    return payoffs.joint_actions


def cap(highest: Array) -> Rule:
    """No action above the highest one of each provider, a number or `(n,)`: a price cap, where actions are prices."""
    return lambda payoffs: np.minimum(payoffs.joint_actions, highest)


def veto(forbidden: Array, fallback: Array) -> Rule:
    """Who asks for a forbidden action, `(m,)` or `(n, m)` flags, gets the fallback, a number or `(n,)`."""

    def rule(payoffs: PayoffTable) -> np.ndarray:
        asked = payoffs.joint_actions
        flags = np.broadcast_to(forbidden, (payoffs.num_providers, payoffs.num_actions))
        return np.where(flags[np.arange(payoffs.num_providers), asked], fallback, asked)

    return rule


def revise(suspect: Callable[[np.ndarray], np.ndarray]) -> Rule:
    """Who asks for something suspect, by flags `(N, n)` of joint actions, has to give its best answer to the others.

    Each answers to what the others asked for, not to their revisions.
    """
    return lambda payoffs: np.where(suspect(payoffs.joint_actions), payoffs.best_response, payoffs.joint_actions)
