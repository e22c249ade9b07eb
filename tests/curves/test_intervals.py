"""Intervals cover the truth as often as they claim, at every number of samples."""

from functools import cache

import numpy as np
import pytest

from curves.estimating.estimators import majority_at_k
from curves.estimating.intervals import accuracy_interval, bootstrap_means, paired_difference, standard_error

THETAS = (1, 2, 4, 8, 16, 32, 64)
SAMPLES, QUESTIONS, REPETITIONS = 64, 150, 1000
RNG = np.random.default_rng(7)
TYPES = RNG.dirichlet([2.0, 1.4, 0.3], 40)  # chances of: the right answer, a wrong one, no answer


@cache
def voting(right, wrong, unparsed, k):
    return majority_at_k([right, wrong], [True, False], unparsed, k)


def counts(size):
    """Every way to split `size` samples into three kinds."""
    grid = np.array(np.meshgrid(*[np.arange(size + 1)] * 2)).reshape(2, -1).T
    grid = grid[grid.sum(axis=1) <= size]
    return np.column_stack([grid, size - grid.sum(axis=1)])


def truth(k):
    """Accuracy of a vote of `k` fresh samples over all questions: every outcome of the multinomial, weighted."""
    splits = counts(k)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, k + 1)))])
    ways = log_factorial[k] - log_factorial[splits].sum(axis=1)
    chance = np.exp(ways[:, None] + splits @ np.log(TYPES).T)
    won = np.array([voting(*map(int, split), k) for split in splits])
    return float((won @ chance).mean())


def accuracies(seen, k):
    """Estimated accuracy with `k` samples of every question, from its counts `(..., 3)`."""
    splits, inverse = np.unique(seen.reshape(-1, 3), axis=0, return_inverse=True)
    return np.array([voting(*map(int, split), k) for split in splits])[inverse.ravel()].reshape(seen.shape[:-1])


@cache
def measurements():
    """Counts of repeated measurements, `(repetitions, questions, 3)`."""
    return RNG.multinomial(SAMPLES, TYPES[RNG.integers(len(TYPES), size=(REPETITIONS, QUESTIONS))])


@pytest.mark.long
@pytest.mark.parametrize("theta", THETAS)
def test_intervals_cover_92_to_97_percent_at_every_theta(theta):
    values, target = accuracies(measurements(), theta), truth(theta)
    intervals = [accuracy_interval(row) for row in values]
    covered = np.mean([estimate.low <= target <= estimate.high for estimate in intervals])
    print(f"theta {theta}: {covered:.1%} of the intervals cover the truth")
    assert 0.92 <= covered <= 0.97
    means = values.mean(axis=1)
    assert means.mean() == pytest.approx(target, abs=4 * means.std() / np.sqrt(REPETITIONS))  # unbiased


@pytest.mark.long
@pytest.mark.parametrize("theta", [4, 64])
def test_resampling_votes_instead_of_questions_would_not_cover(theta):
    """The published bands: votes are drawn again, questions are not."""
    seen, rng = measurements()[:200], np.random.default_rng(8)
    means = accuracies(seen, theta).mean(axis=1)
    redrawn = [accuracies(rng.multinomial(SAMPLES, seen / SAMPLES), theta).mean(axis=1) for _ in range(30)]
    covered = np.mean(np.abs(means - truth(theta)) <= 1.96 * np.std(redrawn, axis=0))
    print(f"theta {theta}: {covered:.1%} of the bands that redraw votes do")
    assert covered < 0.8


def test_an_interval_at_the_ends_is_not_empty():
    sure = accuracy_interval(np.ones(100))
    assert (sure.mean, sure.error, sure.high) == (1.0, 0.0, 1.0)
    assert sure.low == pytest.approx(100 / (100 + 1.959963984540054**2))


def test_clustered_error_counts_clusters_not_questions():
    values = np.random.default_rng(0).random(50)
    plain = standard_error(values)
    assert plain == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    copies = np.repeat(values, 4)
    assert standard_error(copies, np.repeat(np.arange(50), 4)) == pytest.approx(plain)
    assert standard_error(copies) < 0.6 * plain
    with pytest.raises(ValueError, match="at least two"):
        standard_error(values, np.zeros(50))


def test_pairing_removes_the_difficulty_of_the_questions():
    rng = np.random.default_rng(1)
    hard = rng.random(200)
    first, second = 0.8 * hard + 0.1, 0.8 * hard + 0.05 + 0.01 * rng.random(200)
    paired = paired_difference(first, second)
    assert paired.low < (first - second).mean() < paired.high
    assert paired.error < 0.05 * np.hypot(standard_error(first), standard_error(second))
    with pytest.raises(ValueError, match="same questions"):
        paired_difference(first, second[1:])


def test_bootstrap_draws_are_joint():
    values = np.random.default_rng(2).random((3, 5, 80))
    values[1] = values[0] + 0.1
    draws = bootstrap_means(values, 2000, np.random.default_rng(3))
    assert draws.shape == (2000, 3, 5)
    np.testing.assert_allclose(draws[:, 1] - draws[:, 0], 0.1)  # the same questions for every model and level
    assert draws[:, 0, 0].std() == pytest.approx(standard_error(values[0, 0]), rel=0.06)
    assert draws[:, 2].mean(axis=0) == pytest.approx(values[2].mean(axis=1), abs=0.005)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_accuracies_outside_the_unit_interval_are_refused(value):
    with pytest.raises(ValueError, match=r"accuracies must be in \[0, 1\]"):
        accuracy_interval([0.5, value])
