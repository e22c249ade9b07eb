"""From recorded answers to a table of curves with intervals, joint bootstrap draws and per-question outcomes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curves.estimating.intervals import accuracy_interval, bootstrap_means
from curves.estimating.methods import QUANTILE_BINS, Repeated, curve
from curves.records.runs import Run
from curves.tables.prices import Tariff
from ttc_env.curves import AMOUNTS, COLUMNS, TARIFF, read_curves
from ttc_env.scripting.files import replacing

SAMPLES = (1, 4, 8, 16, 32, 64)  # as published; a vote of two is no better than one sample
EXTRA_COLUMNS = ("standard_error", "low", "high", "questions", "samples", "measured_usd_per_mtok")


@dataclass(frozen=True, eq=False)
class Table:
    """Curves of `n` models at `m` levels on the same `Q` questions.

    `accuracy` and `tokens` are per question, `(n, m, Q)`; their means are the curves. So are the tokens that are read,
    anew (`input`) and from a cache, where they were recorded for all models.
    """

    benchmark: str
    method: str
    models: tuple[str, ...]
    levels: tuple[int, ...]
    questions: tuple[str, ...]
    samples: tuple[int, ...]
    accuracy: np.ndarray
    tokens: np.ndarray
    input: np.ndarray | None = None
    cached: np.ndarray | None = None

    @property
    def name(self) -> str:
        """The name of the market it makes."""
        return f"{self.benchmark}/{self.method}"


def make_table(
    runs: Sequence[Run], method: str, benchmark: str | None = None, repeated_prompt: Repeated = "input"
) -> Table:
    """One table from several models' runs of one task; only questions that all of them answered count.

    `repeated_prompt` says how the prompt is billed with the second and later samples of a query.

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
    found = [curve(run, method, levels, questions, repeated_prompt) for run in runs]
    whole = all(one.input is not None for one in found)
    label = benchmark or tasks.pop()
    return Table(
        label, method, tuple(models), tuple(levels), tuple(questions), samples,
        np.array([one.accuracy for one in found]), np.array([one.tokens for one in found]),
        np.array([one.input for one in found]) if whole else None,
        np.array([one.cached for one in found]) if whole else None,
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


def rows(table: Table, prices: Mapping[str, Tariff], measured: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """A row per model and level, in the columns that `ttc_env.load_market` reads and `EXTRA_COLUMNS`.

    Raises:
        ValueError: a model without a price, or tokens that are billed and were not recorded.
    """
    found = []
    for i, model in enumerate(table.models):
        if model not in prices:
            raise ValueError(f"no price for {model!r}; known: {', '.join(prices)}")
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
            cells = dict(zip(COLUMNS, (*point, prices[model].output), strict=True))
            read = _billed(table, i, k, [prices[other] for other in table.models])
            found.append(cells | read | dict(zip(EXTRA_COLUMNS, extra, strict=True)))
    return found


def bills_input(prices: Mapping[str, Tariff]) -> bool:
    """Whether any model is paid for the tokens that it reads."""
    return any(tariff.input is not None for tariff in prices.values())


def _billed(table: Table, i: int, k: int, tariffs: Sequence[Tariff]) -> dict[str, float]:
    """The cells of what is billed besides generated tokens: whatever any model is paid for."""
    cells: dict[str, float] = {}
    own = tariffs[i]
    if any(tariff.input is not None for tariff in tariffs):
        if table.input is None or table.cached is None:
            raise ValueError(
                f"{table.name}: {TARIFF[0]} is given, but not all models have recorded input tokens; "
                "leave that column out of the prices"
            )
        cells |= dict(zip(AMOUNTS, _round(table.input[i, k].mean(), table.cached[i, k].mean()), strict=True))
        cells[TARIFF[0]] = own.input or 0.0
        cells[TARIFF[1]] = own.cached if own.cached is not None else cells[TARIFF[0]]
    if any(tariff.fee is not None for tariff in tariffs):
        cells[TARIFF[2]] = own.fee or 0.0
    return cells


def arrays(tables: Sequence[Table], draws: int, seed: int, *, with_input: bool = False) -> dict[str, np.ndarray]:
    """What stands beside the table, by market name: joint bootstrap draws `(draws, n, m)` and outcomes `(Q, n, m)`.

    The same questions are drawn for all models, levels and, where they share questions, methods.

    Args:
        tables: the curves.
        draws: how many.
        seed: of the draws.
        with_input: keep the tokens that are read as well, where they were recorded.
    """
    found: dict[str, np.ndarray] = {}
    for table in tables:
        quantities = {"accuracy": table.accuracy, "tokens": table.tokens}
        if with_input and table.input is not None and table.cached is not None:
            quantities |= dict(zip(AMOUNTS, (table.input, table.cached), strict=True))
        for kind, values in quantities.items():
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
            writer = csv.DictWriter(file, list(table_rows[0]))
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
