"""What follows when a provider is made to deviate from the cycle: is it punished, does it pay, does play return?

Deviations are named by what they do to profits, so that they mean the same under every mechanism. In the period of
the deviation the others act as they would have; from then on everybody, the deviator included, follows its strategy.

Source: Calvano, Calzolari, Denicolo, Pastorello 2020, section IV; controls that punish nobody: Keppo et al. 2026,
arXiv:2603.20281.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.checks import whole
from ttc_env.collusion.decisions import check_discount, discounted
from ttc_env.collusion.payoffs import PayoffTable
from ttc_env.collusion.strategies import Strategies, next_state

KINDS = ("best_response", "undercut", "concession", "relabelling")
NONE = -1
"""in place of an action that there is not"""


class Responses(NamedTuple):
    """Impulse responses to every deviation of a kind from a cycle of length `L`, by `n` providers in turn.

    Where a deviation does not exist, `action` is `NONE`, figures are NaN and flags are False.

    action: what the deviator is made to play, `(L, n)`.
    actions: joint actions from the deviation on, `(T, L, n, n)`: period, state, deviator, provider.
    profits: theirs, USD, the same shape.
    usual: profits without the deviation, the same shape.
    gain: what the deviation is worth to the deviator in all, discounted, USD per period, `(L, n)`.
    punished: the periods after the deviation cost the deviator something, discounted, `(L, n)`.
    returned: play ends in the cycle that it left, `(L, n)`.
    away: periods until it is there again, NaN where it never is, `(L, n)`.
    """

    action: np.ndarray
    actions: np.ndarray
    profits: np.ndarray
    usual: np.ndarray
    gain: np.ndarray
    punished: np.ndarray
    returned: np.ndarray
    away: np.ndarray

    @property
    def exists(self) -> np.ndarray:
        """Where there is such a deviation, `(L, n)`."""
        return self.action != NONE


def deviating_action(payoffs: PayoffTable, joint: int, provider: int, kind: str) -> int:
    """The action of a deviation from a joint action, given by its row; `NONE` if there is no such action.

    Args:
        payoffs: the stage game.
        joint: what everybody plays, a row.
        provider: who deviates.
        kind: one of

            * `"best_response"`: the best for this period alone;
            * `"undercut"`: takes the least there is to take away from the others' total profit, such as the next lower
              price;
            * `"concession"`: adds the least there is to add to it, such as the next higher price: a placebo, as nobody
              has a reason to punish it;
            * `"relabelling"`: another action with the same profits for everybody, a placebo of name only.

    Raises:
        ValueError: another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown deviation {kind!r}; allowed: {', '.join(KINDS)}")
    rows = payoffs.rows_of(joint, provider)
    own = int(np.flatnonzero(rows == joint)[0])
    if kind == "best_response":
        best = int(payoffs.best_response[joint, provider])
        return best if payoffs.profits[rows[best], provider] > payoffs.profits[joint, provider] else NONE
    change = payoffs.profits[rows] - payoffs.profits[joint]
    slack = 1e-12 * float(np.abs(payoffs.profits).max())
    if kind == "relabelling":
        same = np.flatnonzero((np.abs(change) <= slack).all(axis=1) & (np.arange(len(rows)) != own))
        return int(same[0]) if len(same) else NONE
    others = np.delete(change, provider, axis=1).sum(axis=1) * (-1 if kind == "undercut" else 1)
    candidates = np.flatnonzero(others > slack)
    return int(candidates[others[candidates].argmin()]) if len(candidates) else NONE


def impulse_responses(strategies: Strategies, state: int, kind: str, discount: float, periods: int = 25) -> Responses:
    """Responses to a kind of deviation from every state of the cycle that play from a state ends in.

    Args:
        strategies: of all providers.
        state: of the next period.
        kind: what `deviating_action` takes.
        discount: of the next period, of all providers.
        periods: how far the responses are followed, the deviation included. Gains are over all of the future.
    """
    payoffs, discount = strategies.payoffs, check_discount(discount)
    cycle, n = strategies.cycle(state), payoffs.num_providers
    joint, providers = strategies.joint[cycle], np.arange(n)
    action = np.array([[deviating_action(payoffs, int(row), i, kind) for i in range(n)] for row in joint])
    exists = action != NONE
    rows = joint[:, None] + np.where(exists, action - strategies.actions[cycle], 0) * payoffs.strides  # (L, n)
    states = next_state(payoffs, strategies.memory, cycle[:, None], rows)

    paths, usual = [rows], [np.broadcast_to(joint[:, None], rows.shape)]
    here, there = states, np.broadcast_to(strategies.following[cycle][:, None], rows.shape)
    for _ in range(whole("periods", periods) - 1):
        paths.append(strategies.joint[here])
        usual.append(strategies.joint[there])
        here, there = strategies.following[here], strategies.following[there]

    values = np.stack([
        discounted(payoffs.profits[strategies.joint, i], strategies.following, discount) for i in providers
    ])  # fmt: skip
    later = values[providers, states] - values[providers, strategies.following[cycle][:, None]]
    now = payoffs.profits[rows, providers] - payoffs.profits[joint[:, None], providers]
    slack = 1e-12 * float(np.abs(payoffs.profits).max())
    away = _periods_until(strategies, states, cycle)
    shown = exists[None, :, :, None]
    return Responses(
        action,
        np.where(shown, payoffs.joint_actions[np.stack(paths)], NONE),
        np.where(shown, payoffs.profits[np.stack(paths)], np.nan),
        np.where(shown, payoffs.profits[np.stack(usual)], np.nan),
        np.where(exists, (1 - discount) * now + discount * later, np.nan),
        exists & (later < -slack),
        exists & ~np.isnan(away),
        np.where(exists, away, np.nan),
    )


def _periods_until(strategies: Strategies, states: np.ndarray, cycle: np.ndarray) -> np.ndarray:
    """Periods until play from each state is in the cycle, counted from 1; NaN where it never is."""
    away = np.full(states.shape, np.nan)
    for period in range(1, strategies.num_states + 1):
        away[np.isnan(away) & np.isin(states, cycle)] = period
        if not np.isnan(away).any():
            break
        following = strategies.following[states]
        if period > 1 and np.array_equal(following, states):  # everybody stands still
            break
        states = following
    return away
