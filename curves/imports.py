"""Raw runs that others recorded: the published data set's layout, and samples of the lm-evaluation-harness.

Both are read tolerantly: what is torn, repeated or incomplete is left out, counted and reported.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from curves.runs import Answers, Run, answers
from curves.verify import Kind, canonical, extract

PUBLISHED_NAME = re.compile(r"(?P<model>.+)--temp-(?P<temp>[\d.]+)--samples-(?P<samples>\d+)--max-(?P<max>\d+)\.jsonl")
_UNPARSED = {"", "none", "null", "nan", "n/a"}
Left = Counter[str]  # what was left out, and how often


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

    questions, left = _collect(path, "qid", samples)
    sampling = {"temperature": float(parts["temp"]), "samples": int(parts["samples"]), "max_tokens": limit}
    usual = Counter(len(given.answer) for given in questions.values()).most_common(1)[0][0]
    whole = {question: given for question, given in questions.items() if len(given.answer) >= usual}
    if len(whole) < len(questions):
        left["questions with fewer samples than most"] = len(questions) - len(whole)
    return Run(parts["model"], task, whole, metadata={"file": path.name, "sampling": sampling}), left


def read_lm_eval(path: Path, task: str, model: str, kind: Kind, count_tokens: Callable[[str], int]) -> tuple[Run, Left]:
    """Samples that `lm_eval --log_samples` wrote: `doc_id`, `target` and the responses `resps` of each question.

    The texts are verified anew; tokens are counted with `count_tokens`, because the harness does not record them.

    Raises:
        ValueError: no question can be read.
    """

    def samples(row: dict[str, Any]) -> Answers:
        truth = canonical(str(row["target"]).split("####")[-1], kind)
        if truth is None:
            raise ValueError("no right answer")
        texts = [text for group in row["resps"] for text in (group if isinstance(group, list) else [group])]
        found = [extract(text, kind).flexible for text in texts]
        return answers(
            {"answer": answer, "correct": answer == truth, "tokens": count_tokens(text), "finish": "stop"}
            for text, answer in zip(texts, found, strict=True)
        )

    questions, left = _collect(path, "doc_id", samples)
    return Run(model, task, questions, metadata={"file": path.name}), left


def _collect(path: Path, key: str, samples: Callable[[dict[str, Any]], Answers]) -> tuple[dict[str, Answers], Left]:
    questions: dict[str, Answers] = {}
    left: Left = Counter()
    for row in _rows(path, left):
        identity = str(row.get(key))
        if key not in row:
            left[f"lines without {key}"] += 1
        elif identity in questions:
            left["repeated questions"] += 1
        else:
            try:
                questions[identity] = samples(row)
            except (KeyError, TypeError, ValueError):
                left["incomplete questions"] += 1
    if not questions:
        raise ValueError(f"{path}: no question can be read ({dict(left) or 'the file is empty'})")
    return questions, left


def _rows(path: Path, left: Left) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield row
            else:
                left["torn lines"] += 1


def _same(answer: str, truth: str) -> bool:
    """Equal as text, or as numbers."""
    numbers = canonical(answer, "number"), canonical(truth, "number")
    return answer.lower() == truth.strip().lower() or (numbers[0] is not None and numbers[0] == numbers[1])
