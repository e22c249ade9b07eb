"""Samples that the lm-evaluation-harness logged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curves.importing.collecting import Left, Unusable, collect
from curves.records.runs import Answers, Run, answers
from curves.verify import Kind, any_form, canonical


def read_lm_eval(path: Path, task: str, model: str, kind: Kind, count_tokens: Callable[[str], int]) -> tuple[Run, Left]:
    """Samples that `lm_eval --log_samples` wrote: `doc_id`, `target` and the responses `resps` of each question.

    The texts are verified anew; tokens are counted with `count_tokens`, because the harness does not record them. The
    harness writes a question once for each of its filters, with the same responses: that is no repetition.

    Raises:
        ValueError: no question can be read.
    """

    def samples(row: dict[str, Any]) -> Answers:
        truth = canonical(str(row["target"]).split("####")[-1], kind)
        texts = _texts(row)
        if truth is None:
            raise ValueError("no right answer")
        found = [any_form(text, kind) for text in texts]
        return answers(
            {"answer": answer, "correct": answer == truth, "tokens": count_tokens(text), "finish": "stop"}
            for text, answer in zip(texts, found, strict=True)
        )

    questions, left = collect(path, "doc_id", samples, content=lambda row: json.dumps(row.get("resps")))
    return Run(model, task, questions, metadata={"file": path.name}), left


def _texts(row: dict[str, Any]) -> list[str]:
    """All responses of a question.

    Raises:
        Unusable: a multiple-choice question, whose responses are log-likelihoods of the choices.
    """
    texts = [text for group in row["resps"] for text in (group if isinstance(group, list) else [group])]
    if not all(isinstance(text, str) for text in texts):
        raise Unusable("log-likelihood samples, which have no text")
    return texts
