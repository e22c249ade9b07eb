"""The estimators equal the mean over all subsets, and their intervals cover what they claim."""

import itertools

import numpy as np
import pytest

from curves.estimating.estimators import best_of_k, majority_at_k, pass_at_k, weighted_majority_at_k


def cases(seed, number, most=8):
    """Small random questions: answer per sample (-1 unparsed), which answers are right, rewards with ties, k."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        size = rng.integers(1, most + 1)
        answers = rng.integers(-1, rng.integers(1, 5), size)
        right = rng.random(5) < rng.choice([0.2, 0.5])
        correct = np.where(answers < 0, False, right[answers])
        yield answers, correct, rng.integers(0, 4, size) / 4, int(rng.integers(1, size + 1))


def mean_over_subsets(size, k, value):
    return np.mean([value(list(subset)) for subset in itertools.combinations(range(size), k)])


def vote(answers, correct, weight):
    """Chance that a plain vote is right: sums per answer in a dictionary, every top answer equally likely."""
    sums = {}
    for answer, is_right, each in zip(answers, correct, weight, strict=True):
        if answer >= 0:
            sums[answer] = (sums.get(answer, (0, 0))[0] + each, is_right)
    best = [is_right for total, is_right in sums.values() if total == max(total for total, _ in sums.values())]
    return sum(best) / len(best) if best else 0.0


def test_pass_at_k_is_the_mean_over_subsets():
    for _, correct, _, k in cases(0, 1000):
        expected = mean_over_subsets(len(correct), k, lambda s, c=correct: c[s].any())
        assert pass_at_k(correct, k) == pytest.approx(expected, abs=1e-13)


def test_best_of_k_is_the_mean_over_subsets_with_ties_averaged():
    for _, correct, reward, k in cases(1, 1000):
        expected = mean_over_subsets(
            len(correct), k, lambda s, c=correct, r=reward: c[s][r[s] == r[s].max()].mean()
        )  # fmt: skip
        assert best_of_k(correct, reward, k) == pytest.approx(expected, abs=1e-13)


def test_majority_at_k_is_the_mean_over_subsets_with_ties_averaged():
    for answers, correct, _, k in cases(2, 2000):
        names = np.unique(answers[answers >= 0])
        counts = [int((answers == name).sum()) for name in names]
        right = [bool(correct[answers == name][0]) for name in names]
        value = majority_at_k(counts, right, int((answers < 0).sum()), k)
        expected = mean_over_subsets(len(answers), k, lambda s, a=answers, c=correct: vote(a[s], c[s], [1] * len(s)))
        assert value == pytest.approx(expected, abs=1e-12)


def test_weighted_majority_is_the_mean_over_subsets_with_ties_averaged():
    for answers, correct, reward, k in cases(3, 1000):
        expected = mean_over_subsets(
            len(answers), k, lambda s, a=answers, c=correct, r=reward: vote(a[s], c[s], r[s])
        )  # fmt: skip
        assert weighted_majority_at_k(answers, correct, reward, k) == pytest.approx(expected, abs=1e-13)


def test_weighted_majority_of_too_many_subsets_is_unbiased(monkeypatch):
    """Its mean over all orders in which the samples may have come is the mean over all subsets."""
    for answers, correct, reward, k in cases(4, 60, most=6):
        exact = weighted_majority_at_k(answers, correct, reward, k)
        with monkeypatch.context() as patch:
            patch.setattr("curves.estimating.estimators.ENUMERATED", 0)
            orders = [list(order) for order in itertools.permutations(range(len(answers)))]
            values = [weighted_majority_at_k(answers[o], correct[o], reward[o], k) for o in orders]
            assert weighted_majority_at_k(answers, correct, reward, len(answers)) == pytest.approx(
                vote(answers, correct, reward), abs=1e-13
            )
        assert np.mean(values) == pytest.approx(exact, abs=1e-12)


def test_weighted_majority_of_hundreds_of_samples_uses_every_one_of_them():
    answers, correct = np.arange(200) % 4, np.arange(200) % 4 == 0
    reward = np.random.default_rng(0).random(200)
    windows = [np.take(np.arange(200), range(start, start + 8), mode="wrap") for start in range(200)]
    expected = np.mean([vote(answers[w], correct[w], reward[w]) for w in windows])
    assert weighted_majority_at_k(answers, correct, reward, 8) == pytest.approx(expected, abs=1e-12)


def test_majority_stays_exact_with_hundreds_of_samples():
    assert majority_at_k([600, 400], [True, False], 24, 1) == pytest.approx(600 / 1024, rel=1e-12)
    assert majority_at_k([60, 60, 80], [True, False, False], 56, 256) == 0
    assert majority_at_k([100, 120], [True, False], 36, 255) == pytest.approx(0, abs=1e-12)
    assert majority_at_k([500, 500], [True, False], 24, 64) == pytest.approx(0.5, rel=1e-12)
    assert majority_at_k([1] * 128, [True] + [False] * 127, 0, 64) == pytest.approx(1 / 128, rel=1e-12)


@pytest.mark.parametrize("k", [0, -1, 4])
def test_k_outside_the_samples_is_refused(k):
    for estimate in (
        lambda: pass_at_k([True, False, True], k),
        lambda: best_of_k([True, False, True], [0.1, 0.2, 0.3], k),
        lambda: majority_at_k([2, 1], [True, False], 0, k),
        lambda: weighted_majority_at_k([0, 1, 0], [True, False, True], [1, 1, 1], k),
    ):
        with pytest.raises(ValueError, match=rf"k must be between 1 and the 3 recorded samples, got {k}"):
            estimate()


@pytest.mark.parametrize("reward", [[0.1, 0.2], [0.1, float("nan"), 0.2]])
def test_rewards_must_be_finite_and_one_per_sample(reward):
    with pytest.raises(ValueError, match="rewards must be one finite number per sample"):
        best_of_k([True, False, True], reward, 2)
    with pytest.raises(ValueError, match="rewards must be one finite number per sample"):
        weighted_majority_at_k([0, 1, 0], [True, False, True], reward, 2)


def test_negative_weights_and_counts_are_refused():
    with pytest.raises(ValueError, match="weigh votes"):
        weighted_majority_at_k([0, 1], [True, False], [1, -1], 1)
    with pytest.raises(ValueError, match="counts must be"):
        majority_at_k([2, -1], [True, False], 0, 1)
