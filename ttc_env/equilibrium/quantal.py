"""Logit quantal response equilibrium of the per-token game.

Source: McKelvey and Palfrey (1995), *Quantal response equilibria for normal form games*, section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.checks import whole, within
from ttc_env.equilibrium.mixed import mixed_deviation_utility
from ttc_env.market import Market


class QuantalResponse(NamedTuple):
    """A fixed point of noisy best responses.

    strategies: probability of every level, `(n, m)`.
    residual: largest difference between a probability and the response to it; tells whether the search converged.
    iterations: how many it took.
    """

    strategies: np.ndarray
    residual: float
    iterations: int


def logit_equilibrium(
    market: Market, rationality: float, *, damping: float = 0.5, tolerance: float = 1e-10, max_iterations: int = 10_000
) -> QuantalResponse:
    """Strategies with `sigma_i(k)` proportional to `exp(rationality * E[utility_i(k)])`, found from uniform play.

    Args:
        market: the market.
        rationality: of the providers, 1/USD: 0 is uniform play, and the larger it is, the closer to best responses.
        damping: weight of the old strategies in each step, in [0, 1).
        tolerance: stop when the residual is below.
        max_iterations: stop here at the latest; look at the residual.

    Raises:
        ValueError: `rationality` or `tolerance` negative or not finite, or `damping` outside [0, 1).
    """
    within("rationality (1/USD)", rationality, 0.0)
    within("damping", damping, 0.0, 1.0, closed="left")
    within("tolerance", tolerance, 0.0)
    whole("max_iterations", max_iterations, least=0)
    strategies = np.full((market.num_providers, market.num_levels), 1 / market.num_levels)
    response = _logit_response(market, strategies, rationality)
    iterations = 0
    while np.abs(response - strategies).max() > tolerance and iterations < max_iterations:
        strategies = damping * strategies + (1 - damping) * response
        response = _logit_response(market, strategies, rationality)
        iterations += 1
    return QuantalResponse(strategies, float(np.abs(response - strategies).max()), iterations)


def _logit_response(market: Market, strategies: np.ndarray, rationality: float) -> np.ndarray:
    logits = rationality * mixed_deviation_utility(market, strategies)
    response = np.exp(logits - logits.max(axis=1, keepdims=True))
    return response / response.sum(axis=1, keepdims=True)
