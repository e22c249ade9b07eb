"""The leaderboard of a benchmark: tables from the records of its cells, in the terminal, as Markdown and as CSV.

A *cell* is one learner on one task with one seed. The tables depend on the records only, not on their order; wall times
stand in a table of their own, so that all others are byte-identical wherever and however often they are made.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rich.table
from rich.console import Console

from ttc_env import statistics
from ttc_env.statistics import estimate, holm, paired_differences

BOOTSTRAP_SEED = 0
ALPHA = 0.05
FEW_TASKS = 5
"""the terminal shows the scores of each task of so many"""
SCRIPTED = ("fixed", "random", "truthful", "nash", "best-response", "fictitious-play")
"""players that are told the market or do not learn: marked in the tables, and never the leader beside learners"""
COLUMNS = {  # what people read of the tables, in this order: title, and the style of the number
    "learner": ("learner", "{}"),
    "task": ("task", "{}"),
    "score": ("score", "{:.3f}"),
    "iqm": ("score, IQM", "{:.3f}"),
    "mean": ("mean", "{:.3f}"),
    "optimality_gap": ("optimality\ngap", "{:.3f}"),
    "improvement": ("beats\n{baseline}", "{:.0%}"),
    "difference": ("behind\n{leader} by", "{:.4f}"),
    "p_value": ("p", "{:.3g}"),
    "holm_p_value": ("p, Holm", "{:.3g}"),
    "worse_tasks": ("worse\non tasks", "{}"),
    "better_tasks": ("better\non tasks", "{}"),
    "relative_nash_conv": ("NashConv /\nprofit", "{:.2%}"),
    "held_out_opponents": ("held-out", "{:.3f}"),
    "welfare_ratio": ("welfare", "{:.3f}"),
    "steps_to_one_percent": ("steps\nto 1 %", "{:,.0f}"),
    "reached": ("reached", "{}"),
    "runs": ("runs", "{}"),
    "missing": ("missing", "{}"),
    "cells": ("cells", "{}"),
}


class Cells:
    """The records of some learners on some tasks, by cell.

    Args:
        records: as the benchmark stores them, in any order; those of other learners, tasks and seeds are left out.
        learners, tasks: names; by default all that have records. Tasks stay in the order given.
        seeds: those of every cell; by default those a learner has on any task.

    Attributes:
        records: by learner, task and seed.
        seeds, missing: per learner the seeds of its cells, and the cells without a record.
        complete: the learners without such.

    Raises:
        ValueError: two records of one cell, two suites, or a learner with two settings: what they say cannot be
            averaged; or no learner, task or seed.
    """

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]],
        learners: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        self.records: dict[tuple[str, str, int], Mapping[str, Any]] = {}
        for record in records:
            cell = record["learner"], record["task"], record["seed"]
            asked = zip(cell, (learners, tasks, seeds), strict=True)
            if not all(chosen is None or name in chosen for name, chosen in asked):
                continue
            if cell in self.records:
                raise ValueError("two records of the cell learner {!r}, task {!r}, seed {}".format(*cell))
            self.records[cell] = record
        names, places, numbers = (
            (sorted(set(column)) for column in zip(*self.records, strict=True)) if self.records else ((),) * 3
        )
        self.learners = sorted(set(names if learners is None else learners))
        self.tasks = list(dict.fromkeys(places if tasks is None else tasks))
        common = list(numbers) if seeds is None else sorted(set(seeds))
        if not (self.learners and self.tasks and common):
            raise ValueError(f"nothing to compare: learners {self.learners}, tasks {self.tasks}, seeds {common}")
        own = {name: sorted({seed for learner, _, seed in self.records if learner == name}) for name in self.learners}
        self.seeds = {name: own[name] if seeds is None and own[name] else common for name in self.learners}
        self.missing = {
            name: [cell for cell in self._wanted(name) if cell not in self.records] for name in self.learners
        }
        self.complete = [name for name in self.learners if not self.missing[name]]
        self.suite = " ".join(sorted({record["suite"] for record in self.records.values()}))
        self.versions = sorted({record["version"] for record in self.records.values()})
        if " " in self.suite:
            raise ValueError(f"records of several suites cannot be compared: {self.suite}")
        for learner in self.learners:
            settings = {json.dumps(record["settings"], sort_keys=True) for record in self.of(learner)}
            if len(settings) > 1:
                raise ValueError(f"records of {learner!r} have different settings: {' and '.join(sorted(settings))}")

    def _wanted(self, learner: str) -> list[tuple[str, str, int]]:
        return list(itertools.product([learner], self.tasks, self.seeds[learner]))

    def of(self, learner: str, task: str | None = None) -> list[Mapping[str, Any]]:
        """Records of a learner, on one task if asked, by task and seed."""
        found = (self.records.get(cell) for cell in self._wanted(learner) if task in (None, cell[1]))
        return [record for record in found if record is not None]

    def matrix(self, learner: str, metric: str, tasks: Sequence[str] | None = None) -> np.ndarray | None:
        """A metric of a complete learner `(num_tasks, num_runs)`; None where a cell lacks it, not a mean over fewer."""
        tasks = tasks or self.tasks
        values = [record["metrics"].get(metric) for task in tasks for record in self.of(learner, task)]
        return None if None in values else np.array(values, dtype=float).reshape(len(tasks), -1)

    def scores(self, learner: str, tasks: Sequence[str] | None = None) -> np.ndarray:
        """The score of a complete learner `(num_tasks, num_runs)`, runs by seed.

        Raises:
            ValueError: a cell without a finite score, naming it.
        """
        for record in self.of(learner):
            if not math.isfinite(record["metrics"].get("score", math.nan)):
                raise ValueError(
                    f"learner {learner!r}, task {record['task']!r}, seed {record['seed']} has no finite score"
                )
        scores = self.matrix(learner, "score", tasks)
        assert scores is not None
        return scores


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
            (*_bounded("iqm", "learner"), "mean", "optimality_gap", *_bounded("improvement"), "relative_nash_conv",
             "held_out_opponents", "welfare_ratio", "steps_to_one_percent", "reached", "runs"),
            summary,
            f"{intervals} NashConv / profit and steps: medians over cells, cells that never fall below 1 % counted as "
            "infinite; reached: how many do. Runs are per task. "
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
    if baseline in cells.complete and learner != baseline:
        paired, other = cells.seeds[learner] == cells.seeds[baseline], cells.scores(baseline)
        row |= _with_interval("improvement", statistics.probability_of_improvement, scores, other, paired=paired)
    return row | _further(cells, learner, cells.tasks)


def _further(cells: Cells, learner: str, tasks: Sequence[str]) -> dict[str, Any]:
    """Medians and means of the other metrics over the cells of some tasks."""
    gaps = cells.matrix(learner, "relative_nash_conv", tasks)
    steps = _to_one_percent(cells, learner, tasks, "steps")
    return {
        "relative_nash_conv": None if gaps is None else float(np.median(gaps)),
        **{name: _mean(cells.matrix(learner, name, tasks)) for name in ("held_out_opponents", "welfare_ratio")},
        "steps_to_one_percent": _median(steps),
        "reached": f"{sum(map(math.isfinite, steps))}/{len(steps)}",
        "runs": len(cells.seeds[learner]),
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
    known = ("score", "relative_nash_conv", "held_out_opponents", "welfare_ratio")
    others = sorted({name for record in cells.records.values() for name in record["metrics"]} - set(known))
    rows = []
    for task, learner in itertools.product(cells.tasks, ranking):
        row = {"task": task, "learner": learner}
        row |= _with_interval("score", statistics.mean, cells.scores(learner, [task]))
        row |= _further(cells, learner, [task])
        rows.append(row | {name: _mean(cells.matrix(learner, name, [task])) for name in others})
    fields = ("relative_nash_conv", "held_out_opponents", "welfare_ratio", "steps_to_one_percent", "reached", "runs")
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


def to_csv(table: Table) -> str:
    """A line per row, numbers with six significant digits, empty where absent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.fields)
    for row in table.rows:
        values = (row.get(field) for field in table.fields)
        writer.writerow("" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in values)
    return text.getvalue()


