"""A regulator on top of a session's game, by what the command line says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttc_env.checks import finite
from ttc_env.collusion import Benchmarks, PayoffTable, Regulated, cap, log_only, regulate, revise, veto


@dataclass(frozen=True)
class Regulation:
    """What is done about joint actions; learners do not see the rule, only what they earn under it."""

    rule: Literal["none", "cap", "veto", "revise"] = "none"
    """cap: no action above a highest one; veto: who asks for more than that gets the lowest one; revise: where total
    profit is beyond a bound, everybody has to give its best answer to the others"""
    bound: float | None = None
    """of cap and veto: the highest action that is allowed, counted from 0; of revise: a profit gain, between 0
    (competition) and 1 (cartel)"""
    log: bool = False
    """change nothing, and count what would have been changed"""

    def __post_init__(self) -> None:
        if self.rule not in ("none", "cap", "veto", "revise"):
            raise ValueError(f"rule of the regulator must be none, cap, veto or revise, got {self.rule!r}")
        if (self.rule == "none") != (self.bound is None):
            raise ValueError(f"a regulator has a rule and a bound or neither, got {self.rule!r} and {self.bound!r}")
        if self.bound is not None:
            finite("bound of the regulator", self.bound)

    def apply(self, payoffs: PayoffTable, benchmarks: Benchmarks) -> Regulated:
        """The game under the rule, and its log.

        Raises:
            ValueError: a highest action that there is not.
        """
        if self.rule == "none" or self.bound is None:
            return regulate(payoffs, log_only)
        if self.rule == "revise":
            high = benchmarks.mean_profit_gain(payoffs.profits) > self.bound
            found = regulate(payoffs, revise(lambda joint: np.repeat(high[:, None], joint.shape[1], axis=1)))
        else:
            highest = int(self.bound)
            if highest != self.bound or not 0 <= highest < payoffs.num_actions:
                raise ValueError(
                    f"bound of the regulator must be an action from 0 to {payoffs.num_actions - 1}, got {self.bound!r}"
                )
            above = np.arange(payoffs.num_actions) > highest
            found = regulate(payoffs, cap(np.array(highest)) if self.rule == "cap" else veto(above, np.array(0)))
        return found._replace(payoffs=payoffs) if self.log else found
