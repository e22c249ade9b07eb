"""Best responses of the per-token game, and what a deviation earns.

Source: arXiv:2601.21839, section 3; in logarithms, so that a provider whose share underflows still has one.
"""

from __future__ import annotations

import numpy as np

from ttc_env.equilibrium.log_space import TOLERANCE, log_form, log_others
from ttc_env.market import Array, Market, at


def best_response(market: Market, profile: Array, *, ties: str = "lowest", tolerance: float = TOLERANCE) -> np.ndarray:
    """The level each provider would choose if all the others stayed where they are, `(..., n)` ints.

    Args:
        market: the market.
        profile: level indices `(..., n)`.
        ties: `"lowest"`: the lowest of the best levels; `"stay"`: the present level, if it is among them.
        tolerance: utilities that differ by less than this fraction tie.

    Raises:
        ValueError: not a profile of this market, or an unknown rule for ties.
    """
    if ties not in ("lowest", "stay"):
        raise ValueError(f"unknown ties {ties!r}; allowed: lowest, stay")
    form = log_form(market)
    profile = np.asarray(market.check(profile))
    odds = form.logits - log_others(at(form.logits, profile))[..., None]
    log_utility = form.log_margin - np.logaddexp(0.0, -odds)
    scores = np.where(form.candidates, form.sign[:, None] * log_utility, -np.inf)
    best = scores >= scores.max(axis=-1, keepdims=True) - tolerance - form.rounding
    lowest = np.argmax(best, axis=-1)
    if ties == "lowest":
        return lowest
    return np.where(np.take_along_axis(best, profile[..., None], axis=-1)[..., 0], profile, lowest)


def is_nash(market: Market, profile: Array, *, tolerance: float = TOLERANCE) -> np.ndarray:
    """Whether no provider can raise its utility by more than a fraction `tolerance` of it, bool `(...)`."""
    profile = np.asarray(market.check(profile))
    return np.all(best_response(market, profile, ties="stay", tolerance=tolerance) == profile, axis=-1)


def deviation_utility(market: Market, profile: Array) -> np.ndarray:
    """What each provider would earn at each level if all the others stayed, USD, `(..., n, m)`."""
    form = log_form(market)
    odds = form.logits - log_others(at(form.logits, np.asarray(market.check(profile))))[..., None]
    return np.exp(-np.logaddexp(0.0, -odds)) * np.asarray(market.margin)
