"""Cells of a benchmark: a learner trained on a task with a seed, or side by side with several, and scored."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import lru_cache, partial
from typing import Any

import ttc_env
from agents import default_config, make_learner
from agents.training import advance_runs
from train.comparison.cells import Cell
from train.comparison.populations import provide
from train.together import alike, parts
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


@lru_cache(maxsize=1024)
def _seeds_alike(cell: Cell) -> bool:
    task = find_task(cell)
    return alike(cell.learner, default_config(cell.learner), task.market(task.train[0]).num_providers)


def kind(cell: Cell) -> tuple[str, str] | None:
    """What cells that may be run together have in common; None of one that is run alone."""
    return (cell.learner, cell.task) if _seeds_alike(replace(cell, seed=0)) else None


def run_cells(cells: list[Cell]) -> list[dict[str, Any]]:
    """Train, score, and return the records of cells of one kind.

    All of a record but its seconds follows from its cell alone; these are an equal part of those of all.
    """
    use_threads(1)  # the sums of several differ in their last bits
    task = find_task(cells[0])
    provide([task])
    make_env: Any = partial(task.make_env, len(cells))
    learner: Any = make_learner(cells[0].learner, make_env, task.steps, [cell.seed for cell in cells])
    curves: list[list[dict[str, Any]]] = [[] for _ in cells]
    seconds, updates = 0.0, 0
    for point in range(CHECKPOINTS + 1):
        started, before = time.perf_counter(), learner.steps
        while learner.steps < task.steps * point / CHECKPOINTS:
            updates += 1
            advance_runs(learner, updates)
        seconds += (time.perf_counter() - started) / len(cells)
        if point and learner.steps == before:
            continue
        for cell, run, curve in zip(cells, parts(learner, cells), curves, strict=True):
            figures = evaluate_greedy(task, run.act, getattr(run, "enter", None), cell.seed)
            told = {name: figures.get(name) for name in CURVES}
            curve.append({"steps": learner.steps, "seconds": round(seconds, 3)} | told)
    found = zip(cells, parts(learner, cells), curves, strict=True)
    return [_record(cell, task, run, curve, seconds) for cell, run, curve in found]


def _record(cell: Cell, task: Task, run: Any, points: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What became of a cell, from the points of its learning curve."""
    enter = getattr(run, "enter", None)
    curve = {name: [point[name] for point in points] for name in points[0]}
    arrived = arrival(curve["relative_nash_conv"])
    return {
        **cell.identity,
        "settings": asdict(default_config(cell.learner)),
        "version": ttc_env.__version__,
        "metrics": evaluate_policy(task, run.act, enter, cell.seed),
        "curve": curve,
        "steps_to_one_percent": None if arrived is None else curve["steps"][arrived],
        "seconds_to_one_percent": None if arrived is None else curve["seconds"][arrived],
        "frozen": {name: find_course(task, name).freeze(run.act, enter, cell.seed).tolist() for name in task.tests},
        "seconds": round(seconds, 3),
    }


def arrival(gaps: list[float | None], threshold: float = THRESHOLD) -> int | None:
    """The first point from which on the gap stays below the threshold; None if it does not in the end."""
    above = [k for k, gap in enumerate(gaps) if gap is None or not gap < threshold]
    first = above[-1] + 1 if above else 0
    return first if first < len(gaps) else None
