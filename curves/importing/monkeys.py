"""Samples of Large Language Monkeys (the data set monkey_business): thousands of texts per question, with verdicts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from curves.importing.collecting import Left, Row, as_list, right_answer, verdicts
from curves.records.lines import json_lines
from curves.records.runs import Answers, Run, answers
from curves.verify import Kind, any_form


def read_monkeys(
    path: Path, task: str, model: str, kind: Kind | None, count_tokens: Callable[[str], int]
) -> tuple[Run, Left]:
    """One file of the data set, a list of questions or a line for each: `question`, `samples`, `is_corrects`.

    Verdicts are those of the file; `verdicts` says at which rate ours, where the question has a `gt_answer` of this
    kind, disagree: a worked solution that ends in the answer, as gsm8k and MATH have it.
    Tokens are counted with `count_tokens`.

    Raises:
        ValueError: no question can be read.
    """
    left: Left = Counter()
    questions: dict[str, Answers] = {}
    ours: list[bool] = []
    kept_verdicts: list[bool] = []
    for place, row in enumerate(_rows(path, left)):
        name = str(row.get("orig_dset_idx", place))
        texts, right = as_list(row.get("samples")), as_list(row.get("is_corrects"))
        if name in questions:
            left["repeated questions"] += 1
        elif not _whole(texts, right):
            left["incomplete questions"] += 1
        else:
            truth = right_answer(row.get("gt_answer"), kind)
            found = [any_form(text, kind) if kind else text for text in texts]
            if truth is not None:
                ours += [answer == truth for answer in found]
                kept_verdicts += right
            questions[name] = answers(
                {"answer": answer, "correct": kept, "tokens": count_tokens(text), "finish": "stop"}
                for answer, kept, text in zip(found, right, texts, strict=True)
            )
    if not questions:
        raise ValueError(f"{path}: no question can be read ({dict(left) or 'the file is empty'})")
    metadata = {"file": path.name} | verdicts(ours, kept_verdicts)
    return Run(model, task, questions, metadata=metadata), left


def _whole(texts: list[Any], right: list[Any]) -> bool:
    return (
        len(texts) == len(right) > 0
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(kept, bool) for kept in right)
    )


def _rows(path: Path, left: Left) -> Iterator[Row]:
    with open(path, "rb") as file:
        listed = file.read(64).lstrip(b"\xef\xbb\xbf \n\r\t").startswith(b"[")
    if not listed:
        for line in json_lines(path):
            if line.fault:
                left["torn lines"] += 1
            else:
                yield line.row
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from None
    for row in rows:
        if isinstance(row, dict):
            yield row
        else:
            left["incomplete questions"] += 1
