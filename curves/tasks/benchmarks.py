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
from curves.verify import Kind, spelling

HUB = {  # default data set, configuration and split
    "gsm8k": ("openai/gsm8k", "main", "test"),
    "aime": ("HuggingFaceH4/aime_2024", None, "train"),
    "gpqa": ("Idavidrein/gpqa", "gpqa_diamond", "train"),
}
KINDS: dict[str, Kind] = {"gsm8k": "number", "aime": "integer", "gpqa": "choice", "arithmetic": "number"}
_LETTERS = "ABCDEFGHIJ"


class Question(NamedTuple):
    """A question, and its answer in canonical form."""

    id: str
    text: str
    answer: str


@dataclass(frozen=True)
class Task:
    """A benchmark: what kind of answer it wants, its questions, and where they came from."""

    name: str
    kind: str
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
    name: str,
    *,
    source: str | None = None,
    revision: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    verifier: str | None = None,
) -> Task:
    """A benchmark by name.

    Args:
        name: `gsm8k`, `aime`, `gpqa` or `arithmetic`; or a JSONL file of one's own with `question`, `answer`, and
            `choices` where there are some, which is called by its stem and needs a `verifier`.
        source: a JSONL file in the data set's own columns, or a data set of the hub; by default the usual one.
        revision: of the hub data set.
        limit: the first so many questions only; for `arithmetic` how many to make (200 by default).
        seed: of the order of choices and of the made questions (`arithmetic`).
        verifier: how answers are read, see `curves.verify.reader`; by default as the benchmark needs it.

    Raises:
        ValueError: unknown task, a malformed file (naming file, line and fault), repeated ids, no questions.
        OSError: the file or data set cannot be read.
    """
    if name.endswith((".jsonl", ".json")):
        name, source = Path(name).stem, name
    elif name not in KINDS and verifier is None:
        raise ValueError(f"unknown task {name!r}; allowed: {', '.join(KINDS)}, or a .jsonl file of questions")
    kind = verifier or KINDS.get(name)
    if kind is None:
        raise ValueError(f"task {source} needs a verifier: number, integer, choice, exact or package.module:function")
    spelling(kind)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit!r}")
    found = "none"
    if name == "arithmetic":
        source = f"made with seed {seed}"
        rows = [(str(i), text, str(sum(of))) for i, (text, of) in enumerate(arithmetic.questions(limit or 200, seed))]
        questions = [Question(*row) for row in rows]
    elif source is not None and source.endswith((".jsonl", ".json")):
        found = hashlib.sha256(Path(source).read_bytes()).hexdigest()
        rows_of_file = _lines(source)
        questions = [_question(name, kind, i, row, f"{source}, line {i + 1}", seed) for i, row in rows_of_file]
    else:
        source, found, rows_of_hub = _from_hub(name, source, revision)
        questions = [_question(name, kind, i, row, f"{source}, row {i}", seed) for i, row in enumerate(rows_of_hub)]
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


def _question(name: str, kind: str, index: int, row: Mapping[str, Any], where: str, seed: int) -> Question:
    def cell(*names: str) -> str:
        for column in names:
            if row.get(column) is not None:
                return str(row[column]).strip()
        raise ValueError(f"{where}: missing {' or '.join(names)}; has {', '.join(row)}")

    identity = str(next((row[key] for key in ("id", "ID", "Record ID") if row.get(key) is not None), index))
    if name == "gpqa":
        choices = [cell("Correct Answer"), *(cell(f"Incorrect Answer {i}") for i in (1, 2, 3))]
        return _choose(identity, cell("Question", "question"), choices, 0, seed)
    text, given = cell("question", "problem", "Problem", "Question"), cell("answer", "Answer")
    if isinstance(row.get("choices"), list):
        choices = [str(choice) for choice in row["choices"]]
        letter = _LETTERS.find(given.upper()) if len(given) == 1 else -1
        right = choices.index(given) if given in choices else letter
        if not (2 <= len(choices) <= len(_LETTERS) and 0 <= right < len(choices)):
            allowed = f"one of 2 to {len(_LETTERS)} choices, or its letter"
            raise ValueError(f"{where}: the answer must be {allowed}, got {given!r}")
        return _choose(identity, text, choices, right, seed)
    answer = spelling(kind)(given.split("####")[-1])
    if answer is None:
        raise ValueError(f"{where}: no answer of a {name} question: {given[-40:]!r}")
    return Question(identity, text, answer)


def _choose(identity: str, text: str, choices: list[str], right: int, seed: int) -> Question:
    """A question with its choices in an order of its own, wherever it stands."""
    order = random.Random(f"{seed} {identity}").sample(range(len(choices)), len(choices))
    listed = "\n".join(f"({letter}) {choices[i]}" for letter, i in zip(_LETTERS, order, strict=False))
    return Question(identity, f"{text}\n\n{listed}", _LETTERS[order.index(right)])
