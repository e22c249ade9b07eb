"""Players that answer what the others did: last period, or in all periods so far. They know the market."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.parts import checks
from agents.scripted import Constant
from ttc_env import Market, StageGame, opponents
from ttc_env.equilibrium import Unanswered
from ttc_env.mechanisms import Bids, every_action
from ttc_env.repeated import State


class BestResponse(Constant):
    """The best response to what the others did last period, all at once.

    It starts from the levels that leave users least. Under per-token pricing best responses rise with the value that
    the others offer, so that simultaneous play from there climbs to an equilibrium and cannot cycle.

    Source: Cournot 1838, chapter VII; for the convergence, Milgrom and Roberts 1990, theorem 8.
    """

    def prepare(self) -> None:
        """Keep what answers in each market, or what is best in any case."""
        plans = [plan for game, _ in self.games if (plan := game.dominant()) is not None]
        self.settled = len(plans) == len(self.games)
        if self.settled:
            self.table = self.joint(plans)
        self.answers = [
            opponents.BestResponse(game, game.mechanism.honest(game.market, game.market.user_value.argmin(axis=1)))
            for game, _ in self.games
        ]

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, c)`, for the rows of the markets that were entered."""
        if self.settled:
            return super().actions(observations)
        state = self.markets.record()
        if len(state.period) != len(observations):
            raise ValueError(f"it answers the {len(state.period)} markets it entered, got {len(observations)} rows")
        parts = []
        for (game, rows), answer in zip(self.games, self.answers, strict=True):
            bids = Bids(*(part[rows, : game.market.num_providers] for part in state.bids))
            own = State(state.period[rows], bids, state.shares, state.reward)
            parts.append(answer(observations[rows], own, self.generator.random))
        joint = np.zeros((len(observations), *self.joint_shape), dtype=parts[0].dtype)
        for (game, rows), part in zip(self.games, parts, strict=True):
            joint[rows, : game.market.num_providers] = part
        return joint[:, self.seats]


@dataclass(frozen=True)
class FictitiousPlayConfig:
    """Hyper-parameters of `FictitiousPlay`."""

    prior: float = 1.0
    """periods of uniform play that everybody is believed to have played before the first one"""

    def __post_init__(self) -> None:
        checks.not_negative(self, "prior")


class FictitiousPlay(Constant):
    """The best response to the empirical distribution of what the others did in all periods so far.

    The distribution is that of their joint play, so that the response is exact: the action that would have earned most.
    Experience belongs to a market; in one that was not trained on there is only the prior, and none in a game so large
    that uniform play cannot be judged exactly. Where one action is best against every belief, that is played.

    Source: Brown 1951; with the joint distribution, Marden, Arslan and Shamma 2009, section III.
    """

    Config = FictitiousPlayConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: FictitiousPlayConfig | None = None) -> None:
        self.earned: dict[str, np.ndarray] = {}
        super().__init__(env, total_steps, seed, config)

    def plan(self, game: StageGame) -> np.ndarray:
        """The joint action of one market, `(n,)` or `(n, c)`."""
        dominant = game.dominant()
        return game.actions[self._earned(game).argmax(axis=1)] if dominant is None else dominant

    def watch(self, info: dict[str, Any]) -> None:
        """Add what every action would have earned every provider, the mean over the rows of a market."""
        for game, rows in self.games:
            if game.dominant() is None:
                bids = Bids(*(part[rows, : game.market.num_providers] for part in info["bids"]))
                level = np.minimum(bids.level, game.market.num_levels - 1)
                utility = game.mean_deviations(bids._replace(level=level))
                self.earned[_identity(game.market)] = self._earned(game) + utility
        self.prepare()

    def state_dict(self) -> dict[str, Any]:
        """Experience, as lists by market, and progress."""
        return {"earned": {name: sums.tolist() for name, sums in self.earned.items()}, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.earned = {name: np.array(sums) for name, sums in state["earned"].items()}
        self.steps = state["steps"]
        self.prepare()

    def _earned(self, game: StageGame) -> np.ndarray:
        """What every action would have earned every provider in all periods, the prior's included, USD, `(n, K)`."""
        known = self.earned.get(_identity(game.market))
        if known is not None:
            return known
        try:
            uniform = game.mixed_deviations(every_action(game.mechanism, game.market))
        except Unanswered:
            return np.zeros((game.market.num_providers, game.num_actions))
        return self.config.prior * uniform


def _identity(market: Market) -> str:
    """The same for equal markets, also in another precision."""
    tables = [np.float32(table).tobytes() for table in (market.quality, market.price, market.cost)]
    numbers = np.array([market.beta, market.outside_value], np.float32).tobytes()
    return hashlib.sha256(b"".join([*tables, numbers])).hexdigest()
