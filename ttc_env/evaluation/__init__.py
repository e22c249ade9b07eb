"""How good a learner is: tasks, the exact evaluation of any policy at them, and statistics to compare learners.

>>> from ttc_env.evaluation import evaluate_policy, load_suite
>>> task = load_suite("ttc-lite-v1")[0]
>>> figures = evaluate_policy(task, lambda observations, greedy: (observations[:, :, 0] * 0).astype(int))
>>> round(figures["welfare_ratio"], 2)
0.96
"""

from typing import TYPE_CHECKING

from ttc_env.lazily import attach

if TYPE_CHECKING:
    from ttc_env.evaluation.collecting import Results, results
    from ttc_env.evaluation.frozen import FrozenPlay, cross_play, uniform_nash_conv
    from ttc_env.evaluation.policy import evaluate_greedy, evaluate_policy, find_course
    from ttc_env.evaluation.population import Population, load_population
    from ttc_env.evaluation.suites import SUITES, load_suite, suite_digest, suite_name
    from ttc_env.evaluation.tasks import Task
    from ttc_env.evaluation.trained_response import LowerBound, best_response_lower_bound

__all__ = [
    "SUITES",
    "FrozenPlay",
    "LowerBound",
    "Population",
    "Results",
    "Task",
    "best_response_lower_bound",
    "cross_play",
    "evaluate_greedy",
    "evaluate_policy",
    "find_course",
    "load_population",
    "load_suite",
    "results",
    "suite_digest",
    "suite_name",
    "uniform_nash_conv",
]

_HOMES = {
    "FrozenPlay": "frozen",
    "LowerBound": "trained_response",
    "Population": "population",
    "Results": "collecting",
    "SUITES": "suites",
    "Task": "tasks",
    "best_response_lower_bound": "trained_response",
    "cross_play": "frozen",
    "evaluate_greedy": "policy",
    "evaluate_policy": "policy",
    "find_course": "policy",
    "load_population": "population",
    "load_suite": "suites",
    "results": "collecting",
    "suite_digest": "suites",
    "suite_name": "suites",
    "uniform_nash_conv": "frozen",
}
__getattr__, __dir__ = attach(__name__, _HOMES)
