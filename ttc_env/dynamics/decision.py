"""Finite decision problems: what a policy is worth, and the best policy, exactly.

Source: Puterman 1994, *Markov Decision Processes*, section 6.4 (policy iteration).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.dynamics.protocol import Moves

DENSE = 256  # states up to which linear equations are solved directly
TOLERANCE = 1e-12  # gains that count as nothing, as a fraction of the largest reward for ever


class Decision(NamedTuple):
    """What each of `K` actions earns in each of `S` states, `(S, K)`, and where it leads, `Moves` `(S, K, R)`."""

    reward: np.ndarray
    moves: Moves

    def chosen(self, actions: np.ndarray) -> tuple[np.ndarray, Moves]:
        """Reward `(S,)` and moves `(S, R)` of one action in each state, `(S,)`."""
        states = np.arange(len(actions))
        to, probability = self.moves
        return self.reward[states, actions], Moves(
            to if to.ndim == 1 else to[states, actions], probability[states, actions]
        )


def expect(moves: Moves, values: np.ndarray) -> np.ndarray:
    """Expected value of the next state, `(...)` for moves `(..., R)` and values `(S,)`."""
    if moves.to.ndim == 1:
        return moves.probability @ values[moves.to]
    return np.einsum("...r,...r->...", moves.probability, values[moves.to])


def matrix(moves: Moves, size: int) -> np.ndarray:
    """Moves `(S, R)` as a transition matrix `(S, S)`."""
    rows = len(moves.probability)
    flat = moves.to + size * np.arange(rows)[:, None]
    return np.bincount(flat.ravel(), moves.probability.ravel(), size * rows).reshape(-1, size)


def evaluate(reward: np.ndarray, moves: Moves, discount: float, guess: np.ndarray | None = None) -> np.ndarray:
    """Discounted values `V = r + discount P V`, to rounding; reward `(S,)` or, for several at once, `(S, c)`.

    Where there are too many states for a direct solution it is found by iteration, from a guess, until what is
    missing is below rounding.
    """
    size = len(reward)
    if size <= DENSE:
        return np.linalg.solve(np.eye(size) - discount * matrix(moves, size), reward)
    if reward.ndim > 1:
        return np.stack([evaluate(column, moves, discount) for column in reward.T], axis=-1)
    values = np.zeros(size) if guess is None else guess
    error = np.finfo(float).eps * max(float(np.abs(reward).max()), np.finfo(float).tiny) / (1 - discount)
    while True:
        renewed = reward + discount * expect(moves, values)
        change = float(np.abs(renewed - values).max())
        values = renewed
        if discount * change <= (1 - discount) * max(error, 4 * np.finfo(float).eps * float(np.abs(values).max())):
            return values


def visits(moves: Moves, start: np.ndarray, discount: float) -> np.ndarray:
    """Discounted number of visits of each state from a distribution `(S,)`: `D = start + discount P' D`."""
    size = len(start)
    if size <= DENSE:
        return np.linalg.solve((np.eye(size) - discount * matrix(moves, size)).T, start)
    to = np.broadcast_to(moves.to, moves.probability.shape).ravel()
    total, flow = start.copy(), start
    while discount * flow.sum() > np.finfo(float).eps * total.sum() * (1 - discount):
        flow = discount * np.bincount(to, (flow[:, None] * moves.probability).ravel(), size)
        total += flow
    return total


def solve(
    decision: Decision, discount: float, start: np.ndarray | None = None, *, ties: str = "lowest"
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """A best policy, `(S,)` actions, and its values, `(S,)`, by policy iteration.

    Args:
        decision: rewards and moves.
        discount: of the next period, in [0, 1).
        start: the policy to begin with.
        ties: `"lowest"`: the lowest of the best actions; `"stay"`: that of `start` in states where it is among them.
    """
    states = np.arange(len(decision.reward))
    slack = TOLERANCE * float(np.abs(decision.reward).max()) / (1 - discount)
    actions = decision.reward.argmax(axis=1) if start is None else start
    values: np.ndarray | None = None
    while True:
        values = evaluate(*decision.chosen(actions), discount, values)
        worth = decision.reward + discount * expect(decision.moves, values)
        enough = worth.max(axis=1) - slack
        better = worth[states, actions] < enough
        if not better.any():
            break
        actions = np.where(better, worth.argmax(axis=1), actions)
    if ties == "lowest":
        actions = (worth >= enough[:, None]).argmax(axis=1)
    elif start is not None and actions is not start:
        actions = np.where(worth[states, start] >= enough, start, actions)
    return actions, values


def random_values(decision: Decision, discount: float) -> np.ndarray:
    """What uniformly random actions are worth from each state, `(S,)`."""
    (to, probability), size = decision.moves, len(decision.reward)
    if to.ndim == 1:
        moves = Moves(to, probability.mean(axis=1))
    else:
        moves = Moves(to.reshape(size, -1), probability.reshape(size, -1) / to.shape[1])
    return evaluate(decision.reward.mean(axis=1), moves, discount)


def long_run(moves: Moves, start: int, size: int) -> np.ndarray:
    """How often each state is visited in the long run from `start`, `(S,)`: the limit of averages over time.

    The chain is made lazy, which changes no such limit and makes it one of powers.

    Raises:
        ValueError: the chain is too large for powers of its matrix, and too slow to be followed.
    """
    if size <= 2 * DENSE:
        lazy = (np.eye(size) + matrix(moves, size)) / 2
        for _ in range(50):
            lazy = lazy @ lazy
            lazy /= lazy.sum(axis=1, keepdims=True)
        return lazy[start]
    visited = np.zeros(size)
    visited[start] = 1.0
    to = np.broadcast_to(moves.to, moves.probability.shape)
    for _ in range(100_000):
        flow = np.bincount(to.ravel(), (visited[:, None] * moves.probability).ravel(), size)
        change = float(np.abs(flow - visited).sum())
        visited = (visited + flow) / 2
        if change < 1e-14 * size**0.5:
            return visited / visited.sum()
    raise ValueError(
        f"the chain of {size} states mixes too slowly for its long run to be found; last change {change:g}"
    )
