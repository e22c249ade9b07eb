"""Instance-level records of the Every Eval Ever schema, into which its converters bring Inspect, HELM and others.

Read as JSON lines, so that the package, which needs a newer Python, is not needed. Source: the project's
`instance_level_eval.schema.json`, version 0.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curves.importing.collecting import Left, Row, as_list, as_object, right_answer, spelt
from curves.importing.sample_rows import Sample, gather, json_rows, number, read_tokens
from curves.records.runs import Run
from curves.verify import Kind, any_form

TOLD_APART = ("evaluation_result_id", "evaluation_name")  # a sample has a line for each metric of each evaluation


def read_every_eval_ever(path: Path, task: str, kind: Kind | None, score: str | None = None) -> list[tuple[Run, Left]]:
    """A run for each model of a `*_samples.jsonl` file.

    Lines with the same `sample_id` are samples of one question. Verdicts are `evaluation.is_correct`; where the task
    has a kind of answer, ours are held beside them. Conversations of several turns count as their last answer.

    Args:
        path: the file.
        task: name of the benchmark.
        kind: of its answers, or None.
        score: the `evaluation_name` or `evaluation_result_id` that counts, where a file holds several.

    Raises:
        ValueError: no sample can be read, or several evaluations and none is chosen.
    """
    rows = _chosen(path, score)
    return gather(path, task, (row if isinstance(row, str) else _sample(row, kind) for row in rows))


def _chosen(path: Path, score: str | None) -> Iterator[Row | str]:
    """The lines of the evaluation that counts."""
    names: dict[str, set[str]] = {name: set() for name in TOLD_APART}
    for row in json_rows(path):
        if isinstance(row, str):
            yield row
        elif score is not None:
            yield row if score in map(row.get, TOLD_APART) else f"lines of other evaluations than {score}"
        else:
            for name, found in names.items():
                found.add(str(row.get(name)))
            if all(len(found) == 1 for found in names.values()):
                yield row
    several = next((found for found in names.values() if len(found) > 1), None)
    if several:
        raise ValueError(f"{path} holds several evaluations; choose with --score one of {', '.join(sorted(several))}")


def _sample(row: Row, kind: Kind | None) -> Sample | str:
    model, question = row.get("model_id"), row.get("sample_id")
    if not isinstance(model, str) or not isinstance(question, str):
        return "lines without model_id or sample_id"
    verdict, usage = as_object(row.get("evaluation")), as_object(row.get("token_usage"))
    right, tokens = verdict.get("is_correct"), number(usage.get("output_tokens"))
    if row.get("error"):
        return "samples that ended in an error"
    if not isinstance(right, bool):
        return "samples without a verdict"
    if tokens is None:
        return "samples without token_usage"
    text, answer = _answer(row), _extracted(row)
    truths = {right_answer(one, kind) for one in as_list(as_object(row.get("input")).get("reference"))} - {None}
    ours = None if kind is None or not truths or text is None else any_form(text, kind) in truths
    read, cached = read_tokens(usage)
    return Sample(
        model, question, None, spelt(answer, kind), right, tokens, input_tokens=read, cached_tokens=cached, ours=ours
    )


def _answer(row: Row) -> str | None:
    """The text of the last answer."""
    said = as_list(as_object(row.get("output")).get("raw"))
    turns = [as_object(turn) for turn in as_list(row.get("messages"))]
    said = said or [turn.get("content") for turn in turns if turn.get("role") == "assistant"]
    return said[-1] if said and isinstance(said[-1], str) else None


def _extracted(row: Row) -> str | None:
    """The value that was taken for the answer, the last that ends the interaction."""
    found = [as_object(one) for one in as_list(row.get("answer_attribution"))]
    values = [one.get("extracted_value") for one in found if one.get("is_terminal")]
    return values[-1].strip() or None if values and isinstance(values[-1], str) else None
