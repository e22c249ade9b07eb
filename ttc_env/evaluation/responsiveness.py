"""How offers answer offers: the regression of what a player does on what it and its rivals did the period before.

Source: Fish, Gonczarowski and Shorrer 2024, arXiv:2404.00806, section 4 (responsiveness to a competitor's price).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Responsiveness(NamedTuple):
    """Least squares of `x_t = constant + own x_{t-1} + rivals y_{t-1}`, and standard errors (White's, HC1).

    `periods` is the number of pairs of periods. Numbers are NaN where they are not determined: too few periods, or
    offers that do not move.
    """

    own: float
    own_error: float
    rivals: float
    rivals_error: float
    periods: int


def responsiveness(offers: np.ndarray, rivals: np.ndarray) -> Responsiveness:
    """How a player's offers answer its own and its rivals' offers of the period before.

    Args:
        offers: of the player, `(T,)`, or `(T, B)` for `B` markets, pooled with a constant for each.
        rivals: mean of its rivals', the same shape.

    Raises:
        ValueError: other shapes.
    """
    x, y = (np.asarray(part, dtype=float).reshape(len(part), -1) for part in (offers, rivals))
    if x.shape != y.shape:
        raise ValueError(f"offers and rivals must have one shape, got {np.shape(offers)} and {np.shape(rivals)}")
    count, markets = max(len(x) - 1, 0) * x.shape[1], x.shape[1]
    nothing = Responsiveness(np.nan, np.nan, np.nan, np.nan, count)
    freedom = count - markets - 2
    if freedom < 1:
        return nothing

    def within(part: np.ndarray) -> np.ndarray:  # the constant of each market taken out
        return (part - part.mean(axis=0)).ravel()

    regressors, answer = np.stack([within(x[:-1]), within(y[:-1])], axis=1), within(x[1:])
    size = np.abs([x[:-1], y[:-1]]).max(axis=(1, 2))
    spread = np.sqrt((regressors**2).sum(axis=0))
    if np.any(spread <= 1e-9 * size * np.sqrt(count)) or np.linalg.cond(regressors / spread) > 1e9:
        return nothing
    bread = np.linalg.inv(regressors.T @ regressors)
    found = bread @ regressors.T @ answer
    scores = regressors * (answer - regressors @ found)[:, None]
    errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread) * count / freedom)
    return Responsiveness(float(found[0]), float(errors[0]), float(found[1]), float(errors[1]), count)
