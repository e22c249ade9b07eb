"""The leaderboard of a benchmark: tables from the records of its cells.

A *cell* is one learner on one task with one seed. The tables depend on the records only, not on their order; wall times
stand in a table of their own, so that all others are byte-identical wherever and however often they are made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.comparison.curves import heights
from train.comparison.records import Cells
from ttc_env.evaluation import statistics
from ttc_env.evaluation.statistics import estimate, holm, paired_differences

BOOTSTRAP_SEED = 0
ALPHA = 0.05
SCRIPTED = ("fixed", "random", "truthful", "nash", "stage", "myopic", "constant", "best-response", "fictitious-play")
"""players that are told the market or do not learn: marked in the tables, and never the leader beside learners"""


@dataclass(frozen=True)
class Table:
    """Rows of one table, by `fields`; absent values are None. `low` and `high` belong to the field named before."""

    title: str
    fields: tuple[str, ...]
    rows: list[dict[str, Any]]
    note: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """All tables of a benchmark, by the name of their file, and what is needed to draw it.

    Attributes:
        cells: the records.
        ranking: complete learners, best first; scripted ones included.
        leader: the best learner, or None where no learner is complete.
        baseline: the learner the column "beats" is about.
        scripted: players that are not learners.
        tables: leaderboard, tasks, comparisons, incomplete, timing.
    """

    cells: Cells
    ranking: list[str]
    leader: str | None
    baseline: str
    scripted: frozenset[str]
    tables: dict[str, Table]


def summarize(
    records: Iterable[Mapping[str, Any]],
    learners: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    *,
    baseline: str = "random",
    scripted: Collection[str] = SCRIPTED,
) -> Leaderboard:
    """The tables of a benchmark; the first four arguments and errors are those of `Cells`.

    Args:
        baseline: what every learner is compared with in the first table, if it is among them.
        scripted: players that cannot be the leader, except among themselves.
    """
    cells = Cells(records, learners, tasks, seeds)
    summary = sorted(
        (_summary(cells, learner, baseline) for learner in cells.complete),
        key=lambda row: (-row["iqm"], -row["mean"], row["learner"]),
    )
    ranking = [row["learner"] for row in summary]
    leader = next((name for name in ranking if name not in scripted), ranking[0] if ranking else None)
    intervals = f"Brackets: 95 % stratified bootstrap intervals over runs (seed {BOOTSTRAP_SEED}), absent with one run."
    tables = {
        "leaderboard": Table(
            f"{cells.suite or 'benchmark'}: {len(cells.tasks)} tasks",
            (*_bounded("iqm", "learner"), "quarter", "half", "area", "mean", "optimality_gap",
             *_bounded("improvement"), "relative_nash_conv",
             "held_out_opponents", "welfare_ratio", "user_value_ratio", "auction_user_value", "rival_regret",
             "steps_to_one_percent", "reached", "runs"),
            summary,
            f"{intervals} NashConv / profit and steps: medians over cells, cells that never fall below 1 % counted as "
            "infinite; reached: how many do. At 1/4, at 1/2: IQM of the score after that part of the steps; area: IQM "
            "of the mean score over all steps. In auctions: what these leave the users; regret to rivals: in auctions. "
            "Runs are per task. "
            "* told the market, or not learning.",
        ),
        "tasks": _task_table(cells, ranking, intervals),
        "comparisons": _comparisons(cells, ranking, leader),
        "incomplete": Table(
            "Incomplete, and left out above",
            ("learner", "missing", "cells"),
            [_missing(cells, name) for name in cells.learners if name not in ranking],
        ),
        "timing": _timing(cells),
    }  # fmt: skip
    return Leaderboard(cells, ranking, leader, baseline, frozenset(scripted), tables)


def _bounded(field: str, *before: str) -> tuple[str, ...]:
    return *before, field, f"{field}_low", f"{field}_high"


def _with_interval(field: str, statistic: Any, *scores: np.ndarray, paired: bool = True) -> dict[str, float | None]:
    """A statistic and its interval as fields of a row; a single run has no interval."""
    if min(array.shape[1] for array in scores) < 2:
        return {field: float(statistic(*scores)), f"{field}_low": None, f"{field}_high": None}
    found = estimate(statistic, *scores, seed=BOOTSTRAP_SEED, paired=paired)
    return dict(zip(_bounded(field), map(float, found), strict=True))


def _summary(cells: Cells, learner: str, baseline: str) -> dict[str, Any]:
    scores = cells.scores(learner)
    row: dict[str, Any] = {"learner": learner, **_with_interval("iqm", statistics.iqm, scores)}
    row |= {"mean": float(statistics.mean(scores)), "optimality_gap": float(statistics.optimality_gap(scores))}
    row |= _over_training(cells, learner, cells.tasks)
    if baseline in cells.complete and learner != baseline:
        paired, other = cells.seeds[learner] == cells.seeds[baseline], cells.scores(baseline)
        row |= _with_interval("improvement", statistics.probability_of_improvement, scores, other, paired=paired)
    auctions = [task for task in cells.tasks if cells.matrix(learner, "truthfulness_gap", [task]) is not None]
    if auctions:
        row["auction_user_value"] = _mean(cells.matrix(learner, "user_value_ratio", auctions))
        row["rival_regret"] = _mean(cells.matrix(learner, "rival_regret", auctions))
    return row | _further(cells, learner, cells.tasks)


def _further(cells: Cells, learner: str, tasks: Sequence[str]) -> dict[str, Any]:
    """Medians and means of the other metrics over the cells of some tasks."""
    gaps = cells.matrix(learner, "relative_nash_conv", tasks)
    steps = _to_one_percent(cells, learner, tasks, "steps")
    return {
        "relative_nash_conv": None if gaps is None else float(np.median(gaps)),
        **{
            name: _mean(cells.matrix(learner, name, tasks))
            for name in ("held_out_opponents", "welfare_ratio", "user_value_ratio")
        },
        "steps_to_one_percent": _median(steps),
        "reached": f"{sum(map(math.isfinite, steps))}/{len(steps)}",
        "runs": len(cells.seeds[learner]),
    }


def _over_training(cells: Cells, learner: str, tasks: Sequence[str]) -> dict[str, float]:
    """Interquartile means over tasks and runs of the score in the course of training; see `curves.heights`."""
    found = [[heights(record["curve"]) for record in cells.of(learner, task)] for task in tasks]
    return {
        name: float(statistics.iqm(np.array([[one[name] for one in runs] for runs in found])))
        for name in ("quarter", "half", "area")
    }


def _mean(values: np.ndarray | None) -> float | None:
    return None if values is None else float(values.mean())


def _to_one_percent(cells: Cells, learner: str, tasks: Sequence[str], unit: str) -> list[float]:
    """Steps or seconds until the relative NashConv fell below 1 %, of every record there is; infinite if never."""
    reached = [record[f"{unit}_to_one_percent"] for task in tasks for record in cells.of(learner, task)]
    return [math.inf if value is None else float(value) for value in reached]


def _median(values: Sequence[float]) -> float | None:
    """The median, None where it is infinite."""
    middle = float(np.median(values))
    return middle if math.isfinite(middle) else None


def _task_table(cells: Cells, ranking: Sequence[str], intervals: str) -> Table:
    known = ("score", "relative_nash_conv", "held_out_opponents", "welfare_ratio", "user_value_ratio")
    others = sorted({name for record in cells.records.values() for name in record["metrics"]} - set(known))
    rows = []
    for task, learner in itertools.product(cells.tasks, ranking):
        row = {"task": task, "learner": learner}
        row |= _with_interval("score", statistics.mean, cells.scores(learner, [task]))
        row |= _over_training(cells, learner, [task]) | _further(cells, learner, [task])
        rows.append(row | {name: _mean(cells.matrix(learner, name, [task])) for name in others})
    fields = ("quarter", "half", "area", *known[1:], "steps_to_one_percent", "reached", "runs")
    return Table(
        "Each task",
        (*_bounded("score", "task", "learner"), *fields, *others),
        rows,
        f"Means over runs; NashConv / profit and steps: medians. {intervals}",
    )


def _comparisons(cells: Cells, ranking: Sequence[str], leader: str | None) -> Table:
    """Every learner against the leader: over all tasks, with the run as the unit, and how many tasks differ."""
    rows = [] if leader is None else [_comparison(cells, leader, name) for name in ranking if name != leader]
    tested = [row for row in rows if "p_value" in row]
    for row, adjusted in zip(tested, holm([row["p_value"] for row in tested]), strict=True):
        row["holm_p_value"] = float(adjusted)
    fewest = min((row["runs"] for row in tested), default=0)
    least = f" With {fewest} runs the least p possible is {2.0 ** (1 - fewest):.2g}."
    note = (
        "Differences of the mean score over tasks between runs of the same seed; p by the sign-flip test over runs, "
        f"Holm over the rows. Tasks: significant at {ALPHA:g} after Holm over the tasks of a row. The data that tell "
        f"also chose the leader.{least if 0 < fewest <= statistics.EXACT_RUNS else ''}"
    )
    fields = (*_bounded("difference", "learner"), "p_value", "holm_p_value", "worse_tasks", "better_tasks", "runs")
    return Table(f"Against the leader, {leader}", fields, rows, note)


def _comparison(cells: Cells, leader: str, learner: str) -> dict[str, Any]:
    seeds = sorted(set(cells.seeds[leader]) & set(cells.seeds[learner]))
    if len(seeds) < 2:
        return {"learner": learner, "runs": len(seeds)}
    best, own = (cells.scores(name)[:, np.searchsorted(cells.seeds[name], seeds)] for name in (leader, learner))
    means = (scores.mean(axis=0, keepdims=True) for scores in (best, own))
    overall = (float(part[0]) for part in paired_differences(*means, seed=BOOTSTRAP_SEED))
    each = paired_differences(best, own, seed=BOOTSTRAP_SEED)
    differs = holm(each.p_value) <= ALPHA
    return {
        "learner": learner,
        "runs": len(seeds),
        **dict(zip((*_bounded("difference"), "p_value"), overall, strict=True)),
        "worse_tasks": int((differs & (each.mean > 0)).sum()),
        "better_tasks": int((differs & (each.mean < 0)).sum()),
    }


def _missing(cells: Cells, learner: str) -> dict[str, Any]:
    gaps, wanted = cells.missing[learner], len(cells.tasks) * len(cells.seeds[learner])
    by_task = itertools.groupby(gaps, key=lambda cell: cell[1])
    named = "; ".join(f"{task}: seed {', '.join(str(seed) for _, _, seed in rows)}" for task, rows in by_task)
    whole = "all" if len(gaps) == wanted else named
    return {"learner": learner, "missing": whole, "cells": f"{wanted - len(gaps)}/{wanted}"}


def _timing(cells: Cells) -> Table:
    rows = []
    for learner, task in itertools.product(cells.learners, cells.tasks):
        seconds = [record["seconds"] for record in cells.of(learner, task)]
        if seconds:
            row = {"learner": learner, "task": task, "runs": len(seconds), "seconds_sum": math.fsum(seconds)}
            row |= {"seconds_median": float(np.median(seconds))}
            rows.append(row | {"seconds_to_one_percent": _median(_to_one_percent(cells, learner, [task], "seconds"))})
    fields = ("learner", "task", "runs", "seconds_sum", "seconds_median", "seconds_to_one_percent")
    return Table("Wall time", fields, rows)
