"""Filling a store: what is missing runs, under a bar that says how long it takes, and is stored as soon as known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from train.comparison.workers import Item, run_all
from ttc_env.scripting.console import console
from ttc_env.scripting.jsonl import JsonLines


def fill_store(
    work: Callable[[Item], dict[str, Any]], missing: list[Item], store: Path, title: str, name: Callable[[Item], str],
    jobs: int, backend: str, address: str | None = None,
) -> int:  # fmt: skip
    """Do the missing work and append each record as it ends; returns how many failed, each named with its traceback.

    Args:
        work: makes the record of an item; see `run_all` for it and for `jobs`, `backend` and `address`.
        missing: the items.
        store: file of JSON lines.
        title: stands before the bar.
        name: of an item, for people.
    """
    if not missing:
        return 0
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[last]}"),
        TimeElapsedColumn(), TimeRemainingColumn(elapsed_when_finished=True),
    )  # fmt: skip
    file, failed = JsonLines(store), 0
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(title, total=len(missing), last="")
        for item, record, error in run_all(work, missing, jobs, backend, address):
            if record is None:
                failed += 1
                console.print(f"[red]failed:[/red] {name(item)}\n{error}", highlight=False)
            else:
                file.append([record])
            progress.update(bar, advance=1, last=name(item))
    file.close()
    return failed
