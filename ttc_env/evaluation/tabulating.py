"""Players who see the last period alone, as a table: what they do after everything that can have happened in it.

With that every exact question of `ttc_env.collusion` can be asked of networks, under any mechanism with finite actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ttc_env.batch import one_market
from ttc_env.collusion import PayoffTable, Strategies
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import StageGame
from ttc_env.mechanisms import every_action


def tabulate(
    env: VectorMarket,
    act: Callable[[np.ndarray], Any],
    payoffs: PayoffTable,
    enter: Callable[[Any], Any] | None = None,
) -> tuple[Strategies, int]:
    """What players do after every joint action, and the state that they are in after their first period.

    All joint actions are played side by side, once each, and the players are asked what they do next. Ties that are
    drawn by lot are drawn once.

    Args:
        env: one market with all its providers; it is left as it is.
        act: from observations `(B, n, d)` to actions; what it answers may depend on nothing else.
        payoffs: `payoff_table` of all actions of the market.
        enter: told of the markets that the observations come from.

    Raises:
        ValueError: something is carried over from period to period, or the table is of other actions.
    """
    market, mechanism = one_market(env.market), env.game.mechanism
    if env.game.dynamics is not None:
        raise ValueError("where something is carried over, the last period is not all that can have happened")
    actions = every_action(mechanism, market)
    if payoffs.num_actions != len(actions):
        raise ValueError(f"the table must be of all {len(actions)} actions, got {payoffs.num_actions}")
    engine = VectorMarket(
        market,
        mechanism,
        payoffs.num_joint,
        demand=env.game.demand,
        max_cycles=2,
        reward_scale=env.game.reward_scale,
        autoreset="disabled",
        dtype=str(env.game.market.quality.dtype).removeprefix("torch."),
    )
    if enter is not None:
        enter(engine)
    game = StageGame(market, mechanism)
    first = game.numbers(np.asarray(act(engine.reset(0)[0])))[0]
    observations = engine.step(actions[payoffs.joint_actions, np.arange(market.num_providers)])[0]
    table = game.numbers(np.asarray(act(observations)))
    return Strategies(payoffs, 1, table), int(payoffs.index(first))
