"""One cell of a benchmark: a learner trained on a task with a seed, and scored."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

import ttc_env
from agents import default_config, make_learner
from agents.training import advance
from train.comparison.cells import Cell
from train.comparison.populations import provide
from ttc_env.evaluation import Task, evaluate_greedy, evaluate_policy, find_course, load_suite
from ttc_env.scripting.threads import use_threads

CHECKPOINTS = 20  # points of a learning curve
CURVES = ("score", "relative_nash_conv", "welfare_ratio")
THRESHOLD = 0.01  # of relative NashConv, from which on a learner counts as having arrived


def find_task(cell: Cell) -> Task:
    """The task of a cell, with the cell's steps."""
    (task,) = (task for task in load_suite(cell.source or cell.suite) if task.name == cell.task)
    if cell.digest not in ("", task.digest):
        raise ValueError(f"the task {cell.task} of {cell.source} has changed since the benchmark began; start it again")
    return task if cell.steps is None else replace(task, steps=cell.steps)


def run_cell(cell: Cell) -> dict[str, Any]:
    """Train, score, and return the record of a cell; all of it but the seconds follows from the cell alone."""
    use_threads(1)  # the sums of several differ in their last bits
    task = find_task(cell)
    provide([task])
    learner = make_learner(cell.learner, task.make_env, task.steps, cell.seed)
    enter = getattr(learner, "enter", None)
    curve: dict[str, list[Any]] = {"steps": [], "seconds": [], **{name: [] for name in CURVES}}
    seconds, updates = 0.0, 0
    for point in range(CHECKPOINTS + 1):
        started = time.perf_counter()
        while learner.steps < task.steps * point / CHECKPOINTS:
            updates += 1
            advance(learner, updates)
        seconds += time.perf_counter() - started
        if curve["steps"] and curve["steps"][-1] == learner.steps:
            continue
        figures = evaluate_greedy(task, learner.act, enter, cell.seed)
        curve["steps"].append(learner.steps)
        curve["seconds"].append(round(seconds, 3))
        for name in CURVES:
            curve[name].append(figures.get(name))
    metrics = evaluate_policy(task, learner.act, enter, cell.seed)
    arrived = arrival(curve["relative_nash_conv"])
    return {
        **cell.identity,
        "settings": asdict(default_config(cell.learner)),
        "version": ttc_env.__version__,
        "metrics": metrics,
        "curve": curve,
        "steps_to_one_percent": None if arrived is None else curve["steps"][arrived],
        "seconds_to_one_percent": None if arrived is None else curve["seconds"][arrived],
        "frozen": {name: find_course(task, name).freeze(learner.act, enter, cell.seed).tolist() for name in task.tests},
        "seconds": round(seconds, 3),
    }


def arrival(gaps: list[float | None], threshold: float = THRESHOLD) -> int | None:
    """The first point from which on the gap stays below the threshold; None if it does not in the end."""
    above = [k for k, gap in enumerate(gaps) if gap is None or not gap < threshold]
    first = above[-1] + 1 if above else 0
    return first if first < len(gaps) else None
