"""Benchmarks as lists of questions with one right answer each, from local JSONL or the Hugging Face hub."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from curves.records.lines import json_lines
from curves.tasks import arithmetic
from curves.verify import Kind, canonical

HUB = {  # default data set, configuration and split
    "gsm8k": ("openai/gsm8k", "main", "test"),
    "aime": ("HuggingFaceH4/aime_2024", None, "train"),
    "gpqa": ("Idavidrein/gpqa", "gpqa_diamond", "train"),
}
KINDS: dict[str, Kind] = {"gsm8k": "number", "aime": "integer", "gpqa": "choice", "arithmetic": "number"}
_LETTERS = "ABCD"


class Question(NamedTuple):
    """A question, and its answer in canonical form."""

    id: str
    text: str
    answer: str


@dataclass(frozen=True)
class Task:
    """A benchmark: what kind of answer it wants, its questions, and where they came from."""

    name: str
    kind: Kind
    questions: tuple[Question, ...]
    source: str
    revision: str

    def describe(self) -> dict[str, Any]:
        """For the metadata: source, revision, item ids and a hash of everything asked."""
        text = json.dumps([tuple(question) for question in self.questions])
        return {
            "name": self.name,
            "kind": self.kind,
            "source": self.source,
            "revision": self.revision,
            "items": [question.id for question in self.questions],
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }


def load_task(
    name: str, *, source: str | None = None, revision: str | None = None, limit: int | None = None, seed: int = 0
) -> Task:
    """A benchmark by name.

    Args:
        name: `gsm8k`, `aime`, `gpqa` or `arithmetic`.
        source: a JSONL file in the data set's own columns, or a data set of the hub; by default the usual one.
        revision: of the hub data set.
        limit: the first so many questions only; for `arithmetic` how many to make (200 by default).
        seed: of the order of the choices (`gpqa`) and of the made questions (`arithmetic`).

    Raises:
        ValueError: unknown task, a malformed file (naming file, line and fault), repeated ids, no questions.
        OSError: the file or data set cannot be read.
    """
    if name not in KINDS:
        raise ValueError(f"unknown task {name!r}; allowed: {', '.join(KINDS)}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit!r}")
    kind, found = KINDS[name], "none"
    if name == "arithmetic":
        source = f"made with seed {seed}"
        rows = [(str(i), text, str(sum(of))) for i, (text, of) in enumerate(arithmetic.questions(limit or 200, seed))]
        questions = [Question(*row) for row in rows]
    elif source is not None and source.endswith((".jsonl", ".json")):
        found = hashlib.sha256(Path(source).read_bytes()).hexdigest()
        rows_of_file = _lines(source)
        questions = [_question(name, i, row, f"{source}, line {i + 1}", seed) for i, row in rows_of_file]
    else:
        source, found, rows_of_hub = _from_hub(name, source, revision)
        questions = [_question(name, i, row, f"{source}, row {i}", seed) for i, row in enumerate(rows_of_hub)]
    questions = questions[:limit]
    repeated = {question.id for question in questions if [q.id for q in questions].count(question.id) > 1}
    if repeated or not questions:
        raise ValueError(f"{source}: {f'repeated ids {sorted(repeated)}' if repeated else 'no questions'}")
    return Task(name, kind, tuple(questions), source, found)


def _lines(path: str) -> list[tuple[int, Mapping[str, Any]]]:
    rows: list[tuple[int, Mapping[str, Any]]] = []
    for line in json_lines(Path(path)):
        if line.fault:
            raise ValueError(f"{path}, line {line.number}: {line.fault}")
        rows.append((line.number - 1, line.row))
    return rows


def _from_hub(name: str, source: str | None, revision: str | None) -> tuple[str, str, Iterable[Mapping[str, Any]]]:
    """Data set, the fingerprint of its content or the revision asked for, and its rows."""
    try:
        from datasets import load_dataset
    except ImportError:
        raise ValueError(f"task {name} needs a local .jsonl file as source, or `pip install datasets`") from None
    usual, configuration, split = HUB[name]
    local = source is not None and source != usual
    rows = load_dataset(source or usual, None if local else configuration, split=split, revision=revision)
    return source or usual, revision or rows._fingerprint, rows


def _question(name: str, index: int, row: Mapping[str, Any], where: str, seed: int) -> Question:
    def cell(*names: str) -> str:
        for column in names:
            if row.get(column) is not None:
                return str(row[column]).strip()
        raise ValueError(f"{where}: missing {' or '.join(names)}; has {', '.join(row)}")

    identity = str(next((row[key] for key in ("id", "ID", "Record ID") if row.get(key) is not None), index))
    if name == "gpqa":
        choices = [cell("Correct Answer"), *(cell(f"Incorrect Answer {i}") for i in (1, 2, 3))]
        order = random.Random(f"{seed} {identity}").sample(
            range(4), 4
        )  # of its own for each question, wherever it stands
        listed = "\n".join(f"({letter}) {choices[i]}" for letter, i in zip(_LETTERS, order, strict=True))
        return Question(identity, f"{cell('Question', 'question')}\n\n{listed}", _LETTERS[order.index(0)])
    answer = canonical(cell("answer", "Answer").split("####")[-1], KINDS[name])
    if answer is None:
        raise ValueError(f"{where}: no answer of a {name} question: {cell('answer', 'Answer')[-40:]!r}")
    return Question(identity, cell("question", "problem", "Problem"), answer)
