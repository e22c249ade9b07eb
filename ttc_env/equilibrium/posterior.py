"""What measured accuracies leave open: markets drawn from a posterior that pools curves over levels and providers.

Redrawing noise around a noisy curve, and then taking its maximum, is biased upwards twice. Here the curves are first
pulled together as far as the data themselves say. On the scale `y = asin(sqrt(a))` an accuracy of `N` questions has the
noise `1 / (4 N)` whatever it is, 0 and 1 included, and the curves are Gaussian:

    y_ik = (common curve)_k + (deviation of provider i)_k + noise.

Common curve and deviations each start from a level, rise along a line and wander from it in independent steps, whose
sizes may shrink from level to level as returns diminish. How large level, slope and steps are is drawn as well, from a
grid, in proportion to how likely it makes the data.

Source of the scale: Anscombe (1948), *The transformation of Poisson, binomial and negative-binomial data*.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ttc_env.checks import whole
from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.equilibrium.uncertainty import with_accuracies
from ttc_env.market import Market
from ttc_env.markets import Markets

_SHRINKING = (1.0, 0.75, 0.5)  # size of a step relative to the one before
_DEVIATIONS = ((0.03, 0.06, 0.12, 0.24), (0.0, 0.02, 0.05, 0.1), (0.01, 0.02, 0.04, 0.08), _SHRINKING)
_COMMON = ((1.0,), (0.05, 0.15), (0.01, 0.03, 0.1), _SHRINKING)


def posterior_markets(market: Market, num_questions: int, num_markets: int, rng: np.random.Generator) -> Markets:
    """Markets whose accuracies are drawn from their posterior, given those measured; for `interval`.

    Prices and costs are kept. How often intervals from these draws cover a known truth stands in docs/theory.md.

    Args:
        market: the measured curves.
        num_questions: how many questions each accuracy is the mean of.
        num_markets: how many to draw.
        rng: generator.

    Raises:
        ValueError: a number that is not positive, or qualities that are no means of right and wrong answers.
    """
    size, market = whole("num_questions", num_questions), in_numpy(market)
    counts = np.clip(market.accuracy, 0.0, 1.0) * size
    observed, noise = np.arcsin(np.sqrt((counts + 0.375) / (size + 0.75))), 1 / (4 * size + 2)
    n, m = observed.shape
    mean = observed.mean(axis=0)
    common = mean.mean() + _draw((mean - mean.mean())[None], noise / n, _priors(m, _COMMON), num_markets, rng)
    contrasts = _contrasts(n)
    deviations = contrasts @ _draw(contrasts.T @ observed, noise, _priors(m, _DEVIATIONS), num_markets, rng)
    accuracy = np.sin(np.clip(common + deviations, 0.0, np.pi / 2)) ** 2
    return with_accuracies(market, accuracy)


def _draw(rows: np.ndarray, noise: float, priors: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of `r` independent curves seen with noise, `(num, r, m)`; one of the priors `(H, m, m)` is true for all."""
    marginal = priors + noise * np.eye(priors.shape[-1])
    inverse = np.linalg.inv(marginal)
    fit = np.einsum("rk,hkl,rl->h", rows, inverse, rows) + len(rows) * np.linalg.slogdet(marginal)[1]
    chance = np.exp((fit.min() - fit) / 2)
    which = rng.choice(len(priors), num, p=chance / chance.sum())
    gain = priors @ inverse
    spread, axes = np.linalg.eigh(priors - gain @ priors)
    roots = axes * np.sqrt(np.clip(spread, 0.0, None))[:, None]
    noise_free = rng.normal(size=(num, *rows.shape)) @ roots[which].swapaxes(1, 2)
    return rows @ gain[which].swapaxes(1, 2) + noise_free


def _priors(num_levels: int, grid: Sequence[Sequence[float]]) -> np.ndarray:
    """Covariance over levels for each combination of the grid, `(H, m, m)`."""
    found = []
    for level, slope, step, shrink in product(*grid):
        steps = shrink ** np.arange(num_levels - 1)
        paths = np.tril(np.ones((num_levels, num_levels)), -1)[:, :-1] * steps
        line = paths.sum(axis=1) - paths.sum(axis=1).mean()
        line = 2 * line / max(steps.sum(), 1e-9)  # two units from the lowest to the highest level
        found.append(level**2 + slope**2 * np.outer(line, line) + step**2 * paths @ paths.T)
    return np.array(found)


def _contrasts(num: int) -> np.ndarray:
    """Orthonormal columns that sum to zero, `(num, num - 1)`."""
    return np.linalg.qr(np.column_stack([np.ones(num), np.eye(num)[:, 1:]]))[0][:, 1:]
