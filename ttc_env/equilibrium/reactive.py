"""Best responses to opponents who react: exact by dynamic programming where everybody remembers one period.

When the others' next action depends on what happened last period, a deviation changes how they will play, and the gain
over a whole future is not the gain of one period. With memory-one opponents the best response is the solution of a
Markov decision process whose states are the joint actions of last period (Puterman 1994, *Markov Decision
Processes*, section 6.3: value iteration).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.checks import finite, is_integer, within
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.market import Market

LIMIT = 4096  # joint actions; tables of their square over m
_ROUNDING = 1e-14


class ReactiveGain(NamedTuple):
    """What a best response gains over a provider's own policy, discounted, in USD per period.

    Values are `(1 - discount) sum_t discount^t utility_t` from the start, so that a constant profit is its own value.

    gain: `best - value`, never negative, within twice the tolerance.
    best: value of the best response.
    value: value of the provider's own policy.
    actions: the best response: an action for each joint action of last period, `(N,)`; ties go to the lowest.
    """

    gain: float
    best: float
    value: float
    actions: np.ndarray


def joint_actions(num_providers: int, num_actions: int) -> np.ndarray:
    """All joint actions, `(N, n)` with `N = m^n`, in the order in which policies and utilities list them."""
    return np.indices((num_actions,) * num_providers).reshape(num_providers, -1).T


def stage_utility(market: Market, limit: int = LIMIT) -> np.ndarray:
    """Profit of every provider at every profile under per-token pricing, USD, `(N, n)`, as `joint_actions` orders them.

    Raises:
        ValueError: more than `limit` profiles.
    """
    market = in_numpy(market)
    _check_size(market.num_providers, market.num_levels, limit)
    return market.utility(joint_actions(market.num_providers, market.num_levels))


def best_response_gain(
    utility: Array,
    policies: Array,
    provider: int,
    *,
    start: int = 0,
    discount: float = 0.95,
    tolerance: float = 1e-9,
    limit: int = LIMIT,
) -> ReactiveGain:
    """What one provider could gain in the repeated game against opponents who remember one period.

    Args:
        utility: of every provider at every joint action, `(N, n)`, as `stage_utility` gives it for a market.
        policies: probability of every action of every provider after every joint action, `(n, N, m)`; the provider's
            own row is what the best response is compared with.
        provider: who deviates, an index.
        start: index of the joint action that everybody remembers at first; by default all play action 0.
        discount: of the next period, in [0, 1).
        tolerance: largest error of a value, as a fraction of the largest utility; not finer than rounding.
        limit: largest number of joint actions.

    Raises:
        ValueError: more joint actions than `limit`, or an argument of the wrong shape or out of range.
    """
    utility, policies = np.asarray(utility, dtype=np.float64), np.asarray(policies, dtype=np.float64)
    if policies.ndim != 3:
        raise ValueError(f"policies must have shape (n, N, m), got {policies.shape}")
    n, size, m = policies.shape
    _check_size(n, m, limit)
    if size != m**n or utility.shape != (size, n):
        raise ValueError(
            f"policies must have shape (n, m^n, m) and utility (m^n, n), got {policies.shape} and {utility.shape}"
        )
    if not np.isfinite(utility).all():
        raise ValueError(f"utility must be finite everywhere, got {utility!r}")
    if not (np.all(policies >= 0) and np.all(np.abs(policies.sum(axis=-1) - 1) <= 1e-9)):  # NaN is neither
        raise ValueError("policies must be probabilities that add up to one after every joint action")
    within("discount", discount, 0.0, 1.0, closed="left")
    finite("tolerance", tolerance)
    if not (1 - discount) * tolerance >= _ROUNDING:
        raise ValueError(
            f"(1 - discount) * tolerance must be at least {_ROUNDING}, the rounding of values, "
            f"got discount {discount!r} and tolerance {tolerance!r}"
        )
    for name, index, end in (("provider", provider, n), ("start", start, size)):
        if not (is_integer(index) and 0 <= index < end):
            raise ValueError(f"{name} must be in 0..{end - 1}, got {index!r}")
    others = _others(policies, provider)
    own = policies[provider]

    def by_own(values: np.ndarray) -> np.ndarray:
        """Rows `(N,)` over joint actions as `(others' actions, own action)`."""
        return np.moveaxis(values.reshape((m,) * n), provider, -1).reshape(-1, m)

    reward = others @ by_own(utility[:, provider])  # (N, m)
    error = tolerance * max(float(np.abs(utility[:, provider]).max()), np.finfo(float).tiny)

    def solve(choose_best: bool) -> tuple[np.ndarray, np.ndarray]:
        """Fixed point of the Bellman operator: values of states `(N,)` and of actions in them `(N, m)`."""
        values = np.zeros(size)
        while True:
            worth = (1 - discount) * reward + discount * (others @ by_own(values))
            renewed = worth.max(axis=1) if choose_best else np.sum(own * worth, axis=1)
            change = float(np.abs(renewed - values).max())
            values = renewed
            if discount * change <= (1 - discount) * error:  # what is missing then is at most `error`
                return values, worth

    best, worth = solve(choose_best=True)
    value, _ = solve(choose_best=False)
    gain = max(0.0, float(best[start] - value[start]))
    return ReactiveGain(gain, float(best[start]), float(value[start]), worth.argmax(axis=1))


def _others(policies: np.ndarray, provider: int) -> np.ndarray:
    """Probability of the joint actions of all but one provider after each joint action, `(N, m^(n-1))`."""
    size = policies.shape[1]
    joint = np.ones((size, 1))
    for policy in np.delete(policies, provider, axis=0):
        joint = (joint[:, :, None] * policy[:, None, :]).reshape(size, -1)
    return joint


def _check_size(num_providers: int, num_actions: int, limit: int) -> None:
    if num_actions**num_providers > limit:
        raise ValueError(
            f"{num_providers} providers with {num_actions} actions have {num_actions**num_providers} joint actions, "
            f"more than the limit {limit}; best_response_lower_bound trains a response where this is too many"
        )
