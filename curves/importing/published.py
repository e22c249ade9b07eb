"""Raw runs in the layout of the published data set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from curves.importing.collecting import Left, collect, with_most_samples
from curves.records.runs import Answers, Run, answers
from curves.verify import canonical

PUBLISHED_NAME = re.compile(r"(?P<model>.+)--temp-(?P<temp>[\d.]+)--samples-(?P<samples>\d+)--max-(?P<max>\d+)\.jsonl")
_UNPARSED = {"", "none", "null", "nan", "n/a"}


def read_published(path: Path, task: str) -> tuple[Run, Left]:
    """A run in the layout of the data set of arXiv:2601.21839, one JSON object per question.

    Fields: `qid`; `answers`, a list; `correct`, true or false per answer, or the right answer; `num_tokens`, per answer
    an integer or [thinking, total]; `rewards`, optional. An answer as long as the limit in the file's name was cut off
    and counts as wrong (the published curves drop it).

    Raises:
        ValueError: the file's name is not in the layout, or no question can be read.
    """
    parts = PUBLISHED_NAME.fullmatch(path.name)
    if parts is None:
        raise ValueError(f"{path}: the name must be MODEL--temp-T--samples-N--max-M.jsonl")
    limit = int(parts["max"])

    def samples(row: dict[str, Any]) -> Answers:
        given = [None if str(answer).strip().lower() in _UNPARSED else str(answer).strip() for answer in row["answers"]]
        right = row["correct"]
        if not isinstance(right, list):
            right = [answer is not None and _same(answer, str(right)) for answer in given]
        tokens = [count if isinstance(count, list) else [None, count] for count in row["num_tokens"]]
        rewards = row.get("rewards") or [None] * len(given)
        columns = zip(given, right, tokens, rewards, strict=True)
        return answers(
            {
                "answer": answer,
                "correct": answer is not None and bool(is_right),
                "tokens": total,
                "thinking_tokens": thinking,
                "finish": "length" if total >= limit else "stop",
                "reward": reward,
            }
            for answer, is_right, (thinking, total), reward in columns
        )

    questions, left = collect(path, "qid", samples)
    sampling = {"temperature": float(parts["temp"]), "samples": int(parts["samples"]), "max_tokens": limit}
    whole = with_most_samples(questions, left)
    return Run(parts["model"], task, whole, metadata={"file": path.name, "sampling": sampling}), left


def _same(answer: str, truth: str) -> bool:
    """Equal as text, or as numbers."""
    numbers = canonical(answer, "number"), canonical(truth, "number")
    return answer.lower() == truth.strip().lower() or (numbers[0] is not None and numbers[0] == numbers[1])
