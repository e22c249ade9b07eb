"""The report of a benchmark: the leaderboard with its intervals, learning curves, and every task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from train.comparison import tables
from train.comparison.cells import Cell
from train.comparison.filling import finished
from train.comparison.leaderboard import Leaderboard, summarize
from train.reporting import charts
from train.reporting.page import Chart, Choice, Column, Page, Section, Table

MOST_ROWS = 2000
"""of a chart's curves; of more than that every curve gets fewer points"""
MEANINGS = {
    "score": "1 less NashConv of its greedy play over that of random play, at least 0: random 0, an equilibrium 1.",
    "iqm": "Mean of the middle half of all scores, over tasks and runs: neither one lucky nor one failed run moves it.",
    "mean": "Mean of all scores.",
    "optimality_gap": "How far scores fall short of 1 on average; those above count as 1.",
    "improvement": "How often a run of this learner beats one of the baseline on the same task.",
    "difference": "How far the mean score lies behind the leader's, between runs of the same seed.",
    "p_value": "How likely so large a difference would be if nothing but chance were at work.",
    "holm_p_value": "The same, corrected for all comparisons of the table.",
    "worse_tasks": "Tasks on which it is significantly worse than the leader.",
    "better_tasks": "Tasks on which it is significantly better than the leader.",
    "relative_nash_conv": "What all could gain by changing their own play alone, over all profit; 0 at an equilibrium.",
    "held_out_opponents": "Score against opponents that were not there in training.",
    "rival_regret": "What it loses to best responses against these, over what those earn.",
    "welfare_ratio": "Welfare as a part of the most that is possible.",
    "user_value_ratio": "What the play leaves users, over what the equilibrium leaves them.",
    "auction_user_value": "The same over the auctions alone, where the equilibrium is that of honest bids.",
    "steps_to_one_percent": "Agent steps until NashConv / profit stayed below 1 %, median.",
    "reached": "Runs in which it did.",
    "runs": "Seeds on each task.",
    "missing": "Cells without a record.",
    "cells": "Records there are, of those wanted.",
}


def _latest(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each task what was trained last: its older forms and rehearsals of fewer steps stay in the store."""
    last = {record["task"]: (record["steps"], record.get("digest")) for record in records}
    kept = [record for record in records if (record["steps"], record.get("digest")) == last[record["task"]]]
    return list({(record["learner"], record["task"], record["seed"]): record for record in kept}.values())


def benchmark_page(folders: Sequence[Path], board: Leaderboard | None = None) -> Page:
    """The page of one benchmark's folder, from its results.jsonl.

    Args:
        folders: one.
        board: a leaderboard that was made already, taken where it is of all records that there are.

    Raises:
        ValueError: it has no records.
    """
    (folder,) = folders
    records = _latest(list(finished(folder / "results.jsonl", Cell.of).values()))
    if not records:
        raise ValueError(f"{folder} has no results yet")
    by_cell = {(record["learner"], record["task"], record["seed"]): record for record in records}
    if board is None or board.cells.records != by_cell:
        board = summarize(records)
    shown = {name: table for name, table in board.tables.items() if name != "timing" and tables.has_figures(table)}
    first = [_table(board, name) for name in ("leaderboard", "comparisons", "incomplete") if name in shown]
    sections = [Section("Leaderboard", "Best first.", [*_ranking(board), *first])]
    if curves := list(_curves(board)):
        sections.append(Section("Learning", "Greedy play, scored while it learnt; line: mean over runs.", curves))
    if "tasks" in shown:
        sections.append(Section("Tasks", "Each task by itself.", [_table(board, "tasks")]))
    return Page(f"Benchmark {folder.resolve().name}", [_lead(board)], sections)


def _lead(board: Leaderboard) -> str:
    cells = board.cells
    best = f"{board.leader} leads the learners" if board.leader else "no learner is complete"
    return f"{len(board.ranking)} players on {len(cells.tasks)} tasks, {len(cells.records)} runs in all; {best}."


def _ranking(board: Leaderboard) -> Iterator[Chart]:
    rows = [
        {"what": row["learner"], "run": "score", "value": row["iqm"], "low": row["iqm_low"], "high": row["iqm_high"]}
        for row in board.tables["leaderboard"].rows
    ]
    if rows:
        spec = charts.ranges(rows, ["score"], "score, IQM", max(120, 24 * len(rows)))
        yield Chart("Score of each player", MEANINGS["iqm"] + " Lines: 95 % intervals over runs.", spec, wide=True)


def _curves(board: Leaderboard) -> Iterator[Chart]:
    names, tasks = board.ranking, board.cells.tasks
    points = max(3, MOST_ROWS // max(1, len(names) * len(tasks)))
    for key, title in (("score", "Score"), ("relative_nash_conv", "NashConv / profit")):
        rows: list[dict[str, Any]] = []
        for number, task in enumerate(tasks):
            for name in names:
                rows += [{"task": number, "run": name} | row for row in _course(board, name, task, key, points)]
        if rows:
            choice = Choice("Task", "task", tasks)
            spec = charts.courses(rows, names, [], title, choose="task") | {"height": 320}
            yield Chart(title, MEANINGS[key], spec, choice, wide=True)


def _course(board: Leaderboard, learner: str, task: str, key: str, points: int) -> Iterator[dict[str, float]]:
    """Mean over the runs that have the figure, at their common points."""
    curves = [record["curve"] for record in board.cells.of(learner, task)]
    found: dict[int, list[float]] = {}
    for curve in curves:
        for steps, value in zip(curve["steps"], curve[key], strict=True):
            if value is not None and np.isfinite(value):
                found.setdefault(steps, []).append(value)
    steps = sorted(found)
    for at in steps if len(steps) <= points else [steps[k] for k in np.linspace(0, len(steps) - 1, points).astype(int)]:
        mean = float(f"{np.mean(found[at]):.5g}")
        yield {"steps": at, "middle": mean, "low": mean, "high": mean}


def _table(board: Leaderboard, name: str) -> Table:
    table = board.tables[name]
    keys = [key for key in tables.COLUMNS if any(row.get(key) is not None for row in table.rows)]
    if name == "tasks":
        keys.sort(key=lambda key: key != "task")
    columns = []
    for key in keys:
        title, style = tables.COLUMNS[key]
        title = title.replace("-\n", "-").replace("\n", " ")
        title = title.format(baseline=board.baseline, leader=board.leader)
        columns.append(Column(title, MEANINGS.get(key, ""), style))
    rows = [[_cell(board, row, key) for key in keys] for row in table.rows]
    return Table(table.title, columns, rows, table.note)


def _cell(board: Leaderboard, row: dict[str, Any], key: str) -> Any:
    value, low, high = (row.get(name) for name in (key, f"{key}_low", f"{key}_high"))
    if key == "learner" and value in board.scripted:
        return f"{value} *"
    return value if low is None else (value, low, high)
