"""Ways to spend test-time compute: per-question accuracy and tokens of a model at a level of compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from curves.estimating.estimators import best_of_k, majority_at_k, pass_at_k, weighted_majority_at_k
from curves.records.runs import Answers, Run

QUANTILE_BINS = 5
Repeated = Literal["input", "cached", "free"]


class Point(NamedTuple):
    """What a level of compute does on a question: its accuracy, and what `samples` of the samples in `spent` cost."""

    accuracy: float
    spent: Answers
    samples: int = 1


class Curve(NamedTuple):
    """Per-question accuracy and mean tokens of a query, generated, read anew and read from a cache.

    Each `(levels, questions)`; the latter two are None where they were not recorded.
    """

    accuracy: np.ndarray
    tokens: np.ndarray
    input: np.ndarray | None
    cached: np.ndarray | None


def curve(
    run: Run, method: str, levels: Sequence[int], questions: Sequence[str], repeated_prompt: Repeated = "input"
) -> Curve:
    """The curve of a model.

    Args:
        run: a model's recorded answers.
        method: one of `METHODS`.
        levels: samples per query; the quantile 1..5 of thinking length; or the thinking budget in tokens.
        questions: ids, all of them in the run.
        repeated_prompt: how the prompt is billed with the second and later samples of a query.

    Raises:
        ValueError: unknown method, or a level that was not recorded.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; allowed: {', '.join(METHODS)}")
    points = [[METHODS[method](run, question, level) for question in questions] for level in levels]
    accuracy = np.array([[point.accuracy for point in row] for row in points])
    tokens = np.array([[point.samples * float(point.spent.tokens.mean()) for point in row] for row in points])
    read = [[_read(point, repeated_prompt) for point in row] for row in points]
    if any(amounts is None for row in read for amounts in row):
        return Curve(accuracy, tokens, None, None)
    return Curve(accuracy, tokens, *np.moveaxis(np.array(read), -1, 0))


def _read(point: Point, repeated_prompt: Repeated) -> tuple[float, float] | None:
    """Mean input tokens of a query, anew and from a cache; None where they were not recorded."""
    if point.spent.input is None:
        return None
    anew, cached = float(point.spent.input.mean()), 0.0 if point.spent.cached is None else point.spent.cached.mean()
    again = point.samples - 1
    if repeated_prompt == "input":
        return anew + again * anew, cached + again * cached
    return anew, float(cached + (again * (anew + cached) if repeated_prompt == "cached" else 0.0))


def majority_voting(run: Run, question: str, samples: int) -> Point:
    """The most frequent answer of so many samples."""
    given = run.questions[question]
    names, first, counts = np.unique(given.answer, return_index=True, return_counts=True)
    parsed = names >= 0
    right = given.correct[first][parsed]
    unparsed = int(counts[~parsed].sum())
    return Point(majority_at_k(counts[parsed].tolist(), right.tolist(), unparsed, samples), given, samples)


def weighted_majority(run: Run, question: str, samples: int) -> Point:
    """The answer with the largest sum of rewards among so many samples."""
    given = run.questions[question]
    reward = _recorded(given.reward, run, "rewards")
    return Point(weighted_majority_at_k(given.answer, given.correct, reward, samples), given, samples)


def best_of_n(run: Run, question: str, samples: int) -> Point:
    """The answer with the highest reward among so many samples."""
    given = run.questions[question]
    return Point(best_of_k(given.correct, _recorded(given.reward, run, "rewards"), samples), given, samples)


def pass_any(run: Run, question: str, samples: int) -> Point:
    """Whether any of so many samples is right: what a perfect verifier would reach."""
    given = run.questions[question]
    return Point(pass_at_k(given.correct, samples), given, samples)


def thinking_quantile(run: Run, question: str, level: int) -> Point:
    """One sample from a fifth of them, sorted by thinking length within the question: the published effort bins."""
    if not 1 <= level <= QUANTILE_BINS:
        raise ValueError(f"a quantile of thinking length is 1..{QUANTILE_BINS}, got {level!r}")
    given = run.questions[question]
    thinking = _recorded(given.thinking, run, "thinking tokens")
    if len(thinking) < QUANTILE_BINS:
        raise ValueError(
            f"{run.model}: {QUANTILE_BINS} bins need as many samples, question {question} has {len(thinking)}"
        )
    chosen = np.array_split(np.argsort(thinking, kind="stable"), QUANTILE_BINS)[level - 1]
    return _any_of(given.only(chosen))


def thinking_budget(run: Run, question: str, level: int) -> Point:
    """One sample whose thinking is cut at so many tokens, after which it must answer (budget forcing)."""
    if level not in run.forced:
        raise ValueError(f"{run.model}: no budget {level!r} was recorded; recorded: {list(run.forced)}")
    return _any_of(run.forced[level][question])


METHODS: dict[str, Callable[[Run, str, int], Point]] = {
    "majority_voting": majority_voting,
    "weighted_majority": weighted_majority,
    "best_of_n": best_of_n,
    "pass_at_k": pass_any,
    "reasoning_quantile": thinking_quantile,
    "reasoning_effort": thinking_budget,
}


def _any_of(given: Answers) -> Point:
    """One of these samples."""
    return Point(float(given.correct.mean()), given)


def _recorded(values: np.ndarray | None, run: Run, what: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"{run.model} on {run.task}: no {what} were recorded")
    return values
