"""What a model answered, sample by sample: the form in which estimators see every measurement and every import."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from curves.records.store import complete_questions
from ttc_env.scripting.jsonl import read_lines

Extraction = Literal["flexible", "strict"]


class Answers(NamedTuple):
    """The samples of one question, each `(samples,)`.

    `answer`: an integer per distinct answer, -1 where there is none (unparsed or truncated); `tokens` are generated,
    `input` tokens read anew, `cached` ones from a cache. `thinking`, `reward`, `input` and `cached` are None where they
    were not recorded.
    """

    answer: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray
    truncated: np.ndarray
    thinking: np.ndarray | None
    reward: np.ndarray | None
    input: np.ndarray | None = None
    cached: np.ndarray | None = None

    def only(self, chosen: np.ndarray) -> Answers:
        """Some of the samples."""
        columns = {name: column[chosen] for name, column in self._asdict().items() if column is not None}
        return self._replace(**columns)


@dataclass(frozen=True, eq=False)
class Run:
    """One model on one task; `forced` holds what it answered under each thinking budget."""

    model: str
    task: str
    questions: dict[str, Answers]
    forced: dict[int, dict[str, Answers]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


def answers(samples: Iterable[Mapping[str, Any]], extraction: Extraction = "flexible") -> Answers:
    """Samples of one question from records; truncated ones count as wrong and unparsed.

    Raises:
        KeyError: a record that lacks a field.
        ValueError: no samples, or tokens or rewards that are not numbers.
    """
    rows = list(samples)
    names: dict[str, int] = {}
    truncated = np.array([row["finish"] == "length" for row in rows])
    key, right = ("answer", "correct") if extraction == "flexible" else ("strict", "correct_strict")
    codes = [-1 if row[key] is None else names.setdefault(row[key], len(names)) for row in rows]
    return Answers(
        answer=np.where(truncated, -1, codes),
        correct=~truncated & np.array([bool(row[right]) for row in rows]),
        tokens=_numbers("tokens", [row["tokens"] for row in rows], least=0),
        truncated=truncated,
        thinking=_column(rows, "thinking_tokens"),
        reward=_column(rows, "reward"),
        input=_column(rows, "input_tokens", least=0),
        cached=_column(rows, "cached_tokens", least=0),
    )


def read_raw(folder: Path, extraction: Extraction = "flexible") -> Run:
    """The complete questions of a measurement.

    Raises:
        ValueError: not a measurement's folder, nothing complete in it, or damaged records.
    """
    if not (folder / "config.json").exists():
        raise ValueError(f"{folder} holds no measurement (no config.json)")
    try:
        return _read(folder, json.loads((folder / "config.json").read_text(encoding="utf-8")), extraction)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{folder}: config.json or a record lacks {error}, or has something else in its place"
        ) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder}: config.json is not JSON ({error})") from None


def _read(folder: Path, config: dict[str, Any], extraction: Extraction) -> Run:
    budgets = config["budgets"]
    _, end = complete_questions(folder / "records.jsonl", config["samples"] * (1 + len(budgets)))
    found: dict[int | None, dict[str, list[dict[str, Any]]]] = {budget: {} for budget in (None, *budgets)}
    for line in (folder / "records.jsonl").read_bytes()[:end].splitlines():
        record = json.loads(line)
        found[record["budget"]].setdefault(record["question"], []).append(record)
    if not found[None]:
        raise ValueError(f"{folder}: no question is complete yet")
    tables = {
        budget: {question: answers(samples, extraction) for question, samples in questions.items()}
        for budget, questions in found.items()
    }
    metadata = {"config": config} | {name: read_lines(folder / f"{name}.jsonl") for name in ("sessions", "usage")}
    forced = {budget: table for budget, table in tables.items() if budget is not None}
    return Run(config["model"]["name"], config["task"]["name"], tables[None], forced, metadata)


def _column(rows: list[Mapping[str, Any]], name: str, least: float = -np.inf) -> np.ndarray | None:
    values = [row.get(name) for row in rows]
    return None if any(value is None for value in values) else _numbers(name, values, least)


def _numbers(name: str, values: list[Any], least: float = -np.inf) -> np.ndarray:
    try:
        found = np.array([float(value) if isinstance(value, int | float) else np.nan for value in values])
    except OverflowError:  # a whole number beyond all floats
        found = np.array([])
    if not found.size or not np.all(np.isfinite(found) & (found >= least)):
        raise ValueError(f"{name} must be finite numbers{'' if least < 0 else f' >= {least:g}'}, got {values!r:.80}")
    return found
