"""Best responses of the per-token game, and what a deviation earns.

Source: arXiv:2601.21839, section 3; in logarithms, so that a provider whose share underflows still has one.
"""

from __future__ import annotations

import numpy as np

from ttc_env.arrays import Array
from ttc_env.checks import within
from ttc_env.equilibrium.log_space import (
    TOLERANCE,
    LogForm,
    flat,
    in_numpy,
    levels_first,
    log_form,
    log_odds,
    log_shares,
)
from ttc_env.market import Market
from ttc_env.markets import Markets


def best_response(
    market: Market | Markets, profile: Array, *, ties: str = "lowest", tolerance: float = TOLERANCE
) -> np.ndarray:
    """The level each provider would choose if all the others stayed where they are, `(..., n)` ints.

    Args:
        market: the market, or many.
        profile: level indices `(..., n)`; of many markets one profile each, `(B, n)`.
        ties: `"lowest"`: the lowest of the best levels; `"stay"`: the present level, if it is among them.
        tolerance: utilities that differ by less than this fraction tie.

    Raises:
        ValueError: not a profile of this market, an unknown rule for ties, or a tolerance that is negative or none.
    """
    if ties not in ("lowest", "stay"):
        raise ValueError(f"unknown ties {ties!r}; allowed: lowest, stay")
    within("tolerance", tolerance, 0.0)
    market = in_numpy(market)
    form, profile = log_form(market), market.check(profile)
    profiles = flat(market, profile)
    best = near_best(form, log_odds(form, profiles), tolerance + form.rounding)
    response = best.argmax(axis=0).T
    if ties == "stay":
        stays = np.take_along_axis(best, profiles.T[None], axis=0)[0].T
        response = np.where(stays, profiles, response)
    return response.reshape(profile.shape)


def near_best(form: LogForm, odds: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Levels whose utility is within a fraction `slack` of the best one, bool `(m, n, B)`, for `log w - log X`."""
    log_utility = levels_first(form.log_margin) + log_shares(odds)
    sign = np.atleast_2d(form.sign).T
    scores = np.where(levels_first(form.candidates), sign * log_utility, -np.inf)
    return scores >= scores.max(axis=0) - slack


def is_nash(market: Market | Markets, profile: Array, *, tolerance: float = TOLERANCE) -> np.ndarray:
    """Whether no provider can raise its utility by more than a fraction `tolerance` of it, bool `(...)`."""
    market = in_numpy(market)
    profile = market.check(profile)
    return np.all(best_response(market, profile, ties="stay", tolerance=tolerance) == profile, axis=-1)


def deviation_utility(market: Market | Markets, profile: Array) -> np.ndarray:
    """What each provider would earn at each level if all the others stayed, USD, `(..., n, m)`."""
    market = in_numpy(market)
    profile = market.check(profile)
    odds = log_odds(log_form(market), flat(market, profile))
    return np.exp(log_shares(odds)).T.reshape(*profile.shape, market.num_levels) * market.margin
