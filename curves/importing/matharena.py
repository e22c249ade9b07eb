"""Outputs that MathArena publishes: a row per problem, model and sample, with verdict, tokens and cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curves.importing.collecting import Left, Row, with_most_samples
from curves.records.lines import json_lines
from curves.records.runs import Run, answers
from curves.verify import Kind, canonical, extract

FIELDS = (
    "problem_idx", "model_name", "idx_answer", "answer", "output_tokens", "cost", "gold_answer", "parsed_answer",
    "correct",
)  # fmt: skip


def read_matharena(path: Path, task: str, kind: Kind | None) -> list[tuple[Run, Left]]:
    """A run for each model of a file, JSON lines or parquet.

    The verdicts of the file are kept. Where the task has a kind of answer, ours are held beside them: `verdicts` says
    how many were compared and at which rate the two disagree. `tariff` is what was billed, input included, per
    million generated tokens.

    Raises:
        ValueError: no sample can be read, or parquet cannot be read here.
    """
    models: dict[str, dict[str, dict[str, Row]]] = {}
    left: dict[str, Left] = {}
    unnamed: Left = Counter()
    for row in _rows(path, unnamed):
        question, model, sample = (row.get(name) for name in FIELDS[:3])
        if not isinstance(model, str) or question is None or sample is None:
            unnamed["lines without problem, model or sample"] += 1
            continue
        question = str(question)
        counted = left.setdefault(model, Counter())
        known = models.setdefault(model, {}).setdefault(question, {})
        if str(sample) in known:
            counted["repeated samples"] += 1
        elif (record := _record(row, kind)) is None:
            counted["incomplete samples"] += 1
        else:
            known[str(sample)] = record
    found = []
    for model, questions in models.items():
        rows = [record for samples in questions.values() for record in samples.values()]
        if rows:
            table = {name: answers(samples.values()) for name, samples in questions.items() if samples}
            whole = with_most_samples(table, left[model])
            found.append(
                (Run(model, task, whole, metadata={"file": path.name} | _summary(rows)), left[model] + unnamed)
            )
    if not found:
        raise ValueError(f"{path}: no sample can be read ({dict(unnamed) or 'the file is empty'})")
    return found


def _record(row: Row, kind: Kind | None) -> Row | None:
    """A sample as estimators see it, and what our verifier says of it; None if something is missing."""
    tokens, right, text = row.get("output_tokens"), row.get("correct"), row.get("answer")
    if not isinstance(tokens, int | float) or not 0 <= tokens < 1e18 or right not in (True, False):
        return None
    parsed = None if row.get("parsed_answer") in (None, "", "None") else str(row["parsed_answer"])
    truth = canonical(str(row.get("gold_answer")), kind) if kind else None
    ours = None if kind is None or truth is None or not isinstance(text, str) else extract(text, kind).flexible == truth
    name = (canonical(parsed, kind) if kind and parsed else None) or parsed
    cost = row.get("cost")
    return {
        "answer": name, "correct": bool(right), "tokens": tokens, "finish": "stop", "ours": ours,
        "cost": cost if isinstance(cost, int | float) and 0 <= cost < 1e9 else None,
    }  # fmt: skip


def _summary(rows: list[Row]) -> dict[str, Any]:
    """The bill per million generated tokens, and how often the two verdicts disagree."""
    judged = [row for row in rows if row["ours"] is not None]
    tokens, costs = sum(row["tokens"] for row in rows), [row["cost"] for row in rows]
    found: dict[str, Any] = {}
    if tokens > 0 and None not in costs:
        found["tariff"] = [sum(costs) / tokens * 1e6]
    if judged:
        disagree = sum(row["ours"] != row["correct"] for row in judged)
        found["verdicts"] = {"compared": len(judged), "disagreement": disagree / len(judged)}
    return found


def _rows(path: Path, left: Left) -> Iterator[Row]:
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    for line in json_lines(path):
        if line.fault:
            left["torn lines"] += 1
        else:
            yield line.row


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ValueError(f"{path}: parquet needs `pip install pyarrow`, or save the table as JSON lines") from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = [name for name in FIELDS if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=1000, columns=columns):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path}: not a parquet file ({json.dumps(str(error)[:80])})") from None
