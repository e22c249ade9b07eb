"""How sure the mean over questions is: standard errors, intervals, paired differences and bootstrap draws.

The unit of sampling is the question. All samples of one question have been condensed to one value (see
`curves.estimating.estimators`), so the spread of these values already contains both the luck of the questions and the
luck of the samples; resampling votes within questions would show the latter only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


class Estimate(NamedTuple):
    """A mean over questions, its standard error and the ends of its 95 % interval."""

    mean: float
    error: float
    low: float
    high: float


def standard_error(values: ArrayLike, clusters: ArrayLike | None = None) -> float:
    """Standard error of the mean of `values`, `(questions,)`; questions of one cluster may depend on each other.

    Cluster-robust with the factor `C / (C - 1)`; without clusters it is `std(ddof=1) / sqrt(questions)`.
    Source: E. Miller, *Adding Error Bars to Evals*, arXiv:2411.00640, section 2.2.

    Raises:
        ValueError: fewer than two questions or clusters.
    """
    values = np.asarray(values, float)
    _, cluster = np.unique(np.arange(len(values)) if clusters is None else np.asarray(clusters), return_inverse=True)
    sums = np.bincount(cluster, values - values.mean())
    if len(sums) < 2:
        raise ValueError(f"a standard error needs at least two questions or clusters, got {len(sums)}")
    return float(np.sqrt(len(sums) / (len(sums) - 1) * np.sum(sums**2)) / len(values))


def accuracy_interval(values: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Mean of per-question accuracies and its 95 % interval, inside [0, 1] and never empty near its ends.

    Wilson's interval for a proportion, with the number of right-or-wrong questions that has the same standard error
    in place of the number of questions.
    Source: E. Wilson, *Probable Inference*, JASA 22 (1927); effective size as in survey sampling.

    Raises:
        ValueError: fewer than two questions, or a value outside [0, 1].
    """
    values = np.asarray(values, float)
    if not (np.min(values) >= 0 and np.max(values) <= 1):
        raise ValueError(f"accuracies must be in [0, 1], got [{values.min()}, {values.max()}]")
    mean, error = float(values.mean()), standard_error(values, clusters)
    size = mean * (1 - mean) / error**2 if error > 0 else len(values)
    centre = (mean + Z95**2 / (2 * size)) / (1 + Z95**2 / size)
    half = Z95 * np.sqrt(mean * (1 - mean) / size + Z95**2 / (4 * size**2)) / (1 + Z95**2 / size)
    return Estimate(mean, error, float(max(centre - half, 0)), float(min(centre + half, 1)))


def paired_difference(values: ArrayLike, others: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Mean of `values - others` on the same questions, with a normal 95 % interval; hard questions cancel.

    Raises:
        ValueError: not the same number of questions.
    """
    values, others = np.asarray(values, float), np.asarray(others, float)
    if values.shape != others.shape:
        raise ValueError(f"paired values need the same questions, got shapes {values.shape} and {others.shape}")
    difference = values - others
    mean, error = float(difference.mean()), standard_error(difference, clusters)
    return Estimate(mean, error, mean - Z95 * error, mean + Z95 * error)


def bootstrap_means(values: ArrayLike, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Means over questions drawn with replacement, the same questions in every other cell: `(draws, ...)`.

    `values` has questions on the last axis, `(..., questions)`, for example models, levels, questions: all models and
    levels then share their luck, as they did in the measurement.
    """
    values = np.asarray(values, float)
    size = values.shape[-1]
    weights = rng.multinomial(size, np.full(size, 1 / size), draws) / size
    return np.einsum("...q,dq->d...", values, weights)
