"""Logs of Inspect: a sample per question and epoch, with scores and usage of tokens, in `.eval` or `.json` files.

Source: the classes `EvalLog`, `EvalSample`, `Score` and `ModelUsage` of inspect_ai 0.3. Its `input_tokens` exclude what
was read from or written to a cache.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from curves.importing.collecting import Left, Row, as_list, as_object, right_answer, spelt
from curves.importing.sample_rows import Sample, gather, number, read_tokens
from curves.records.runs import Run
from curves.verify import Kind, any_form

_VERDICTS = {"C": True, "I": False, "N": False, 1: True, 0: False}  # right, wrong, no answer


def read_inspect(path: Path, task: str, kind: Kind | None, score: str | None = None) -> list[tuple[Run, Left]]:
    """The run of a log, with the verdicts of its scorer; where the task has a kind of answer, ours stand beside them.

    Args:
        path: the file.
        task: name of the benchmark.
        kind: of its answers, or None.
        score: the scorer that counts, where the log has several.

    Raises:
        ValueError: not a log, no sample can be read, or several scorers and none is chosen.
    """
    model, samples = _log(path)
    first = next(samples, None)
    several = as_object(first).get("scores")
    if score is None and isinstance(several, dict) and len(several) > 1:
        raise ValueError(f"{path} has several scorers; choose with --score one of {', '.join(sorted(several))}")
    rows: Iterable[Any] = samples if first is None else chain([first], samples)
    return gather(path, task, (_sample(as_object(row), model, kind, score) for row in rows))


def _sample(row: Row, model: str, kind: Kind | None, score: str | None) -> Sample | str:
    question, scores, output = row.get("id"), as_object(row.get("scores")), as_object(row.get("output"))
    if question is None or not isinstance(row.get("epoch"), int):
        return "samples that are torn, or without id or epoch"
    if row.get("error"):
        return "samples that ended in an error"
    found = as_object(scores.get(score) if score is not None else next(iter(scores.values()), None))
    value = found.get("value")
    right = _VERDICTS.get(value) if isinstance(value, str | bool | int | float) else None
    if right is None:
        return "samples without a verdict of right or wrong"
    usage = _usage(row, output, model)
    tokens = number(usage.get("output_tokens"))
    if tokens is None:
        return "samples without usage of tokens"
    choice = as_object(next(iter(as_list(output.get("choices"))), None))
    text, answer = _text(output, choice), found.get("answer")
    target = row.get("target")
    truths = {right_answer(one, kind) for one in (target if isinstance(target, list) else [target])} - {None}
    ours = None if kind is None or not truths or text is None else any_form(text, kind) in truths
    named = answer.strip() or None if isinstance(answer, str) else None
    read, cached = read_tokens(usage)
    return Sample(
        model, str(question), row["epoch"], spelt(named, kind), right, tokens,
        truncated=not right and choice.get("stop_reason") in ("max_tokens", "model_length"),
        input_tokens=read, cached_tokens=cached, ours=ours,
        cost=number(usage.get("total_cost"), 1e9),
    )  # fmt: skip


def _usage(row: Row, output: Row, model: str) -> Row:
    """The tokens of the whole sample, of the model alone where a scorer asks others."""
    whole = as_object(row.get("model_usage"))
    return as_object(whole.get(model)) or as_object(output.get("usage"))


def _text(output: Row, choice: Row) -> str | None:
    """The last answer."""
    content = as_object(choice.get("message")).get("content", output.get("completion"))
    if isinstance(content, list):
        content = "".join(part["text"] for part in map(as_object, content) if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else None


def _log(path: Path) -> tuple[str, Iterator[Any]]:
    """The model of a log, and its samples."""
    try:
        if not zipfile.is_zipfile(path):
            whole = as_object(json.loads(path.read_text(encoding="utf-8-sig")))
            return _model(path, whole), iter(as_list(whole.get("samples")))
        with zipfile.ZipFile(path) as file:
            return _model(path, as_object(json.loads(file.read("header.json")))), _members(path)
    except KeyError:
        raise ValueError(f"{path}: not a finished log of Inspect (no header.json)") from None
    except (ValueError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise ValueError(f"{path}: not a log of Inspect that can be read ({error})") from None


def _members(path: Path) -> Iterator[Any]:
    with zipfile.ZipFile(path) as file:
        for member in file.infolist():
            if member.filename.startswith("samples/") and member.filename.endswith(".json"):
                try:
                    yield json.loads(file.read(member))
                except (ValueError, zipfile.BadZipFile, zlib.error, RuntimeError):
                    yield None


def _model(path: Path, header: Row) -> str:
    model = as_object(header.get("eval")).get("model")
    if not isinstance(model, str) or not model:
        raise ValueError("no model is named")
    return model
