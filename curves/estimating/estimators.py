"""What a provider with `k` samples per question achieves, estimated from `N >= k` recorded samples of it.

Each function is the exact mean over all `k`-subsets of the samples (a U-statistic), so it is unbiased for the accuracy
with `k` fresh samples, and nothing is drawn; only a weighted vote takes some of the subsets where they are too many to
look at. One question at a time; samples lie on the only axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

ENUMERATED = 50_000  # subsets of a weighted vote that are looked at one by one


def pass_at_k(correct: ArrayLike, k: int) -> float:
    """Probability that at least one of `k` samples is right: `1 - C(N - c, k) / C(N, k)`.

    Source: M. Chen et al., *Evaluating Large Language Models Trained on Code*, arXiv:2107.03374, equation 1.

    Raises:
        ValueError: `k` outside `1..N`.
    """
    right = np.asarray(correct, bool)
    _check(len(right), k)
    return 1 - comb(len(right) - int(right.sum()), k) / comb(len(right), k)


def best_of_k(correct: ArrayLike, reward: ArrayLike, k: int) -> float:
    """Probability that the sample with the highest reward among `k` is right; a tie is broken uniformly.

    With `b` samples below a group of `s` equal rewards, the best of a subset is in that group with probability
    `(C(b + s, k) - C(b, k)) / C(N, k)`, and by symmetry each of its members is as likely as any other.

    Raises:
        ValueError: `k` outside `1..N`, rewards that are not one finite number per sample.
    """
    right, reward = np.asarray(correct, bool), _rewards(correct, reward)
    _check(len(right), k)
    ways, below = 0.0, 0
    for value in np.unique(reward):
        group = right[reward == value]
        up_to = below + len(group)
        ways += group.mean() * ((comb(up_to, k) - comb(below, k)) / comb(len(right), k))
        below = up_to
    return float(ways)


def majority_at_k(counts: Sequence[int], right: Sequence[bool], unparsed: int, k: int) -> float:
    """Probability that the most frequent answer among `k` samples is right; a tie is broken uniformly.

    Unparsed samples use up a draw but cannot win; a subset without any answer is wrong.

    An answer drawn `t` times wins against `s` answers also drawn `t` times with probability
    `1 / (s + 1)`, the integral of `y^s` over [0, 1]. So the sum over the others' counts is a product of polynomials in
    the number of draws (and in `y`, integrated exactly by Gauss-Legendre). Weighting counts by the binomial
    distribution with `p = k / N` changes nothing once the total is `k`, and keeps every term below 1.

    Args:
        counts: how often each distinct answer was given.
        right: whether it is right; several may be (two spellings of one number).
        unparsed: samples without an answer.
        k: samples per question.

    Raises:
        ValueError: `k` outside `1..N`, or counts that are negative or do not match `right`.
    """
    if len(counts) != len(right) or min([unparsed, *counts]) < 0:
        raise ValueError(f"counts must be one number >= 0 per answer, got {counts!r}, {right!r}, unparsed {unparsed!r}")
    total = sum(counts) + unparsed
    _check(total, k)
    p = k / total
    votes, ties, weights = _quadrature(k)
    won = 0.0
    for winner, is_right in enumerate(right):
        if not is_right:
            continue
        drawn = np.zeros((len(votes), k + 1))  # distribution of the draws of all others, one row per (votes, tie) node
        drawn[:, : unparsed + 1] = _binomial(unparsed, p)[: k + 1]
        for other, count in enumerate(counts):
            if other != winner:
                drawn = _add(drawn, _binomial(count, p)[: k + 1], votes, ties)
        own = np.append(_binomial(counts[winner], p), np.zeros(max(0, k - counts[winner])))
        won += float(np.sum(weights * own[votes] * drawn[np.arange(len(votes)), k - votes]))
    return min(won / float(_binomial(total, p)[k]), 1.0)  # rounding may overshoot


def weighted_majority_at_k(answers: ArrayLike, right: ArrayLike, reward: ArrayLike, k: int) -> float:
    """Probability that the answer with the largest sum of rewards among `k` samples is right; ties uniformly.

    The mean over all `k`-subsets where there are at most `ENUMERATED` of them. To compare sums of arbitrary weights
    over very many subsets is to count the solutions of knapsack problems, which is #P-complete; then it is the mean
    over the `N` windows of `k` consecutive samples, the last ones going on at the first. A window is as good a subset
    of exchangeable samples as any other, so this too is unbiased, and nothing is drawn, but it is noisier.

    Args:
        answers: an integer per sample, the same for equal answers; -1 is unparsed and cannot win.
        right: whether each sample is right.
        reward: its weight, not negative.
        k: samples per question.

    Raises:
        ValueError: `k` outside `1..N`, rewards that are not one finite number >= 0 per sample.
    """
    answers, right, reward = np.asarray(answers), np.asarray(right, bool), _rewards(right, reward)
    total = len(right)
    _check(total, k)
    if reward.min() < 0:
        raise ValueError(f"rewards that weigh votes must be >= 0, got {reward.min()}")
    if comb(total, k) <= ENUMERATED:
        subsets = np.array(list(combinations(range(total), k)))
    else:
        subsets = (np.arange(total)[:, None] + np.arange(k)) % total
    names, first = np.unique(answers, return_index=True)
    if names[-1] < 0:
        return 0.0
    given, weight = answers[subsets], reward[subsets]
    names, first = names[names >= 0], first[names >= 0]
    sums = np.array([_sums(given == name, weight) for name in names])
    best = np.isclose(sums, sums.max(axis=0), rtol=1e-12, atol=0) & np.isfinite(sums)
    won = (best * right[first][:, None]).sum(axis=0) / np.maximum(best.sum(axis=0), 1)
    return float(won.mean())


def _sums(own: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weight of one answer in each subset, minus infinity where nobody gave it."""
    return np.where(own.any(axis=1), (own * weight).sum(axis=1), -np.inf)


def _check(total: int, k: int) -> None:
    if not 1 <= k <= total:
        raise ValueError(f"k must be between 1 and the {total} recorded samples, got {k!r}")


def _rewards(correct: ArrayLike, reward: ArrayLike) -> np.ndarray:
    values = np.asarray(reward, float)
    if values.shape != np.shape(correct) or not np.isfinite(values).all():
        raise ValueError(f"rewards must be one finite number per sample, got {reward!r}")
    return values


def _binomial(count: int, p: float) -> np.ndarray:
    """Probabilities of `0..count` successes."""
    if p == 1:
        return np.arange(count + 1) == float(count)
    drawn = np.arange(count)
    logs = np.append(0.0, np.cumsum(np.log((count - drawn) / (drawn + 1) * (p / (1 - p)))))
    row = np.exp(logs - logs.max())
    return row / row.sum()


@cache
def _quadrature(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes `(votes of the winner, y, weight)` that integrate every polynomial in `y` a count of votes can have."""
    votes, nodes, weights = [], [], []
    for t in range(1, k + 1):
        x, w = np.polynomial.legendre.leggauss((k // t + 1) // 2)  # at most k / t - 1 others tie with t votes
        votes += [t] * len(x)
        nodes += list((x + 1) / 2)
        weights += list(w / 2)
    return np.array(votes), np.array(nodes), np.array(weights)


def _add(drawn: np.ndarray, chances: np.ndarray, votes: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Draws after one more answer, which may have fewer votes than the winner, or as many at the price of a tie."""
    after = np.zeros_like(drawn)
    for i, chance in enumerate(chances):
        factor = chance * ((i < votes) + ties * (i == votes))
        after[:, i:] += factor[:, None] * drawn[:, : drawn.shape[1] - i]
    return after
