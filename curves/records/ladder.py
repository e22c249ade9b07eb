"""Effort ladders: several runs of one model, each of them one level of compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from curves.records.runs import Answers, Run


def climb(runs: Mapping[str, Run]) -> Run:
    """One run whose budgets are the given ones, lowest first: their numbers where all names are numbers, else 1, 2, ...

    Only questions that every run answered count; how many were left out is recorded.

    Args:
        runs: of one model on one task, by the name of their level.

    Raises:
        ValueError: fewer than two levels, other models or tasks, numbers that do not rise, or no common question.
    """
    names, steps = list(runs), list(runs.values())
    if len(steps) < 2 or len({(run.model, run.task) for run in steps}) != 1:
        asked = ", ".join(f"{name}: {run.model} on {run.task}" for name, run in runs.items())
        raise ValueError(f"a ladder needs two levels or more of one model on one task, got {asked}")
    levels = numbered(names)
    questions = [question for question in steps[0].questions if all(question in run.questions for run in steps)]
    if not questions:
        raise ValueError(f"the levels {', '.join(names)} of {steps[0].model} have no question in common")
    forced = {level: _only(run.questions, questions) for level, run in zip(levels, steps, strict=True)}
    origins: dict[str, Any] = {name: dict(run.metadata) for name, run in runs.items()}
    seen = set().union(*(run.questions for run in steps))
    left_out = {"questions that not every level answered": len(seen) - len(questions)}
    metadata = {"levels": origins, "left_out": left_out}
    return Run(steps[0].model, steps[0].task, forced[levels[0]], forced, metadata)


def climb_all(runs: Mapping[str, Run], levels: Sequence[str]) -> list[Run]:
    """A run for each provider whose levels are named as `PROVIDER/LEVEL=RUN`, lowest first.

    Raises:
        ValueError: words of another form, a run that is not there, a level that is given twice, other levels for
            another provider, or what `climb` raises.
    """
    found: dict[str, dict[str, Run]] = {}
    for words in levels:
        named, mark, run = words.partition("=")
        provider, slash, level = named.rpartition("/")
        if not (mark and slash and provider and level):
            raise ValueError(f"levels must be PROVIDER/LEVEL=MODEL, got {words!r}")
        if run not in runs:
            raise ValueError(f"levels: no model {run!r} in the data; there are {', '.join(runs)}")
        steps = found.setdefault(provider, {})
        if level in steps:
            raise ValueError(f"level {level!r} of {provider} is given twice")
        steps[level] = replace(runs[run], model=provider)
    same_levels(found)
    return [climb(steps) for steps in found.values()]


def same_levels(ladders: Mapping[str, Mapping[str, Run]]) -> None:
    """Refuse ladders that climb differently.

    Raises:
        ValueError: naming the levels of each model.
    """
    if len({tuple(steps) for steps in ladders.values()}) > 1:
        given = "; ".join(f"{model}: {', '.join(steps)}" for model, steps in ladders.items())
        raise ValueError(f"every model needs the same levels in the same order, got {given}")


def numbered(names: Sequence[str]) -> list[int]:
    """A number for each level, rising.

    Raises:
        ValueError: names that are numbers and do not rise.
    """
    if not all(name.isascii() and name.isdigit() for name in names):
        return list(range(1, len(names) + 1))
    levels = [int(name) for name in names]
    if levels != sorted(set(levels)):
        raise ValueError(f"levels that are numbers must rise, got {', '.join(names)}")
    return levels


def _only(answers: Mapping[str, Answers], questions: Sequence[str]) -> dict[str, Answers]:
    return {question: answers[question] for question in questions}
