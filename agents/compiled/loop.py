"""The loop of tabular Q-learning: one text, compiled where numba is installed and interpreted where it is not.

Chance comes in as an array of draws, so that both forms play the same session. The best action of each row of values is
kept beside it, and a row is searched again only when the value of its best action fell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

DRAWS = 2**32
"""draws are integers below this, and probabilities of exploration are rounded to its inverse"""


def is_compiled() -> bool:
    """Whether numba is there to compile the loop."""
    return find_spec("numba") is not None


@cache
def make_loop(
    num_providers: int, num_actions: int, num_outcomes: int, synchronous: bool, interpreted: bool = False
) -> Callable[..., Any]:
    """The loop for so many providers and actions, which the compiler unrolls.

    It takes, with `S` states and `N = m^n` joint actions,

    * `profits (K N, n)`, the `K` outcomes of the game one below the other;
    * `learning_rate` and `discount`, tuples of `n` numbers; `exploration`, its probability in the first of these
      periods, and `fading`, the factor by which that falls from period to period;
    * the tables `values (S, n, m)`, `greedy (S, n)` and `best (S, n)`, the action of highest value and that value,
      which are changed in place;
    * `state`, and `quiet`: for how many periods no greedy action has changed; it returns when that is `patience`;
    * `draws`, uniform integers below 2^32, for each period one of every provider and, where there are several outcomes,
      one that says which it is. A provider explores if its draw is below `2^32 exploration`, and the place of the draw
      below that bound says which action it tries.

    It returns how many periods were played, the last state, and `quiet`.
    """
    n, m = num_providers, num_actions
    num_joint = m**n
    width = n + (num_outcomes > 1)

    def loop(
        profits: Any, learning_rate: Any, discount: Any, fading: float, exploration: float, values: Any, greedy: Any,
        best: Any, state: int, quiet: int, patience: int, draws: Any,
    ) -> tuple[int, int, int]:  # fmt: skip
        num_states, periods = values.shape[0], draws.size // width
        actions = np.zeros(n, np.int64)
        for t in range(periods):
            joint: Any = 0
            bound = int(exploration * DRAWS + 0.5)
            for i in range(n):
                draw = np.int64(draws[t * width + i])
                action = draw * m // bound if draw < bound else np.int64(greedy[state, i])
                actions[i] = action
                joint = joint * m + action
            following = joint if num_states == num_joint else (state * num_joint + joint) % num_states
            first = 0  # row of the outcome that is drawn
            if num_outcomes > 1:
                first = np.int64(draws[t * width + n]) * num_outcomes // DRAWS * num_joint
            changed, stride = 0, num_joint
            for i in range(n):
                stride //= m
                before, action = greedy[state, i], actions[i]
                if synchronous:
                    for k in range(m):
                        other = joint + (k - action) * stride
                        reached = other if num_states == num_joint else (state * num_joint + other) % num_states
                        target = profits[first + other, i] + discount[i] * best[reached, i]
                        values[state, i, k] += learning_rate[i] * (target - values[state, i, k])
                    search = True
                else:
                    old = values[state, i, action]
                    new = old + learning_rate[i] * (profits[first + joint, i] + discount[i] * best[following, i] - old)
                    values[state, i, action] = new
                    search = action == before and new < old
                    if action == before:
                        best[state, i] = new
                    elif new > best[state, i] or (new == best[state, i] and action < before):
                        best[state, i] = new
                        greedy[state, i] = action
                        changed = 1
                if search:
                    top, value = 0, values[state, i, 0]
                    for k in range(1, m):
                        if values[state, i, k] > value:
                            top, value = k, values[state, i, k]
                    best[state, i] = value
                    greedy[state, i] = top
                    changed |= top != before
            state = following
            exploration *= fading
            quiet = 0 if changed else quiet + 1
            if quiet == patience:
                return t + 1, state, quiet
        return periods, state, quiet

    if interpreted or not is_compiled():
        return loop
    import numba  # half a second to load, which whoever only asks for help should not wait for

    return numba.njit(nogil=True, cache=True)(loop)
