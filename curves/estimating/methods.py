"""Ways to spend test-time compute: per-question accuracy and tokens of a model at a level of compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from curves.estimating.estimators import best_of_k, majority_at_k, pass_at_k, weighted_majority_at_k
from curves.records.runs import Answers, Run

QUANTILE_BINS = 5


def curve(run: Run, method: str, levels: Sequence[int], questions: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and mean tokens per question and level, each `(levels, questions)`.

    Args:
        run: a model's recorded answers.
        method: one of `METHODS`.
        levels: samples per query; the quantile 1..5 of thinking length; or the thinking budget in tokens.
        questions: ids, all of them in the run.

    Raises:
        ValueError: unknown method, or a level that was not recorded.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; allowed: {', '.join(METHODS)}")
    points = np.array([[METHODS[method](run, question, level) for question in questions] for level in levels])
    return points[..., 0], points[..., 1]


def majority_voting(run: Run, question: str, samples: int) -> tuple[float, float]:
    """The most frequent answer of so many samples."""
    given = run.questions[question]
    names, first, counts = np.unique(given.answer, return_index=True, return_counts=True)
    parsed = names >= 0
    right = given.correct[first][parsed]
    unparsed = int(counts[~parsed].sum())
    return majority_at_k(counts[parsed].tolist(), right.tolist(), unparsed, samples), _spent(given, samples)


def weighted_majority(run: Run, question: str, samples: int) -> tuple[float, float]:
    """The answer with the largest sum of rewards among so many samples."""
    given = run.questions[question]
    reward = _recorded(given.reward, run, "rewards")
    return weighted_majority_at_k(given.answer, given.correct, reward, samples), _spent(given, samples)


def best_of_n(run: Run, question: str, samples: int) -> tuple[float, float]:
    """The answer with the highest reward among so many samples."""
    given = run.questions[question]
    return best_of_k(given.correct, _recorded(given.reward, run, "rewards"), samples), _spent(given, samples)


def pass_any(run: Run, question: str, samples: int) -> tuple[float, float]:
    """Whether any of so many samples is right: what a perfect verifier would reach."""
    given = run.questions[question]
    return pass_at_k(given.correct, samples), _spent(given, samples)


def thinking_quantile(run: Run, question: str, level: int) -> tuple[float, float]:
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
    return float(given.correct[chosen].mean()), float(given.tokens[chosen].mean())


def thinking_budget(run: Run, question: str, level: int) -> tuple[float, float]:
    """One sample whose thinking is cut at so many tokens, after which it must answer (budget forcing)."""
    if level not in run.forced:
        raise ValueError(f"{run.model}: no budget {level!r} was recorded; recorded: {list(run.forced)}")
    given = run.forced[level][question]
    return float(given.correct.mean()), float(given.tokens.mean())


METHODS: dict[str, Callable[[Run, str, int], tuple[float, float]]] = {
    "majority_voting": majority_voting,
    "weighted_majority": weighted_majority,
    "best_of_n": best_of_n,
    "pass_at_k": pass_any,
    "reasoning_quantile": thinking_quantile,
    "reasoning_effort": thinking_budget,
}


def _spent(given: Answers, samples: int) -> float:
    return samples * float(given.tokens.mean())


def _recorded(values: np.ndarray | None, run: Run, what: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"{run.model} on {run.task}: no {what} were recorded")
    return values
