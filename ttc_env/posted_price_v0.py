"""Posted prices, repeated.

# Description
Each provider chooses a compute level and posts the price of a query. Users choose by logit on `quality - price`, not
buying included, among all offers or among the few of most value. The efficient level, `argmax_k W`, is dominant
whatever price goes with it; what is left is price competition, between one equilibrium and the prices of a cartel.

# Action Space
`MultiDiscrete([m, G])`, or with `action_type="box"` `Box(-1, 1, (2,))`: level, and price on the provider's own grid or
between its ends. `ttc_env.mechanisms.PostedPrice` documents the grid.

# Observation Space
`Box`: own quality, list price and cost at each level, in units of `answer_value` (3 m numbers); 1 once a period has
been played; own last level (0 to 1) and price; own last reward; how rational users are,
`log10(beta * answer_value)`; last period's levels, prices and shares of all providers. `state()` gives centralised
critics every provider's part at once.

# Rewards
Profit per arriving query, `share * (price - cost)`, in units of `reward_scale` USD: by default an equal share of the
market at its largest margin.

# Starting State
No period has been played: the record of last period is zero.

# Episode End
Truncated after `max_cycles` periods, never terminated: the market goes on, and learners must bootstrap.

# Information
For each agent in USD per query: `utility`, `payment`, `ask` (the price), `claim` (expected quality), `user_value` and
`welfare` of the market; and its `share` and `level`.

# Arguments
See `parallel_env`.

# References
E. Calvano, G. Calzolari, V. Denicolo, S. Pastorello, *Artificial intelligence, algorithmic pricing, and collusion*,
American Economic Review 110 (2020); J. Johnson, A. Rhodes, M. Wildenbeest, *Platform design when sellers use pricing
algorithms*, Econometrica 91 (2023), for `shown`.

# Version History
v0: first version.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ttc_env.dynamics import Dynamics
from ttc_env.envs.parallel import ParallelMarket, agent_by_agent
from ttc_env.market import Market
from ttc_env.mixtures import Mixture


def parallel_env(
    market: Market | Mixture | str | os.PathLike[str] = "gsm8k/majority_voting",
    *,
    beta: float | None = None,
    demand: str | int = "expected",
    max_cycles: int = 100,
    reward_scale: float | None = None,
    feedback: str = "own",
    num_prices: int = 15,
    margin: float = 0.1,
    prices: Sequence[float] | None = None,
    shown: int | None = None,
    action_type: str = "multi_discrete",
    render_mode: str | None = None,
    dynamics: str | Dynamics | None = None,
    dynamics_options: Mapping[str, Any] | None = None,
    observe: str = "public",
) -> ParallelMarket:
    """The PettingZoo `ParallelEnv`.

    Args:
        market: one of `ttc_env.list_markets()`, the path of a CSV table, or a `Market`.
        beta: user rationality, 1/USD; by default 1000, or the `Market`'s own.
        demand: `"expected"`, or the number of queries drawn each period; a `Market` with `outcomes` replays them.
        max_cycles: periods until the episode is truncated.
        reward_scale: USD in one unit of reward.
        feedback: `"own"`, or `"counterfactual"`: infos tell what every own action would have earned; see
            `ttc_env.VectorMarket`.
        num_prices: size of each provider's grid of prices.
        margin: how far the grid reaches below the equilibrium price and above the cartel's, in their distance.
        prices: a grid in USD instead, the same for all providers.
        shown: users see only this many offers, those of most value; by default all.
        action_type: `"multi_discrete"` or `"box"`.
        render_mode: None, `"ansi"`, `"human"` or `"rgb_array"`.
        dynamics: what is carried over: a name of `ttc_env.dynamics.DYNAMICS`, `package.module:Class`, or an object.
        dynamics_options: of a dynamics given by name or path.
        observe: `"public"`, or `"own"`: neither the state nor the others are seen; see `ttc_env.VectorMarket`.
    """
    return ParallelMarket(
        "posted_price_v0",
        "posted_price",
        market,
        beta=beta,
        demand=demand,
        max_cycles=max_cycles,
        reward_scale=reward_scale,
        feedback=feedback,
        num_prices=num_prices,
        margin=margin,
        prices=prices,
        shown=shown,
        action_type=action_type,
        render_mode=render_mode,
        dynamics=dynamics,
        dynamics_options=dynamics_options,
        observe=observe,
    )


raw_env = env = agent_by_agent(parallel_env)
