"""Providers who are not always there: in each period some can be chosen and the others cannot.

Source: the closed form of the auction is `ttc_env.equilibrium.honest_auction(mixture, availability)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ttc_env.arrays import Array, device, namespace
from ttc_env.batch import MarketBatch
from ttc_env.checks import within
from ttc_env.dynamics.protocol import Dynamics, Moves, subsets
from ttc_env.equilibrium import StageGame
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome, action_shape
from ttc_env.period import PeriodMarket


@dataclass(frozen=True)
class Availability(Dynamics):
    """In each period every provider is there with the same probability, independently, whatever anybody does.

    State: for each provider whether it is there, `2^n` states, drawn anew in each period. Nobody can choose a provider
    that is not there; what it bids counts for nothing, and it earns nothing.

    Args:
        probability: of being there, in (0, 1].
    """

    probability: float = 0.9

    name = "availability"
    exogenous: ClassVar[bool] = True
    draws_start: ClassVar[bool] = True

    def __post_init__(self) -> None:
        within("probability, of being there,", self.probability, 0, 1, closed="right")

    def sizes(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """There or not, for every provider."""
        return (2,) * market.num_providers

    def start(self, market: Market | MarketBatch) -> tuple[int, ...]:
        """Everybody there."""
        return (1,) * market.num_providers

    def period(self, market: PeriodMarket, state: Array) -> PeriodMarket:
        """The same tables; only those who are there can be chosen."""
        there = state > 0
        return replace(market, present=there if market.present is None else there & market.present)

    def moves(self, market: PeriodMarket, state: Array, outcome: Outcome) -> Moves:
        """To each set of providers, whatever the last one was."""
        like, there = outcome.shares, subsets(market.num_providers)
        xp, place = namespace(like), device(like)
        chance = xp.asarray(self._chance(there), dtype=like.dtype, device=place)
        return Moves(xp.arange(len(there), device=place), xp.broadcast_to(chance, (*like.shape[:-1], len(there))))

    def num_draws(self, market: Market | MarketBatch) -> int:
        """One for each provider."""
        return market.num_providers

    def advance(self, market: PeriodMarket, state: Array, outcome: Outcome, draws: Array) -> Array:
        """Those are there whose draw is below `probability`."""
        return self.draw_start(market, draws)

    def draw_start(self, market: PeriodMarket, draws: Array) -> Array:
        """As in any period."""
        xp = namespace(draws)
        return xp.astype(draws < self.probability, xp.int64)

    def start_weights(self, market: Market) -> np.ndarray:
        """The probability of each set of providers, `(2^n,)`."""
        return self._chance(subsets(market.num_providers))

    def equilibria(self, market: Market, mechanism: Mechanism) -> np.ndarray | None:
        """In auctions the equilibrium of those who are there, `(2^n, n, c)`; whoever is not takes its lowest action."""
        if mechanism.uses_beta:
            return None
        sets = subsets(market.num_providers) > 0
        like = mechanism.honest(market, np.zeros(market.num_providers, dtype=np.int64))
        actions = np.zeros((len(sets), *action_shape(mechanism, market)), dtype=like.dtype)
        for own, there in zip(actions, sets, strict=True):
            if there.any():
                own[there] = StageGame(market.select(np.flatnonzero(there).tolist()), mechanism).equilibrium()
        return actions

    def label(self, market: Market, state: tuple[int, ...]) -> str:
        """The names of those who are there."""
        there = [name for name, here in zip(market.providers, state, strict=True) if here]
        return ", ".join(there) or "nobody"

    def _chance(self, there: np.ndarray) -> np.ndarray:
        """The probability that those and no others are there, `(...)` for `(..., n)`."""
        return np.where(there > 0, self.probability, 1 - self.probability).prod(axis=-1)
