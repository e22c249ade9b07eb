"""What all importers share: questions are read line by line, and what cannot be used is left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from curves.records.lines import json_lines
from curves.records.runs import Answers
from curves.verify import Kind, any_form, canonical

Left = Counter[str]  # what was left out, and how often
Row = dict[str, Any]


class Unusable(ValueError):
    """A line that holds nothing to import; the message says, in the plural, what such lines are."""


def collect(
    path: Path,
    key: str,
    samples: Callable[[Row], Answers],
    content: Callable[[Row], Hashable] | None = None,
) -> tuple[dict[str, Answers], Left]:
    """The samples of each question of a file of JSON lines, and what was left out.

    Args:
        path: the file.
        key: the field that names the question.
        samples: what a line holds; any error of its means that the line is incomplete.
        content: what a line may repeat for the same question without being a fault, where that exists.

    Raises:
        ValueError: no question can be read.
    """
    questions: dict[str, Answers] = {}
    contents: dict[str, Hashable] = {}
    left: Left = Counter()
    for line in json_lines(path):
        identity = str(line.row.get(key))
        if line.fault:
            left["torn lines"] += 1
        elif line.row.get(key) is None:
            left[f"lines without {key}"] += 1
        elif identity in questions:
            again = content(line.row) if content else None
            if again is None:
                left["repeated questions"] += 1
            elif again != contents[identity]:
                left["lines with other responses to a question that is there already"] += 1
        else:
            try:
                questions[identity] = samples(line.row)
                contents[identity] = content(line.row) if content else None
            except Unusable as reason:
                left[str(reason)] += 1
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
                left["incomplete questions"] += 1
    if not questions:
        found = ", ".join(f"{number} {what}" for what, number in left.items())
        raise ValueError(f"{path}: no question can be read ({found or 'the file is empty'})")
    return questions, left


def with_most_samples(questions: dict[str, Answers], left: Left) -> dict[str, Answers]:
    """The questions with as many samples as most have, or more; the others are counted."""
    usual = Counter(len(given.answer) for given in questions.values()).most_common(1)[0][0]
    whole = {question: given for question, given in questions.items() if len(given.answer) >= usual}
    if len(whole) < len(questions):
        left["questions with fewer samples than most"] += len(questions) - len(whole)
    return whole


def right_answer(text: object, kind: Kind | None) -> str | None:
    """The one spelling of a right answer, given bare or at the end of a worked solution; None without a kind."""
    if kind is None or not isinstance(text, str):
        return None
    return _right_answer(text, kind)


def spelt(answer: str | None, kind: Kind | None) -> str | None:
    """One spelling for equal answers of a kind; what is none of that kind, and without a kind, as it stands."""
    return (canonical(answer, kind) if kind and answer else None) or answer or None


def as_object(value: Any) -> Row:
    """The value, if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value, if it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else []


@lru_cache(maxsize=4096)  # it comes again with every sample
def _right_answer(text: str, kind: Kind) -> str | None:
    return canonical(text, kind) or any_form(text, kind)


def verdicts(ours: Sequence[bool], kept: Sequence[bool]) -> dict[str, Any]:
    """Metadata: how many verdicts of ours stand beside those of the data, and at which rate they disagree."""
    if not ours:
        return {}
    disagree = sum(one != other for one, other in zip(ours, kept, strict=True))
    return {"verdicts": {"compared": len(ours), "disagreement": disagree / len(ours)}}
