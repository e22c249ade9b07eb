"""What layouts with a row for each sample share: samples by model and question, the bill, and two verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from curves.importing.collecting import Left, Row, verdicts, with_most_samples
from curves.records.lines import json_lines
from curves.records.runs import Run, answers

_BILL_OFF = 0.01  # by which a bill may differ from its list prices: samples are billed in rounded amounts


class Sample(NamedTuple):
    """A sample of a question; `answer` is a spelling that equal answers share, or None.

    `place` tells samples of a question apart, None where the layout does not. `ours` is our verdict; `cost` what was
    billed, USD; `prices` USD per million tokens generated and read.
    """

    model: str
    question: str
    place: Hashable
    answer: str | None
    correct: bool
    tokens: float
    truncated: bool = False
    input_tokens: float | None = None
    cached_tokens: float | None = None
    ours: bool | None = None
    cost: float | None = None
    prices: tuple[float, float] | None = None


def gather(path: Path, task: str, samples: Iterable[Sample | str]) -> list[tuple[Run, Left]]:
    """A run for each model, and what was left out of it.

    Where something held no sample, a word for such things, in the plural, stands instead.

    Raises:
        ValueError: there is no sample.
    """
    models: defaultdict[str, defaultdict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    seen: set[tuple[str, str, Hashable]] = set()
    left: defaultdict[str, Left] = defaultdict(Counter)
    unusable: Left = Counter()
    for sample in samples:
        if isinstance(sample, str):
            unusable[sample] += 1
            continue
        model, question, place = name = sample[:3]
        if place is not None and name in seen:
            left[model]["repeated samples"] += 1
        else:
            seen.add(name)
            models[model][question].append(sample)
    if not models:
        found = ", ".join(f"{number} {what}" for what, number in unusable.items())
        raise ValueError(f"{path}: no sample can be read ({found or 'the file is empty'})")
    found_runs = []
    for model, questions in models.items():
        table = {question: answers(map(_record, given)) for question, given in questions.items()}
        whole = with_most_samples(table, left[model])
        rows = [sample for given in questions.values() for sample in given]
        judged = [row for row in rows if row.ours is not None]
        metadata = verdicts([bool(row.ours) for row in judged], [row.correct for row in judged])
        metadata |= {"file": path.name} | _tariff(rows)
        found_runs.append((Run(model, task, whole, metadata=metadata), left[model] + unusable))
    return found_runs


def json_rows(path: Path) -> Iterator[Row | str]:
    """The objects of a file of JSON lines, and a word for each line that holds none."""
    for line in json_lines(path):
        yield "torn lines" if line.fault else line.row


def number(value: Any, most: float = 1e18) -> float | None:
    """A number from 0 on, or None."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < most
    return value if good else None


def read_tokens(usage: Row) -> tuple[float | None, float | None]:
    """Tokens read anew, what was written to a cache among them, and read from it: counted apart, as in Inspect."""
    given = usage.get("input_tokens"), usage.get("input_tokens_cache_write") or 0
    anew, written = (number(amount) for amount in given)
    total = None if anew is None or written is None else anew + written
    return total, number(usage.get("input_tokens_cache_read") or 0)


def _record(sample: Sample) -> dict[str, Any]:
    return {
        "answer": sample.answer, "correct": sample.correct, "tokens": sample.tokens,
        "finish": "length" if sample.truncated else "stop", "input_tokens": sample.input_tokens,
        "cached_tokens": sample.cached_tokens,
    }  # fmt: skip


def _tariff(rows: list[Sample]) -> dict[str, Any]:
    """Metadata: list prices where they explain the bill, else the bill per million generated tokens, input included."""
    tokens, costs = sum(row.tokens for row in rows), [row.cost for row in rows if row.cost is not None]
    if not tokens > 0 or len(costs) < len(rows):
        return {}
    prices = {row.prices for row in rows}
    (listed,) = prices if len(prices) == 1 else (None,)
    read = [row.input_tokens for row in rows if row.input_tokens is not None]
    if listed is not None and len(read) == len(rows):
        bill = (tokens * listed[0] + sum(read) * listed[1]) * 1e-6
        if abs(bill - sum(costs)) <= _BILL_OFF * sum(costs):
            return {"tariff": list(listed)}
    return {"tariff": [sum(costs) / tokens * 1e6]}
