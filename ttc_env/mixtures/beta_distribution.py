"""The beta distribution: distribution function, quantiles and means of strata, for arrays of parameters.

Shapes `a`, `b` are positive and broadcast against each other. Points are given by their log odds
`y = log(x / (1 - x))`, so that both ends of [0, 1] are resolved, however small the shapes.
"""

from __future__ import annotations

import math

import numpy as np

_lgamma = np.vectorize(math.lgamma, otypes=[float])
_REACH = 750.0  # tails beyond hold less than the smallest double
_MOST_ROUNDS = 100  # halving alone resolves the bracket in as many
_SMALLEST = np.finfo(np.float64).tiny


def distribution(log_odds: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`P(X <= x)` at `log_odds` of `x`: the regularised incomplete beta function `I_x(a, b)`.

    Source: DLMF 8.17.22 (continued fraction) and 8.17.4 (`I_x(a, b) = 1 - I_{1-x}(b, a)`, where it converges fast).
    """
    y, a, b = (np.asarray(part, dtype=np.float64) for part in (log_odds, a, b))
    below = y < np.log((a + 1) / (b + 1))
    first, second, side = np.where(below, a, b), np.where(below, b, a), np.where(below, y, -y)
    tail = density(y, a, b) / first / _continued_fraction(np.exp(_log_share(side)), first, second)
    return np.where(below, tail, 1 - tail)


def density(log_odds: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Density of the log odds, `x^a (1 - x)^b / B(a, b)`."""
    log_beta = _lgamma(a) + _lgamma(b) - _lgamma(np.add(a, b))
    return np.exp(a * _log_share(log_odds) + b * _log_share(-log_odds) - log_beta)


def quantile(probability: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Log odds of the point below which `probability` lies, by Newton's method in a shrinking bracket."""
    y = np.log(a / b) + 0 * probability
    low, high = y - _REACH / np.minimum(a, 1), y + _REACH / np.minimum(b, 1)  # tails are exp(a y) and exp(-b y)
    for _ in range(_MOST_ROUNDS):
        excess = distribution(y, a, b) - probability
        low, high = np.where(excess < 0, y, low), np.where(excess < 0, high, y)
        trial = y - excess / np.maximum(density(y, a, b), _SMALLEST)
        trial = np.where((trial >= low) & (trial <= high), trial, (low + high) / 2)
        if np.all(np.abs(trial - y) <= 1e-11 * (1 + np.abs(y))):
            return trial
        y = trial
    return y


def stratum_means(num_strata: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean of the distribution within each of its `num_strata` equally likely strata, `(num_strata, ...)`.

    `E[X; X <= x] = a / (a + b) I_x(a + 1, b)`, so the strata share out the mean exactly: whatever the rounding of the
    points between them, the means average to `a / (a + b)`.
    """
    steps = np.arange(1, num_strata).reshape(-1, *(1,) * np.ndim(a)) / num_strata
    upto = distribution(quantile(steps, a[None], b[None]), a[None] + 1, b[None])
    edge = np.ones((1, *np.shape(a)))
    return num_strata * a / (a + b) * np.diff(np.concatenate([0 * edge, upto, edge]), axis=0)


def _log_share(log_odds: np.ndarray) -> np.ndarray:
    """Logarithm of `x`; that of `1 - x` is the one at the negative log odds."""
    return -np.logaddexp(0.0, -log_odds)


def _continued_fraction(x: np.ndarray, a: np.ndarray, b: np.ndarray, most: int = 100_000) -> np.ndarray:
    """Denominator of the continued fraction of `I_x(a, b)` by the modified Lentz method."""
    found = upper = np.ones(x.shape)
    lower = np.zeros(x.shape)
    for step in range(1, most):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        lower = 1 / _away_from_zero(1 + term * lower)
        upper = _away_from_zero(1 + term / upper)
        found = found * lower * upper
        if np.all(np.abs(lower * upper - 1) < 1e-15):
            return found
    raise ArithmeticError(f"the incomplete beta function did not converge in {most} steps, for a up to {a.max()}")


def _away_from_zero(value: np.ndarray) -> np.ndarray:
    return np.where(np.abs(value) < _SMALLEST, _SMALLEST, value)
