"""Who plays: what a run has learnt in its seats, and in the others whom it is put against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.frozen import Frozen, find_opponents
from ttc_env import VectorMarket
from ttc_env.batch import one_market
from ttc_env.opponents import make_opponents


class Cast:
    """All players of a market.

    Args:
        engine: the market.
        run: folder of the run.
        seats: those it plays; by default all that it was trained for.
        opponents: in the other seats, a name or the folder of a run; by default those of its training.
        explore: play as in training, and not the best known.

    Raises:
        ValueError: seats that there are none of, opponents that nobody's seat is left for, or a market that the run
            was not trained for.
    """

    def __init__(
        self, engine: VectorMarket, run: Path, seats: Sequence[int], opponents: str | None, explore: bool
    ) -> None:
        everybody = set(range(engine.num_providers))
        if not set(seats) <= everybody or len(set(seats)) < len(seats):
            raise ValueError(f"seats must be from 0 to {engine.num_providers - 1}, each once, got {list(seats)}")
        self.engine, player = engine, Frozen(run, explore)
        self.own = list(seats) or player.seats(one_market(engine.market))
        rest = everybody - set(self.own)
        if opponents is not None and not rest:
            raise ValueError("no seat is left for --opponents; say with --seats where the run plays")
        self._acts = player.against(engine.game, rest if opponents is not None else ())
        self._others = None
        if opponents is not None:
            self._others = make_opponents(engine.game, self.own, find_opponents(opponents))

    def enter(self, engine: VectorMarket) -> None:
        """The next observations come from these markets."""
        self.engine = engine

    def act(self, observations: np.ndarray) -> Any:
        """Actions of all providers, `(B, n)` or `(B, n, c)`."""
        given = (observations, self.engine.record(), self.engine.draw)
        actions = self._acts(*given)
        if self._others is None:
            return actions
        joint = np.array(self._others(*given))
        joint[:, self.own] = actions[:, self.own]
        return joint
