"""Players that do not adapt: constants, chance, and the analytic solution; the marks between which learners lie.

Those that need to know the market are told by `enter`; before, it is the market of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from agents import NoConfig
from agents.parts.markets import each_market
from agents.parts.stateless import PERIODS
from ttc_env import StageGame, opponents
from ttc_env.mechanisms import action_shape
from ttc_env.observing import seen_states
from ttc_env.repeated import RepeatedMarket


class Scripted:
    """The interface of `agents` around `actions`.

    Args:
        env: the markets, backend numpy.
        total_steps: not used.
        seed: of the draws and the markets.
        config: hyper-parameters of the subclass.
    """

    env_options = {"copy": False}  # noqa: RUF012
    resumes: ClassVar[tuple[str, ...]] = ("generator", "observations")
    Config: ClassVar[type] = NoConfig

    def __init__(self, env: Any, total_steps: int, seed: int = 0, config: Any = None) -> None:
        self.env = env
        self.config: Any = self.Config() if config is None else config
        self.generator = np.random.default_rng([seed, 1])
        self.steps = 0
        self.enter(env)
        self.observations = env.reset(seed)[0]

    def enter(self, env: Any) -> None:
        """The next observations come from these markets, row by row in turn, and from the seats that learn there."""
        self.markets = env
        self.game: RepeatedMarket = env.game
        self.seats: np.ndarray = env.seats
        self.games = [(StageGame(market, env.game.mechanism), rows) for market, rows in each_market(env.game)]
        self.prepare()

    @property
    def joint_shape(self) -> tuple[int, ...]:
        """Shape of a joint action, `(n,)` or `(n, c)`."""
        return action_shape(self.game.mechanism, self.game.market)

    def prepare(self) -> None:
        """Work out what depends on the markets alone, whose stage games are `games`."""

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, c)`."""
        raise NotImplementedError

    def update(self) -> dict[str, float]:
        """Play for some periods; returns the mean reward."""
        if self.game is not self.env.game:  # an evaluation elsewhere came between
            self.enter(self.env)
        total = 0.0
        for _ in range(PERIODS):
            self.observations, rewards, _, _, info = self.env.step(self.actions(self.observations))
            self.watch(info)
            self.steps += rewards.size
            total += float(rewards.mean())
        return {"reward": total / PERIODS}

    def watch(self, info: dict[str, Any]) -> None:
        """See the outcome of a period of training."""

    def act(self, observations: Any, greedy: bool = False) -> np.ndarray:
        """Actions for observations `(B, s, d)`, the same whether greedy or not."""
        return self.actions(np.asarray(observations))

    def state_dict(self) -> dict[str, Any]:
        """Progress."""
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.steps = state["steps"]


class Constant(Scripted):
    """The same joint action in every period, worked out once for each market."""

    def prepare(self) -> None:
        """Keep the joint action of each market, `(K, s)` or `(K, s, c)`; rows take the markets in turn."""
        self.table = self.joint([self.plan(game) for game, _ in self.games])

    def plan(self, game: StageGame) -> np.ndarray:
        """The joint action of one market, `(n,)` or `(n, c)`."""
        raise NotImplementedError

    def joint(self, plans: list[np.ndarray]) -> np.ndarray:
        """Actions of the learning seats, `(K, s)` or `(K, s, c)`; places without a provider do nothing."""
        width = self.game.market.num_providers
        padded = [np.pad(plan, ((0, width - len(plan)), *((0, 0),) * (plan.ndim - 1))) for plan in plans]
        return np.stack(padded)[:, self.seats]

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, c)`."""
        return self.table[np.arange(len(observations)) % len(self.table)]


@dataclass(frozen=True)
class FixedConfig:
    """Hyper-parameters of `Fixed`."""

    level: int = -1
    """level index of every provider; -1 for the middle one, `m // 2`"""


class Fixed(Constant):
    """One level in every period, with the plain action that goes with it: in auctions an honest bid.

    Raises:
        ValueError: a level that the market does not have.
    """

    Config = FixedConfig

    def plan(self, game: StageGame) -> np.ndarray:
        """The joint action of one market, `(n,)` or `(n, c)`."""
        count, level = game.market.num_levels, self.config.level
        if not -1 <= level < count:
            raise ValueError(f"level must be in 0..{count - 1}, or -1 for the middle one, got {level!r}")
        levels = np.full(game.market.num_providers, count // 2 if level < 0 else level)
        return game.mechanism.honest(game.market, levels)


class Truthful(Constant):
    """Every provider at the level that adds most to welfare, `argmax_k W`, in auctions with an honest bid.

    Source: arXiv:2601.21839, section 4, where it is a dominant strategy under `settlement="delivered"`.
    """

    def plan(self, game: StageGame) -> np.ndarray:
        """The joint action of one market, `(n,)` or `(n, c)`."""
        return game.mechanism.honest(game.market, game.market.welfare_contribution.argmax(axis=1))


class Stage(Constant):
    """An equilibrium of the stage game, whatever is carried over; see `StageGame.equilibrium`.

    Raises:
        ValueError: a market in which none was found.
    """

    def plan(self, game: StageGame) -> np.ndarray:
        """The joint action of one market, `(n,)` or `(n, c)`."""
        return game.equilibrium()


class Nash(Stage):
    """An equilibrium: of the stage game, or where something is carried over the Markov perfect one.

    Raises:
        ValueError: a market in which none was found.
    """

    policy = "nash"

    def prepare(self) -> None:
        """Keep the joint action of each market, or of each of its states, `(K, S, s)` or `(K, S, s, c)`."""
        if self.game.dynamics is None:
            super().prepare()
        else:
            found = [opponents.markov_actions(self.game, self.policy, market=game.market) for game, _ in self.games]
            self.table = np.stack(found)[:, :, self.seats]

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, c)`."""
        if self.game.dynamics is None:
            return super().actions(observations)
        market = np.arange(len(observations))[:, None] % len(self.table)
        return self.table[market, seen_states(self.game, observations, self.seats), np.arange(len(self.seats))]


class Myopic(Nash):
    """The equilibrium of players who see what is carried over and have no patience; else that of the stage game."""

    policy = "myopic"


class BestConstant(Nash):
    """Actions that never change, of least NashConv where something is carried over; else the stage equilibrium.

    Raises:
        ValueError: what `Nash` raises.
    """

    policy = "constant"


class Random(Scripted):
    """Uniform over the action space."""

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, c)`."""
        return opponents.Random(self.game)(observations, None, self.generator.random)[:, self.seats]
