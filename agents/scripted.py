"""Players that do not adapt: constants, chance, and the analytic solution; the marks between which learners lie.

Those that need to know the market are told by `enter`; before, it is the market of training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from agents import NoConfig
from agents.parts.markets import each_market
from agents.parts.stateless import PERIODS
from ttc_env import Market, opponents
from ttc_env.mechanisms import SecondPrice
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
        self.game: RepeatedMarket = env.game
        self.seats: np.ndarray = env.seats
        self.prepare(env.game)

    def prepare(self, game: RepeatedMarket) -> None:
        """Work out what depends on the markets alone."""

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, 3)`."""
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

    def prepare(self, game: RepeatedMarket) -> None:
        """Keep the joint action of each market, `(K, s)` or `(K, s, 3)`; rows take the markets in turn."""
        self.table = in_space(game, [self.levels(market) for market, _ in each_market(game)], self.seats)

    def levels(self, market: Market) -> np.ndarray:
        """The level of every provider, `(n,)`."""
        raise NotImplementedError

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, 3)`."""
        return self.table[np.arange(len(observations)) % len(self.table)]


@dataclass(frozen=True)
class FixedConfig:
    """Hyper-parameters of `Fixed`."""

    level: int = -1
    """level index of every provider; -1 for the middle one, `m // 2`"""


class Fixed(Constant):
    """One level in every period, in the auction with an honest bid.

    Raises:
        ValueError: a level that the market does not have.
    """

    Config = FixedConfig

    def levels(self, market: Market) -> np.ndarray:
        """The level of every provider, `(n,)`."""
        count, level = market.num_levels, self.config.level
        if not -1 <= level < count:
            raise ValueError(f"level must be in 0..{count - 1}, or -1 for the middle one, got {level!r}")
        return np.full(market.num_providers, count // 2 if level < 0 else level)


class Truthful(Constant):
    """Every provider at the level that adds most to welfare, `argmax_k W`, in the auction with an honest bid.

    Source: arXiv:2601.21839, section 4, where it is a dominant strategy under `settlement="delivered"`.
    """

    def levels(self, market: Market) -> np.ndarray:
        """The level of every provider, `(n,)`."""
        return market.welfare_contribution.argmax(axis=1)


class Nash(Constant):
    """The analytic solution of the market: a pure equilibrium, or honest bids at the efficient levels.

    Raises:
        ValueError: a market without pure equilibrium.
    """

    def levels(self, market: Market) -> np.ndarray:
        """The level of every provider, `(n,)`."""
        game = replace(self.game, market=market)
        if isinstance(game.mechanism, SecondPrice):
            return opponents.equilibrium_actions(replace(game, mechanism=SecondPrice()))[:, 0]
        return opponents.equilibrium_actions(game)


class Random(Scripted):
    """Uniform over the action space."""

    def actions(self, observations: np.ndarray) -> np.ndarray:
        """Actions `(B, s)` or `(B, s, 3)`."""
        return opponents.Random(self.game)(observations, None, self.generator.random)[:, self.seats]


def in_space(game: RepeatedMarket, levels: list[np.ndarray], seats: np.ndarray) -> np.ndarray:
    """Levels of each market, `(n,)`, as actions of the seats, `(K, s)` or `(K, s, 3)`; in the auction honest bids."""
    width = game.market.num_providers
    table = np.stack([np.pad(row, (0, width - len(row))) for row in levels]).astype(np.int64)
    if isinstance(game.mechanism, SecondPrice):
        table = game.mechanism.honest(game.market, table)  # type: ignore[arg-type]
    return table[:, seats]
