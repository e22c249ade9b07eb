"""Every pure equilibrium of many markets: best responses from both ends, and the search where these do not meet.

With positive margins `log utility` has increasing differences in the own weight and in `X_i`: the heavier the others,
the heavier the lightest and the heaviest of the (nearly) best levels. Best responses iterated from the lightest profile
and from the heaviest one therefore enclose every equilibrium; where both ends meet it is the only one, and it exists
because the game has a potential. Source: Topkis (1979), *Equilibrium points in nonzero-sum n-person submodular games*;
derived in docs/theory.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttc_env.equilibrium import nash
from ttc_env.equilibrium.batched.blocks import blocks, join
from ttc_env.equilibrium.best_response import near_best
from ttc_env.equilibrium.log_space import TOLERANCE, LogForm, levels_first, log_form, log_others, pick
from ttc_env.market import Market
from ttc_env.markets import Markets


class Equilibria(NamedTuple):
    """The pure equilibria of `B` markets, market by market, in lexicographic order within each.

    market: to which market each belongs, `(E,)` ints, increasing.
    profile: level indices, `(E, n)`; -1 for providers that a smaller market lacks.
    num_equilibria: of each market, `(B,)`.
    """

    market: np.ndarray
    profile: np.ndarray
    num_equilibria: np.ndarray

    def of(self, market: int) -> np.ndarray:
        """Those of one market, by its index, `(num_equilibria, n)`."""
        return self.profile[self.market == range(len(self.num_equilibria))[market]]


def pure_nash(markets: Sequence[Market], *, tolerance: float = TOLERANCE, limit: int = 100_000) -> Equilibria:
    """All pure equilibria of all markets, the same as `equilibrium.pure_nash` finds in each.

    Args:
        markets: the markets.
        tolerance: utilities that differ by less than this fraction tie, and a tie is no reason to deviate.
        limit: refuse to list more equilibria of one market than this.

    Raises:
        ValueError: no markets, or more equilibria of one of them than `limit`.
    """
    found = []
    for rows, block in blocks(markets):
        where, profile = block_equilibria(block, tolerance=tolerance, limit=limit)
        found.append((rows[where], profile))
    market = np.concatenate([rows for rows, _ in found])
    order = np.argsort(market, kind="stable")
    profile = join([profiles for _, profiles in found])[order]
    return Equilibria(market[order], profile, np.bincount(market, minlength=len(markets)))


def block_equilibria(
    block: Markets, *, tolerance: float = TOLERANCE, limit: int = 100_000
) -> tuple[np.ndarray, np.ndarray]:
    """The equilibria of a block: to which row each belongs, `(E,)` increasing, and profiles `(E, n)`."""
    profile, only = only_equilibrium(log_form(block), tolerance)
    rows, profiles = [np.flatnonzero(only)], [profile[only]]
    for row in np.flatnonzero(~only).tolist():
        profiles.append(nash.pure_nash(block[row], tolerance=tolerance, limit=limit))
        rows.append(np.full(len(profiles[-1]), row))
    belongs = np.concatenate(rows)
    order = np.argsort(belongs, kind="stable")
    return belongs[order], np.concatenate(profiles)[order]


def only_equilibrium(form: LogForm, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Profiles `(B, n)`, and in which rows this is certainly an equilibrium and the only one, bool `(B,)`.

    Levels count as best within twice the slack of `is_nash`, so that rounding loses no equilibrium.
    """
    profile, only = np.zeros(form.sign.shape, dtype=np.intp), np.zeros(len(form.sign), dtype=bool)
    keep = (form.sign > 0).all(axis=-1)
    waiting = np.arange(len(form.sign))
    lightest, heaviest = np.full(form.sign.T.shape, -np.inf), np.full(form.sign.T.shape, np.inf)
    near_low = near_high = levels_first(form.candidates)
    while True:
        logits = levels_first(form.logits)
        low = np.maximum(lightest, np.where(near_low, logits, np.inf).min(axis=0))  # (n, B)
        high = np.minimum(heaviest, np.where(near_high, logits, -np.inf).max(axis=0))
        met = keep & (low == high).all(axis=0)
        chosen = levels_first(form.candidates)[:, :, met] & (logits[:, :, met] == low[:, met])
        profile[waiting[met]] = chosen.argmax(axis=0).T
        only[waiting[met]] = (chosen.sum(axis=0) == 1).all(axis=0)  # not where two levels weigh the same
        keep &= ~met & ((low > lightest) | (high < heaviest)).any(axis=0)
        if not keep.any():
            return profile, only
        waiting, lightest, heaviest = waiting[keep], low[:, keep], high[:, keep]
        form = LogForm(*(pick(field, keep) for field in form))
        keep = np.ones(len(waiting), dtype=bool)
        slack = 2 * (tolerance + form.rounding)
        near_low, near_high = (
            near_best(form, levels_first(form.logits) - log_others(end), slack) for end in (lightest, heaviest)
        )
