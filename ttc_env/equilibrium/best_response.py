"""Best responses of the per-token game, and what a deviation earns.

Source: arXiv:2601.21839, section 3; in logarithms, so that a provider whose share underflows still has one.
"""

from __future__ import annotations

import numpy as np

from ttc_env.equilibrium.log_space import TOLERANCE, log_form, log_others
from ttc_env.market import Array, Market, at


def best_response(market: Market, profile: Array, *, tolerance: float = TOLERANCE) -> np.ndarray:
    """The level each provider would choose if all the others stayed where they are, `(..., n)` ints.

    Args:
        market: the market.
        profile: level indices `(..., n)`.
        tolerance: utilities that differ by less than this fraction tie; ties go to the lowest level.

    Raises:
        ValueError: not a profile of this market.
    """
    scores, slack = _scores(market, profile, tolerance)
    return np.argmax(scores >= scores.max(axis=-1, keepdims=True) - slack, axis=-1)


def is_nash(market: Market, profile: Array, *, tolerance: float = TOLERANCE) -> np.ndarray:
    """Whether no provider can raise its utility by more than a fraction `tolerance` of it, bool `(...)`."""
    scores, slack = _scores(market, profile, tolerance)
    chosen = np.take_along_axis(scores, np.asarray(profile)[..., None], axis=-1)[..., 0]
    return np.all(chosen >= scores.max(axis=-1) - slack, axis=-1)


def deviation_utility(market: Market, profile: Array) -> np.ndarray:
    """What each provider would earn at each level if all the others stayed, USD, `(..., n, m)`."""
    form = log_form(market)
    others = log_others(at(form.logits, market.check(profile)))
    return np.exp(-np.logaddexp(0.0, others[..., None] - form.logits)) * np.asarray(market.margin)


def _scores(market: Market, profile: Array, tolerance: float) -> tuple[np.ndarray, float]:
    """Signed logarithms of the utility of every deviation, `(..., n, m)`, and the difference that is a tie."""
    form = log_form(market)
    others = log_others(at(form.logits, market.check(profile)))
    log_utility = form.log_margin - np.logaddexp(0.0, others[..., None] - form.logits)
    return np.where(form.candidates, form.sign[:, None] * log_utility, -np.inf), tolerance + form.rounding
