"""The different markets in the rows of a batch, one at a time, and what their providers can earn."""

from __future__ import annotations

from typing import Any

import numpy as np

from ttc_env import Market, StageGame
from ttc_env.batch import MarketBatch
from ttc_env.repeated import RepeatedMarket


def each_market(game: RepeatedMarket) -> list[tuple[Market, slice]]:
    """Every different market of a game (backend numpy, its precision, not padded) and the rows of a batch it fills."""
    if not isinstance(game.market, MarketBatch):
        return [(game.market, slice(None))]
    kind, count = str(game.market.quality.dtype), len(game.market.markets)
    return [(one.to("numpy", dtype=kind), slice(k, None, count)) for k, one in enumerate(game.market.markets)]


def utility_range(game: RepeatedMarket, stage: StageGame) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most that each provider of one of its markets can earn in a period, USD, `(n,)` each.

    Where demand is expected that is what the stage game knows; drawn queries can take all to one side.
    """
    if game.demand == "expected":
        return stage.utility_range()
    low, high = game.mechanism.utility_bounds(stage.market)
    return np.full(stage.market.num_providers, low), np.full(stage.market.num_providers, high)


def reward_range(env: Any) -> tuple[np.ndarray, np.ndarray]:
    """`utility_range` of the learning seats in units of reward, for every row of the batch, `(B, s)` each."""
    low, high = np.zeros((2, env.num_markets, env.game.market.num_providers))
    for market, rows in each_market(env.game):
        bounds = utility_range(env.game, StageGame(market, env.game.mechanism))
        low[rows, : market.num_providers], high[rows, : market.num_providers] = bounds
    scale = np.asarray(env.game.usd_per_reward)
    return (low / scale)[:, env.seats], (high / scale)[:, env.seats]
