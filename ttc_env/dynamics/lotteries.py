"""Joint actions drawn by Markov policies, state by state, and where they lead."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np

from ttc_env.dynamics.protocol import Moves


def lottery(
    policy: np.ndarray, providers: Collection[int], limit: Callable[..., None]
) -> tuple[np.ndarray, np.ndarray]:
    """The joint actions that some providers may take in each state, `(S, L, n)`, and their probabilities, `(S, L)`.

    The other providers' actions are 0. States with fewer joint actions are filled up with ones of probability 0.

    Args:
        policy: action indices `(S, n)` or probabilities `(S, n, K)`.
        providers: whose actions are drawn.
        limit: raises where an array of these sizes would be too large.
    """
    size, n = policy.shape[:2]
    if policy.ndim == 2:
        return policy[:, None, :].copy(), np.ones((size, 1))
    supports = [
        [np.flatnonzero(policy[s, i]) if i in providers else np.zeros(1, int) for i in range(n)] for s in range(size)
    ]
    count = max(math.prod(map(len, support)) for support in supports)
    limit(size, count, n)
    profiles, weights = np.zeros((size, count, n), dtype=np.int64), np.zeros((size, count))
    for s, support in enumerate(supports):
        joint_actions = np.stack(np.meshgrid(*support, indexing="ij"), axis=-1).reshape(-1, n)
        profiles[s, : len(joint_actions)] = joint_actions
        chosen = [policy[s, i, joint_actions[:, i]] for i in providers]
        weights[s, : len(joint_actions)] = np.prod(chosen, axis=0) if chosen else 1.0
    return profiles, weights


def mixed(moves: Moves, weights: np.ndarray, actions: int, squeeze: bool = False) -> Moves:
    """Moves `(S, L K, R)` of `L` equally ordered lots of `K` actions, mixed with weights `(S, L, 1)`: `(S, K, R')`."""
    to, probability = moves
    size, count = weights.shape[:2]
    lots = np.broadcast_to(probability, (size, count * actions, probability.shape[-1]))
    lots = lots.reshape(size, count, actions, -1) * weights[..., None]
    if to.ndim == 1:
        mixed = Moves(to, lots.sum(axis=1))
    else:
        flat = (size, actions, -1)
        ends = to.reshape(size, count, actions, -1).swapaxes(1, 2).reshape(flat)
        mixed = Moves(ends, lots.swapaxes(1, 2).reshape(flat))
    if not squeeze:
        return mixed
    return Moves(mixed.to if mixed.to.ndim == 1 else mixed.to[:, 0], mixed.probability[:, 0])
