"""How good a policy is at a task: exact distances from equilibrium, opponents it never met, markets it never saw.

    evaluate_policy(task, learner.act, learner.enter)       # a dictionary of numbers, the same for the same policy

Play is simulated, everything else is exact: what the simulated actions earn, what they could have earned, and how far
they are from an equilibrium are expectations of the analytic market, also where demand is sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from ttc_env.evaluation.bounded import is_exact
from ttc_env.evaluation.bounded_course import BoundedCourse
from ttc_env.evaluation.carried_course import CarriedCourse, PrivateCourse
from ttc_env.evaluation.course import Course, Enter
from ttc_env.evaluation.stage_course import StageCourse
from ttc_env.evaluation.tasks import Task


@lru_cache(maxsize=128)
def find_course(task: Task, name: str) -> Course:
    """One of a task's test markets, ready to judge in; it remembers what it has worked out."""
    if task.information == "private":
        return PrivateCourse(task, name)
    if not task.carries:
        return StageCourse(task, name)
    exact = is_exact(task.make_test_env(name, dtype="float64"))
    return (CarriedCourse if exact else BoundedCourse)(task, name)


def evaluate_policy(
    task: Task, act: Callable[..., Any], enter: Enter | None = None, seed: int = 0
) -> dict[str, float]:  # fmt: skip
    """How well a policy for all providers solves a task; means over the task's test markets.

    * `score`, 0 to 1: 1 - NashConv of the greedy play / NashConv of uniformly random play, at least 0. Random play
      scores 0, an equilibrium 1.
    * `relative_nash_conv`: NashConv of the greedy play over its total profit; `average_relative_nash_conv`: the same
      of the exploring play, taken as independent mixed strategies.
    * `welfare_ratio`: welfare of the greedy play over the optimum; `user_value_ratio`: what it leaves the users over
      what the closest equilibrium leaves them.
    * `profit_gain`: 0 at the equilibrium's total profit, 1 at a cartel's.
    * `truthfulness_gap` (second-price auction): mean distance of scores from the largest welfare contributions, in
      units of `answer_value`; `winner_efficiency`: how often the right provider wins.
    * `external_regret`, `swap_regret`: of the exploring play as it was logged, over its total profit; see
      `equilibrium.coarse_correlated_regret` and `equilibrium.swap_regret`. Negative regrets count as 0.
    * `held_out_opponents`, 0 to 1: with the greedy policy in each seat in turn and each member of the frozen
      population in the others, (profit - random bids' profit) / (exact best response's profit - random bids' profit),
      at least 0, mean over members and seats. Seats in which no bid matters are left out.
    * `rival_regret`: what the same play loses to exact best responses against the population, over what these earn.
      Bids that are never called on in the own play, and could be anything there, count here.

    Where something is carried over (`Task.dynamics`, query types) the policy is asked what it does in every state, and
    the Markov policy this makes is judged exactly (`ttc_env.MarkovGame`): gains and profits are those of the whole
    future from the start, the random play of `score` may be a fixed sample of joint actions, `welfare_ratio` and
    `profit_gain` are there where the optimum is known and not only bounded, `held_out_opponents` meets the stage, the
    myopic and the equilibrium policy, and what is about exploring play is absent. Where types are private it is judged
    as a strategy that maps the own row to bids (`equilibrium.PrivateGame`), and meets honest and random
    bidders. Where there are too many states, or a task hides them (`observe="own"`), gains are bounded from below by
    trained responses; `score` and `relative_nash_conv` then flatter (`ttc_env.evaluation.bounded_course`).

    A figure that does not apply in every test market is absent: the relative ones where the play earns no profit, and
    those that the stage game cannot answer exactly.

    Args:
        task: what to evaluate on.
        act: from observations `(B, n, d)`, NumPy, and the keyword `greedy` to actions `(B, n)` or `(B, n, c)`, as the
            method of a learner; `B` varies.
        enter: told before each play which markets (`VectorMarket`) the next observations come from.
        seed: of the markets; the policy's own randomness is its own.

    Raises:
        ValueError: actions outside the space, or a task without a frozen population that asks for one.
    """
    return _mean_over_markets(_evaluate(find_course(task, name), act, enter, seed) for name in task.tests)


def evaluate_greedy(
    task: Task, act: Callable[..., Any], enter: Enter | None = None, seed: int = 0, periods: int = 10
) -> dict[str, float]:
    """The figures of the greedy play alone, from the first `periods` of an episode: for curves during training."""
    return _mean_over_markets(find_course(task, name).greedy(act, enter, seed, periods) for name in task.tests)


def _mean_over_markets(figures: Iterable[dict[str, float]]) -> dict[str, float]:
    """Means of the figures that every market has."""
    found = list(figures)
    common = [name for name in found[0] if all(name in one for one in found)]
    return {name: float(np.mean([one[name] for one in found])) for name in common}


def _evaluate(course: Course, act: Callable[..., Any], enter: Enter | None, seed: int) -> dict[str, float]:
    figures = course.greedy(act, enter, seed, course.task.max_cycles)
    figures |= course.explored(act, enter, seed)
    return figures | (course.held_out(act, enter, seed) if course.task.held_out_opponents else {})
