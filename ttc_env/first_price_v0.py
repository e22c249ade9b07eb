"""Reverse first-price auction, repeated.

# Description
Each provider chooses a compute level, asks a price and claims an expected quality. The bid with the highest score,
`claim - ask`, serves the queries of the period and is paid its ask. With complete information the efficient provider
wins, just above the runner-up's best welfare contribution; claims are not settled, so they cost nothing.

# Action Space
`MultiDiscrete([m, g, g])`, or with `action_type="box"` `Box(-1, 1, (3,))`: level; ask relative to cost; claim relative
to expected quality. `ttc_env.mechanisms.auction.Auction` documents the grid, on which every honest bid lies.

# Observation Space
`Box`: own quality, price and cost at each level, in units of `answer_value` (3 m numbers); 1 once a period has been
played; own last level (0 to 1), ask and claim; own last reward; last period's asks, claims and shares of all providers.
`state()` gives centralised critics every provider's part at once.

# Rewards
Profit per arriving query, the winner's `ask - cost`, zero for the others, in units of `reward_scale` USD: by default
the largest offset of the bid grid times `answer_value`.

# Starting State
No period has been played: the record of last period is zero.

# Episode End
Truncated after `max_cycles` periods, never terminated: the market goes on, and learners must bootstrap.

# Information
For each agent in USD per query: `utility`, `payment`, `ask`, `claim`, `user_value` and `welfare` of the market; and
its `share` (1 for the winner) and `level`.

# Arguments
See `parallel_env`.

# References
A. Artola Velasco et al., *Test-Time Compute Games*, arXiv:2601.21839, section 4, for the bids; Y.-K. Che, *Design
competition through multidimensional auctions*, RAND Journal of Economics 24 (1993), for first scores.

# Version History
v0: first version.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ttc_env.dynamics import Dynamics
from ttc_env.envs.parallel import ParallelMarket, agent_by_agent
from ttc_env.market import Market
from ttc_env.mechanisms import GRID
from ttc_env.mixtures import Mixture


def parallel_env(
    market: Market | Mixture | str | os.PathLike[str] = "gsm8k/majority_voting",
    *,
    beta: float | None = None,
    demand: str | int = "expected",
    max_cycles: int = 100,
    reward_scale: float | None = None,
    feedback: str = "own",
    action_type: str = "multi_discrete",
    grid: tuple[float, ...] = GRID,
    render_mode: str | None = None,
    dynamics: str | Dynamics | None = None,
    dynamics_options: Mapping[str, Any] | None = None,
    observe: str = "public",
) -> ParallelMarket:
    """The PettingZoo `ParallelEnv`.

    Args:
        market: one of `ttc_env.list_markets()`, the path of a CSV table, or a `Market`.
        beta: user rationality, 1/USD; the auction does not depend on it, comparisons with other mechanisms do.
        demand: `"expected"`, or the number of queries whose answers are drawn each period; a `Market` with `outcomes`
            replays them.
        max_cycles: periods until the episode is truncated.
        reward_scale: USD in one unit of reward.
        feedback: `"own"`, or `"counterfactual"`: infos tell what every own action would have earned; see
            `ttc_env.VectorMarket`.
        action_type: `"multi_discrete"` or `"box"`.
        grid: offsets of ask and claim from the truth, in units of `answer_value`.
        render_mode: None, `"ansi"`, `"human"` or `"rgb_array"`.
        dynamics: what is carried over: a name of `ttc_env.dynamics.DYNAMICS`, `package.module:Class`, or an object.
        dynamics_options: of a dynamics given by name or path.
        observe: `"public"`, or `"own"`: neither the state nor the others are seen; see `ttc_env.VectorMarket`.
    """
    return ParallelMarket(
        "first_price_v0",
        "first_price",
        market,
        beta=beta,
        demand=demand,
        max_cycles=max_cycles,
        reward_scale=reward_scale,
        feedback=feedback,
        action_type=action_type,
        grid=grid,
        render_mode=render_mode,
        dynamics=dynamics,
        dynamics_options=dynamics_options,
        observe=observe,
    )


raw_env = env = agent_by_agent(parallel_env)
