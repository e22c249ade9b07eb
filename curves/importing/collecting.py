"""What all importers share: questions are read line by line, and what cannot be used is left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from curves.records.lines import json_lines
from curves.records.runs import Answers

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
