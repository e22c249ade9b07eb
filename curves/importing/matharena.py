"""Outputs that MathArena publishes: a row per problem, model and sample, with verdict, tokens and cost.

The fields are those of the data sets' cards and of the program that writes them. Prices are USD per million tokens;
`correct` is true or false where there is a final answer, and a fraction of the points where proofs were judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curves.importing.collecting import Left, Row, right_answer, spelt
from curves.importing.sample_rows import Sample, gather, json_rows, number
from curves.records.runs import Run
from curves.verify import Kind, any_form

FIELDS = (
    "problem_idx", "model_name", "idx_answer", "answer", "input_tokens", "output_tokens", "cost",
    "input_cost_per_tokens", "output_cost_per_tokens", "gold_answer", "parsed_answer", "correct",
)  # fmt: skip


def read_matharena(path: Path, task: str, kind: Kind | None) -> list[tuple[Run, Left]]:
    """A run for each model of a file, JSON lines or parquet.

    The verdicts of the file are kept. Where the task has a kind of answer, ours are held beside them: `verdicts` says
    how many were compared and at which rate the two disagree. `tariff` are the prices of generated and read tokens,
    where they explain what was billed, else what was billed, input included, per million generated tokens.

    Raises:
        ValueError: no sample can be read, or parquet cannot be read here.
    """
    rows = _parquet_rows(path) if path.suffix == ".parquet" else json_rows(path)
    return gather(path, task, (row if isinstance(row, str) else _sample(row, kind) for row in rows))


def _sample(row: Row, kind: Kind | None) -> Sample | str:
    question, model, place = row.get("problem_idx"), row.get("model_name"), row.get("idx_answer")
    if not isinstance(model, str) or question is None or place is None:
        return "lines without problem, model or sample"
    tokens, right, text = number(row.get("output_tokens")), row.get("correct"), row.get("answer")
    if tokens is None or not isinstance(right, (int, float)):
        return "incomplete samples"
    if right not in (0, 1):
        return "samples that are right in part"
    parsed = None if row.get("parsed_answer") in (None, "", "None") else str(row["parsed_answer"])
    truth = right_answer(_text(row.get("gold_answer")), kind)
    ours = None if kind is None or truth is None or not isinstance(text, str) else any_form(text, kind) == truth
    generated, read = number(row.get("output_cost_per_tokens")), number(row.get("input_cost_per_tokens"))
    return Sample(
        model, str(question), str(place), spelt(parsed, kind), bool(right),
        tokens, input_tokens=number(row.get("input_tokens")), ours=ours, cost=number(row.get("cost"), 1e9),
        prices=None if generated is None or read is None else (generated, read),
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


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