def to_markdown(board: Leaderboard) -> str:
    """All tables but the timing, for people; the tasks one after another."""
    parts = [
        f"# {board.tables['leaderboard'].title}",
        "",
        f"Version {', '.join(board.cells.versions) or 'unknown'}.",
        "",
    ]
    for name in ("leaderboard", "comparisons", "incomplete"):
        table = board.tables[name]
        if table.rows:
            parts += [] if name == "leaderboard" else [f"## {table.title}", ""]
            parts += [*_markdown(table.rows, board), "", *([table.note, ""] if table.note else [])]
    if board.ranking:
        parts += [f"## {board.tables['tasks'].title}", "", board.tables["tasks"].note, ""]
    for task, rows in itertools.groupby(board.tables["tasks"].rows, key=lambda row: row["task"]):
        ordered = sorted(({**row, "task": None} for row in rows), key=lambda row: -row["score"])
        parts += [f"### {task}", "", *_markdown(ordered, board), ""]
    return "\n".join(parts)


def _markdown(rows: list[dict[str, Any]], board: Leaderboard) -> Iterator[str]:
    titles, lines = _cells_of(rows, board)
    yield f"| {' | '.join(titles)} |".replace("\n", " ")
    yield f"|{'|'.join('---' if k == 0 else '---:' for k in range(len(titles)))}|"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def _cells_of(rows: list[dict[str, Any]], board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Titles and formatted cells of the columns that people read and some row has."""
    shown = [key for key in COLUMNS if any(row.get(key) is not None for row in rows)]
    titles = [COLUMNS[key][0].format(baseline=board.baseline, leader=board.leader) for key in shown]
    marked = (
        {**row, "learner": f"{row['learner']} *" if row["learner"] in board.scripted else row["learner"]}
        for row in rows
    )
    return titles, [[_cell(row, key) for key in shown] for row in marked]


def _cell(row: dict[str, Any], key: str) -> str:
    values = (row.get(key), row.get(f"{key}_low"), row.get(f"{key}_high"))
    value, low, high = ("-" if v is None else _number(v, COLUMNS[key][1]) for v in values)
    return value if low == "-" or key == "improvement" else f"{value} [{low}, {high}]"


def _number(value: Any, style: str) -> str:
    text = style.format(value)
    return text if text.strip("-0.%") else text.removeprefix("-")


def print_tables(board: Leaderboard, console: Console) -> None:
    """The leaderboard, the scores on each task if these are few, the comparisons and what is incomplete."""
    for name in ("leaderboard", "tasks", "comparisons", "incomplete"):
        table = board.tables[name]
        if not table.rows or (name == "tasks" and len(board.cells.tasks) > FEW_TASKS):
            continue
        titles, lines = _by_task(board) if name == "tasks" else _cells_of(table.rows, board)
        shown = rich.table.Table(title=table.title, caption=table.note or None, caption_justify="left")
        for k, title in enumerate(titles):
            shown.add_column(title, justify="right" if k else "left", no_wrap=k == 0)
        for line in lines:
            shown.add_row(*line)
        console.print(shown)


def _by_task(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """A row per learner, best first, and a column per task with the score."""
    found = {(row["learner"], row["task"]): _cell(row, "score") for row in board.tables["tasks"].rows}
    tasks = board.cells.tasks
    return ["learner", *tasks], [[name, *(found[name, task] for task in tasks)] for name in board.ranking]


def write(folder: Path, board: Leaderboard) -> None:
    """leaderboard.md and a CSV file per table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "leaderboard.md").write_text(to_markdown(board), encoding="utf-8")
    for name, table in board.tables.items():
        (folder / f"{name}.csv").write_text(to_csv(table), encoding="utf-8")
