"""Per-token pricing, repeated.

# Description
Each provider serves one language model at a list price per token and chooses every period how much test-time
compute to spend on a query. Users choose among the providers, or none, by logit on the value an answer leaves
them. More compute raises quality, price and margin: providers compute more than is efficient.

# Action Space
`Discrete(m)`: the index of the compute level.

# Observation Space
`Box`: own quality, price and cost at each level, in units of `answer_value` (3 m numbers); 1 once a period has been
played; own last level, 0 to 1; own last reward; how rational users are, `log10(beta * answer_value)`; last period's
levels and shares of all providers. `state()` gives centralised critics every provider's part at once.

# Rewards
Profit per arriving query, `share * (price - cost)`, in units of `reward_scale` USD: by default the largest margin
on the market divided by the number of providers.

# Starting State
No period has been played: the record of last period is zero.

# Episode End
Truncated after `max_cycles` periods, never terminated: the market goes on, and learners must bootstrap.

# Information
For each agent in USD per query: `utility`, `payment`, `ask` (its price), `claim` (its expected quality), `user_value`
and `welfare` of the market; and its `share` and `level`.

# Arguments
See `parallel_env`.

# References
A. Artola Velasco et al., *Test-Time Compute Games*, arXiv:2601.21839, section 3.

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
from ttc_env.mixtures import Mixture


def parallel_env(
    market: Market | Mixture | str | os.PathLike[str] = "gsm8k/majority_voting",
    *,
    beta: float | None = None,
    demand: str | int = "expected",
    max_cycles: int = 100,
    reward_scale: float | None = None,
    feedback: str = "own",
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
        render_mode: None, `"ansi"`, `"human"` or `"rgb_array"`.
        dynamics: what is carried over: a name of `ttc_env.dynamics.DYNAMICS`, `package.module:Class`, or an object.
        dynamics_options: of a dynamics given by name or path.
        observe: `"public"`, or `"own"`: neither the state nor the others are seen; see `ttc_env.VectorMarket`.
    """
    return ParallelMarket(
        "per_token_v0",
        "per_token",
        market,
        beta=beta,
        demand=demand,
        max_cycles=max_cycles,
        reward_scale=reward_scale,
        feedback=feedback,
        render_mode=render_mode,
        dynamics=dynamics,
        dynamics_options=dynamics_options,
        observe=observe,
    )


raw_env = env = agent_by_agent(parallel_env)
