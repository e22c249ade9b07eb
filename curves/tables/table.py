"""From recorded answers to a table of curves with intervals, joint bootstrap draws and per-question outcomes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curves.estimating.intervals import accuracy_interval, bootstrap_means
from curves.estimating.methods import QUANTILE_BINS, curve
from curves.records.runs import Run
from ttc_env.curves import COLUMNS, read_curves
from ttc_env.scripting.files import replacing

SAMPLES = (1, 4, 8, 16, 32, 64)  # as published; a vote of two is no better than one sample
EXTRA_COLUMNS = ("standard_error", "low", "high", "questions", "samples", "measured_usd_per_mtok")


@dataclass(frozen=True, eq=False)
class Table:
    """Curves of `n` models at `m` levels on the same `Q` questions.

    `accuracy` and `tokens` are per question, `(n, m, Q)`; their means are the curves.
    """

    benchmark: str
    method: str
    models: tuple[str, ...]
    levels: tuple[int, ...]
    questions: tuple[str, ...]
    samples: tuple[int, ...]
    accuracy: np.ndarray
    tokens: np.ndarray

    @property
    def name(self) -> str:
        """The name of the market it makes."""
        return f"{self.benchmark}/{self.method}"


def make_table(runs: Sequence[Run], method: str, benchmark: str | None = None) -> Table:
    """One table from several models' runs of one task; only questions that all of them answered count.

    Raises:
        ValueError: no or different tasks, a model twice, or no common question or level.
    """
    tasks, models = {run.task for run in runs}, [run.model for run in runs]
    if len(tasks) != 1 or len(set(models)) != len(models):
        raise ValueError(f"a table needs different models on one task, got models {models}, tasks {sorted(tasks)}")
    questions = [question for question in runs[0].questions if all(question in run.questions for run in runs)]
    if len(questions) < 2:
        raise ValueError(f"{', '.join(models)} have {len(questions)} questions in common; at least 2 are needed")
    samples = tuple(min(len(run.questions[question].answer) for question in questions) for run in runs)
    levels = _levels(runs, method, min(samples))
    points = np.array([curve(run, method, levels, questions) for run in runs])
    return Table(
        benchmark or tasks.pop(), method, tuple(models), tuple(levels), tuple(questions), samples,
        points[:, 0], points[:, 1],
    )  # fmt: skip


def _levels(runs: Sequence[Run], method: str, samples: int) -> list[int]:
    if method == "reasoning_quantile":
        return list(range(1, QUANTILE_BINS + 1))
    if method == "reasoning_effort":
        levels = [budget for budget in runs[0].forced if all(budget in run.forced for run in runs)]
        if not levels:
            raise ValueError("reasoning_effort needs thinking budgets that were recorded for every model")
        return sorted(levels)
    return [k for k in SAMPLES if k <= samples]


def rows(table: Table, usd_per_mtok: Mapping[str, float], measured: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """A row per model and level, in the columns that `ttc_env.load_market` reads and `EXTRA_COLUMNS`.

    Raises:
        ValueError: a model without a price.
    """
    found = []
    for i, model in enumerate(table.models):
        if model not in usd_per_mtok:
            raise ValueError(f"no price for {model!r}; known: {', '.join(usd_per_mtok)}")
        for k, level in enumerate(table.levels):
            estimate = accuracy_interval(table.accuracy[i, k])
            point = (table.benchmark, table.method, model, level, *_round(estimate.mean, table.tokens[i, k].mean()))
            cost = measured.get(model)
            extra = (
                *_round(*estimate[1:]),
                len(table.questions),
                table.samples[i],
                "" if cost is None else f"{cost:.6g}",
            )
            cells = zip((*COLUMNS, *EXTRA_COLUMNS), (*point, usd_per_mtok[model], *extra), strict=True)
            found.append(dict(cells))
    return found


def arrays(tables: Sequence[Table], draws: int, seed: int) -> dict[str, np.ndarray]:
    """What stands beside the table, by market name: joint bootstrap draws `(draws, n, m)` and outcomes `(Q, n, m)`.

    The same questions are drawn for all models, levels and, where they share questions, methods.
    """
    found: dict[str, np.ndarray] = {}
    for table in tables:
        for kind, values in (("accuracy", table.accuracy), ("tokens", table.tokens)):
            means = bootstrap_means(values, draws, np.random.default_rng(seed))
            found[f"{table.method}.{kind}.draws"] = means.astype(np.float32)
            found[f"{table.method}.{kind}.questions"] = np.moveaxis(values, -1, 0).astype(np.float32)
    return found


def write(path: Path, table_rows: Sequence[Mapping[str, Any]], beside: Mapping[str, np.ndarray]) -> None:
    """Write `path` (CSV) and the arrays beside it (`.npz`), each of them whole or not at all.

    Raises:
        ValueError: `ttc_env.load_market` would refuse the table; nothing is written then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        with open(draft, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, (*COLUMNS, *EXTRA_COLUMNS))
            writer.writeheader()
            writer.writerows(table_rows)
        _readable(draft, path)
    with replacing(path.with_suffix(".npz")) as draft, open(draft, "wb") as binary:
        np.savez_compressed(binary, allow_pickle=False, **beside)


def _readable(draft: Path, path: Path) -> None:
    try:
        read_curves(draft)
    except ValueError as error:
        raise ValueError(str(error).replace(str(draft), str(path))) from None


def _round(*values: float) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
