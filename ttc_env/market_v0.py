"""A market under any mechanism, repeated: one of the suite's, or one of your own.

# Description
Each provider serves one language model. Every period they act, the market clears as the mechanism says, and what was
public becomes part of what everybody sees. `docs/mechanisms.md` shows the mechanisms there are and how to write one.

# Action Space
As the mechanism says: `Discrete`, `MultiDiscrete` or `Box(-1, 1)`, the compute level first.

# Observation Space
`Box`: own quality, price and cost at each level, in units of `answer_value` (3 m numbers); 1 once a period has been
played; the parts of the own last bid that the mechanism shows; own last reward; where demand depends on it how
rational users are, `log10(beta * answer_value)`; the parts of all providers' last bids that it makes public, and their
shares. `ttc_env.observing.layout` names every number. `state()` gives centralised critics every provider's part at
once.

# Rewards
Profit per arriving query in units of `reward_scale` USD, by default the mechanism's own.

# Starting State
No period has been played: the record of last period is zero.

# Episode End
Truncated after `max_cycles` periods, never terminated: the market goes on, and learners must bootstrap.

# Information
For each agent in USD per query: `utility`, `payment`, `ask`, `claim`, `user_value` and `welfare` of the market; and
its `share` and `level`.

# Arguments
See `parallel_env`.

# References
See the mechanism.

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
from ttc_env.mechanisms import Mechanism
from ttc_env.mixtures import Mixture


def parallel_env(
    market: Market | Mixture | str | os.PathLike[str] = "gsm8k/majority_voting",
    *,
    mechanism: str | Mechanism = "per_token",
    beta: float | None = None,
    demand: str | int = "expected",
    max_cycles: int = 100,
    reward_scale: float | None = None,
    feedback: str = "own",
    render_mode: str | None = None,
    dynamics: str | Dynamics | None = None,
    dynamics_options: Mapping[str, Any] | None = None,
    observe: str = "public",
    information: str | None = None,
    **options: Any,
) -> ParallelMarket:
    """The PettingZoo `ParallelEnv`.

    Args:
        market: one of `ttc_env.list_markets()`, the path of a CSV table, or a `Market`.
        mechanism: a name of `ttc_env.mechanisms.MECHANISMS`, `package.module:Class`, or a mechanism object.
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
        information: of a mixture, `"public"` or `"private"`.
        options: of a mechanism given by name or path.
    """
    return ParallelMarket(
        "market_v0",
        mechanism,
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
        information=information,
        **options,
    )


raw_env = env = agent_by_agent(parallel_env)
