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

from ttc_env.checks import within
from ttc_env.equilibrium import nash
from ttc_env.equilibrium.batched.blocks import blocks, join
from ttc_env.equilibrium.log_space import TOLERANCE, LogForm, log_form, log_others
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
    profile, only = only_equilibrium(block, tolerance)
    rows, profiles = [np.flatnonzero(only)], [profile[only]]
    for row in np.flatnonzero(~only).tolist():
        profiles.append(nash.pure_nash(block[row], tolerance=tolerance, limit=limit))
        rows.append(np.full(len(profiles[-1]), row))
    belongs = np.concatenate(rows)
    order = np.argsort(belongs, kind="stable")
    return belongs[order], np.concatenate(profiles)[order]


def only_equilibrium(block: Markets, tolerance: float = TOLERANCE) -> tuple[np.ndarray, np.ndarray]:
    """Profiles `(B, n)`, and in which rows this is certainly an equilibrium and the only one, bool `(B,)`.

    Levels count as best within twice the slack of `is_nash`, so that rounding loses no equilibrium.
    """
    within("tolerance", tolerance, 0.0)
    form = log_form(block)
    every = lines = _Lines.of(block, form, tolerance)
    waiting = np.flatnonzero((form.sign > 0).all(axis=-1))
    weights = np.full(form.sign.T.shape, np.nan)  # logits of the only equilibrium, (n, B)
    low, high = np.where(form.candidates.T, form.logits.T, np.inf).min(axis=0), lines.heaviest
    rows = waiting
    while True:
        if len(rows) < low.shape[1]:
            lines, low, high = _Lines(*(part.take(rows, axis=-1) for part in lines)), low[:, rows], high[:, rows]
        lighter = np.maximum(low, np.where(lines.near_best(low), lines.logits, np.inf).min(axis=0))
        heavier = np.minimum(high, np.where(lines.near_best(high), lines.logits, -np.inf).max(axis=0))
        met = (lighter == heavier).all(axis=0)
        weights[:, waiting[met]] = lighter[:, met]
        rows = np.flatnonzero(~met & ((lighter > low) | (heavier < high)).any(axis=0))
        if not rows.size:
            break
        waiting, low, high = waiting[rows], lighter, heavier
    chosen = every.logits == weights
    return chosen.argmax(axis=0).T, (chosen.sum(axis=0) == 1).all(axis=0)  # not where two levels weigh the same


class _Lines(NamedTuple):
    """What is compared where all margins that count are positive: `1 / utility = X_i / (w g) + 1 / g`, `(m, n, B)`.

    logits: `log w` of the candidates, `-inf` of other levels.
    candidates: levels of positive margin.
    heights: `1 / g`, infinite of other levels.
    heaviest: the largest of the logits, `(n, B)`.
    factor: by which a level may exceed the best one and still count as best, `(B,)`.
    """

    logits: np.ndarray
    candidates: np.ndarray
    heights: np.ndarray
    heaviest: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, block: Markets, form: LogForm, tolerance: float) -> _Lines:
        candidates = form.candidates.T & (form.sign > 0).T
        logits = np.where(candidates, form.logits.T, -np.inf)
        heights = np.divide(1.0, block.margin.T, out=np.full(logits.shape, np.inf), where=candidates)
        return cls(logits, candidates, heights, logits.max(axis=0), np.exp(2 * (tolerance + form.rounding)))

    def near_best(self, others: np.ndarray) -> np.ndarray:
        """Levels that are nearly best responses to the logits `others` `(n, B)`, bool `(m, n, B)`."""
        log_x = log_others(others)
        shift = np.maximum(log_x - self.heaviest, 0.0)  # the heaviest level then costs about one
        with np.errstate(over="ignore"):  # infinite costs are never the least
            costs = (np.exp(log_x - shift - self.logits) + np.exp(-shift)) * self.heights
        return costs <= costs.min(axis=0) * self.factor
