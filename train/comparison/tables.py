"""The tables of a leaderboard for people: in the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import rich.table
from rich.console import Console

from train.comparison.leaderboard import Leaderboard, Table
from ttc_env.names import printable
from ttc_env.scripting.files import write_text

FEW_TASKS = 5
"""the terminal shows the scores of each task of so many"""
COLUMNS = {  # what people read of the tables, in this order: title, and the style of the number
    "learner": ("learner", "{}"),
    "task": ("task", "{}"),
    "score": ("score", "{:.3f}"),
    "iqm": ("score, IQM", "{:.3f}"),
    "quarter": ("at 1/4", "{:.3f}"),
    "half": ("at 1/2", "{:.3f}"),
    "area": ("area", "{:.3f}"),
    "mean": ("mean", "{:.3f}"),
    "optimality_gap": ("optimality\ngap", "{:.3f}"),
    "improvement": ("beats\n{baseline}", "{:.0%}"),
    "difference": ("behind\n{leader} by", "{:.4f}"),
    "p_value": ("p", "{:.3g}"),
    "holm_p_value": ("p, Holm", "{:.3g}"),
    "worse_tasks": ("worse\non tasks", "{}"),
    "better_tasks": ("better\non tasks", "{}"),
    "relative_nash_conv": ("NashConv /\nprofit", "{:.2%}"),
    "held_out_opponents": ("held-\nout", "{:.3f}"),
    "welfare_ratio": ("welfare", "{:.3f}"),
    "user_value_ratio": ("user\nvalue", "{:.3f}"),
    "auction_user_value": ("in\nauctions", "{:.3f}"),
    "rival_regret": ("regret to\nrivals", "{:.3f}"),
    "steps_to_one_percent": ("steps\nto 1 %", "{:,.0f}"),
    "reached": ("reached", "{}"),
    "runs": ("runs", "{}"),
    "missing": ("missing", "{}"),
    "cells": ("cells", "{}"),
}
PLACES = ("learner", "task", "runs")
"""columns that say where a row belongs, not what was found"""
NAMES = ("learner", "task", "missing")
"""columns that hold what users named"""
NOT_IN_TERMINAL = {
    *(
        "quarter",
        "half",
        "mean",
        "improvement",
        "optimality_gap",
        "rival_regret",
        "welfare_ratio",
        "p_value",
        "worse_tasks",
        "better_tasks",
        "runs",
    )
}
"""columns that eighty characters have no room for"""


def to_csv(table: Table) -> str:
    """A line per row, numbers with six significant digits, empty where absent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.fields)
    for row in table.rows:
        values = (row.get(field) for field in table.fields)
        writer.writerow("" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in values)
    return text.getvalue()


def has_figures(table: Table) -> bool:
    """Whether a table says anything: the comparisons of single runs do not."""
    return any(row.get(field) is not None for row in table.rows for field in table.fields if field not in PLACES)


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
        if has_figures(table):
            parts += [] if name == "leaderboard" else [f"## {table.title}", ""]
            parts += [*_markdown(table.rows, board), "", *([table.note, ""] if table.note else [])]
    if board.ranking:
        parts += [f"## {board.tables['tasks'].title}", "", board.tables["tasks"].note, ""]
    for task, rows in itertools.groupby(board.tables["tasks"].rows, key=lambda row: row["task"]):
        ordered = sorted(({**row, "task": None} for row in rows), key=lambda row: -row["score"])
        parts += [f"### {_in_markdown(task)}", "", *_markdown(ordered, board), ""]
    return "\n".join(parts)


def _markdown(rows: list[dict[str, Any]], board: Leaderboard) -> Iterator[str]:
    titles, lines = _cells_of(rows, board, name=_in_markdown)
    yield f"| {' | '.join(titles)} |".replace("-\n", "-").replace("\n", " ")
    yield f"|{'|'.join('---' if k == 0 else '---:' for k in range(len(titles)))}|"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def _in_markdown(text: str) -> str:
    """What a user named, as it stands: nothing in it is HTML, a link or emphasis, and no bar ends the cell."""
    return re.sub(r"([\\`*_\[\]<>|&~#])", r"\\\1", printable(text, keep=""))


def _cells_of(
    rows: list[dict[str, Any]],
    board: Leaderboard,
    without: Collection[str] = (),
    name: Callable[[str], str] = str,
) -> tuple[list[str], list[list[str]]]:
    """Titles and formatted cells of the columns that people read and some row has; `name` writes what users named."""
    shown = [key for key in COLUMNS if key not in without and any(row.get(key) is not None for row in rows)]
    titles = [
        COLUMNS[key][0].format(baseline=name(str(board.baseline)), leader=name(str(board.leader))) for key in shown
    ]
    marked = [{key: name(value) if key in NAMES and value else value for key, value in row.items()} for row in rows]
    for row, given in zip(marked, rows, strict=True):
        if given["learner"] in board.scripted:
            row["learner"] += " *"
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
        if not has_figures(table) or (name == "tasks" and len(board.cells.tasks) > FEW_TASKS):
            continue
        titles, lines = _by_task(board) if name == "tasks" else _cells_of(table.rows, board, NOT_IN_TERMINAL)
        shown = rich.table.Table(title=table.title, caption=table.note or None, caption_justify="left")
        for k, title in enumerate(titles):
            shown.add_column(title, justify="right" if k else "left", no_wrap=k == 0, overflow="fold")
        for line in lines:
            shown.add_row(*line)
        console.print(shown)


def _by_task(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """A row per learner, best first, and a column per task with the score."""
    rows, style = board.tables["tasks"].rows, COLUMNS["score"][1]
    found = {(row["learner"], row["task"]): _number(row["score"], style) for row in rows}
    tasks = board.cells.tasks
    return ["learner", *tasks], [[name, *(found[name, task] for task in tasks)] for name in board.ranking]


def write(folder: Path, board: Leaderboard) -> None:
    """leaderboard.md and a CSV file per table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "leaderboard.md", to_markdown(board))
    for name, table in board.tables.items():
        write_text(folder / f"{name}.csv", to_csv(table))
