"""How patient providers must be for joint-profit play to hold: the critical discount of every mechanism, exactly.

Under grim trigger everybody plays the joint optimum until somebody deviates, and an equilibrium of the stage game for
ever after. Provider i keeps to it if `c_i >= (1 - discount) d_i + discount e_i`, with `c` the profits of the joint
optimum, `d_i` of its best deviation and `e` of the equilibrium: from `(d_i - c_i) / (d_i - e_i)` on.

Source: Friedman 1971, *A Non-cooperative Equilibrium for Supergames*, Review of Economic Studies 38.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array
from ttc_env.equilibrium.game import StageGame


class CriticalDiscount(NamedTuple):
    """From which discount on a one-shot deviation from joint-profit play does not pay.

    value: for all providers; infinite where no patience is enough, because somebody earns as much in every equilibrium.
    providers: for each of them under the equilibrium that punishes best, `(n,)`.
    collusive: profits of the joint optimum, USD, `(n,)`.
    deviating: of each provider's best deviation from it, `(n,)`.
    punishing: of the equilibrium that punishes best, `(n,)`.
    """

    value: float
    providers: np.ndarray
    collusive: np.ndarray
    deviating: np.ndarray
    punishing: np.ndarray


def critical_discount(game: StageGame) -> CriticalDiscount:
    """The critical discount of a market under a mechanism, over all its pure equilibria.

    Raises:
        ValueError: the game has no pure equilibrium, or more joint actions than can be gone through.
    """
    optimum = game.joint_profit_optimum().profile
    return grim_trigger(game.utility(optimum), game.deviations(optimum).max(axis=-1), game.utility(game.equilibria()))


def grim_trigger(collusive: Array, deviating: Array, punishing: Array) -> CriticalDiscount:
    """The same from profits.

    Args:
        collusive: of what is to hold, `(n,)`.
        deviating: of the best deviation from it, `(n,)`.
        punishing: of every equilibrium that may follow, `(E, n)`.
    """
    collusive, deviating, punishing = (np.asarray(profits, float) for profits in (collusive, deviating, punishing))
    slack = 1e-12 * max(float(np.abs(deviating).max()), np.finfo(float).tiny)
    tempting, hurts = deviating - collusive > slack, deviating - punishing > slack
    needed = (deviating - collusive) / np.where(hurts, deviating - punishing, 1.0)
    needed = np.where(tempting, np.where(hurts & (needed < 1), needed, np.inf), 0.0)  # (E, n)
    needed = np.where(punishing - collusive > slack, np.inf, needed)  # who is better off after it would set it off
    best = int(needed.max(axis=1).argmin())
    return CriticalDiscount(float(needed[best].max()), needed[best], collusive, deviating, punishing[best])
