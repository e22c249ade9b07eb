"""The PettingZoo forms of a repeated market: parallel, and agent by agent (AEC)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.env import ParallelEnv

from ttc_env.envs import spaces
from ttc_env.envs.render import METADATA, check_render_mode, render_period
from ttc_env.envs.vector import VectorMarket, check_state

Arguments = ParamSpec("Arguments")
WOULD = ("counterfactual", "winning_score")  # what info holds with feedback="counterfactual"


class ParallelMarket(ParallelEnv):
    """A repeated market in which every provider is an agent, named as in `market.providers`.

    Args:
        name: name of the environment, for example `"per_token_v0"`.
        mechanism: what `VectorMarket` takes.
        market: what `VectorMarket` takes; `arguments` too.
        render_mode: None, `"ansi"` (`render()` returns a table of the last period), `"human"` (each step prints it), or
            `"rgb_array"` (`render()` returns a picture, `(400, 640, 3)` uint8; needs the extra `render`).
    """

    metadata: dict[str, Any] = {**METADATA, "is_parallelizable": True}  # noqa: RUF012

    def __init__(self, name: str, mechanism: Any, market: Any, *, render_mode: str | None = None, **arguments: Any):
        self.metadata = {**self.metadata, "name": name}
        self.render_mode = check_render_mode(render_mode)
        self.engine = VectorMarket(market, mechanism, autoreset="disabled", dtype="float64", copy=False, **arguments)
        game = self.engine.game
        self.possible_agents = list(self.engine.market.providers)
        self.agents: list[str] = []
        self.state_space = spaces.state_space(game)
        self._observation_spaces = {agent: spaces.observation_space(game) for agent in self.possible_agents}
        self._action_spaces = {agent: spaces.action_space(game) for agent in self.possible_agents}
        self._last: dict[str, Any] = {}

    @property
    def max_cycles(self) -> int:
        """Periods until the episode is truncated."""
        return self.engine.game.max_cycles

    @max_cycles.setter
    def max_cycles(self, periods: int) -> None:
        self.engine.game = replace(self.engine.game, max_cycles=periods)

    def observation_space(self, agent: str) -> gymnasium.Space:
        """Observation space of an agent, always the same object."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space:
        """Action space of an agent, always the same object."""
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Start an episode; a seed restarts the generator and gives each agent's spaces a child seed of their own."""
        observations, _ = self.engine.reset(seed)
        if seed is not None:
            children = np.random.SeedSequence(seed).generate_state(2 * len(self.possible_agents)).tolist()
            for agent, action_seed, observation_seed in zip(
                self.possible_agents, children[::2], children[1::2], strict=True
            ):
                self._action_spaces[agent].seed(action_seed)
                self._observation_spaces[agent].seed(observation_seed)
        self.agents = list(self.possible_agents)
        self._last = {}
        return self._by_agent(observations[0].astype(np.float32)), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Clear one period.

        Raises:
            ResetNeeded: before the first reset or after the end of the episode.
            ValueError: an agent without action, an unknown agent, an action outside the space; nothing has changed.
        """
        if not self.agents:
            raise ResetNeeded("no episode is running (before the first reset, or after its end); call reset() first")
        if not isinstance(actions, Mapping):
            raise ValueError(f"actions must be a mapping with one entry per agent, got {actions!r}")
        if actions.keys() != self._action_spaces.keys():
            odd = ", ".join(sorted(map(str, set(self.agents) ^ set(actions))))
            raise ValueError(f"actions must have one entry per agent; missing or unknown: {odd}")
        joint = [[actions[agent] for agent in self.agents]]
        observations, rewards, _, truncations, info = self.engine.step(joint)
        agents, truncated = self.agents, bool(truncations[0])
        self._last = info
        if truncated:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return (
            self._by_agent(observations[0].astype(np.float32)),
            self._by_agent(rewards[0].tolist()),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, truncated),
            self._by_agent(period_infos(info)),
        )

    def state(self) -> np.ndarray:
        """Global state for centralised critics, `(D,)`, inside `state_space`."""
        return self.engine.state()[0].astype(np.float32)

    def render(self) -> str | np.ndarray | None:
        """The last period: a table in mode `ansi`, printed in mode `human`; a picture in mode `rgb_array`."""
        return render_period(self.engine, self._last, self.render_mode)

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        return {"engine": self.engine.get_state(), "agents": list(self.agents), "last": self._last}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called; the future is the same again for the same actions."""
        check_state(state, "engine", "agents", "last")
        self.engine.set_state(state["engine"])
        self.agents, self._last = list(state["agents"]), state["last"]

    def _by_agent(self, values: Any) -> dict[str, Any]:
        return dict(zip(self.possible_agents, values, strict=True))


class AECMarket(parallel_to_aec_wrapper):
    """A `ParallelMarket` played agent by agent; the period is cleared when the last agent has acted.

    Checks order and actions itself, at the agent that errs. `env.unwrapped` is the `ParallelMarket`. `get_state`,
    copies and pickles keep the exact future, also in the middle of a period.
    """

    def __init__(self, market: ParallelMarket):
        super().__init__(market)
        self._constant = {"_constant", *vars(self)}

    def step(self, action: Any) -> None:
        """Act for `agent_selection`.

        Raises:
            ResetNeeded: before the first reset or after the end of the episode.
            ValueError: the action is outside the agent's space, or not None though the episode has ended.
        """
        if not getattr(self, "agents", None):
            raise ResetNeeded("no episode is running (before the first reset, or after its end); call reset() first")
        agent = self.agent_selection
        if self.truncations[agent]:
            if action is not None:
                raise ValueError(f"the episode has ended for {agent}: step(None), got {action!r}")
        else:
            quality = self.env.engine.game.market.quality
            reader = spaces.Actions(self.action_space(agent), (1,), quality, f"actions of {agent}")
            (action,) = reader.read([action])
        super().step(action)

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, the actions of a period begun included; see `set_state`."""
        turn = {key: value for key, value in vars(self).items() if key not in self._constant}
        return {"market": self.env.get_state(), "turn": copy.deepcopy(turn)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called; the future is the same again for the same actions."""
        check_state(state, "market", "turn")
        self.env.set_state(state["market"])
        self.__dict__ = {key: vars(self)[key] for key in self._constant} | copy.deepcopy(state["turn"])


def agent_by_agent(parallel_env: Callable[Arguments, ParallelMarket]) -> Callable[Arguments, AECMarket]:
    """The maker of the AEC form beside that of the parallel form, with the same signature."""

    @wraps(parallel_env)
    def env(*args: Arguments.args, **kwargs: Arguments.kwargs) -> AECMarket:
        return AECMarket(parallel_env(*args, **kwargs))

    env.__name__ = env.__qualname__ = "env"
    env.__doc__ = "The PettingZoo `AECEnv`, which checks order and actions itself; same arguments as `parallel_env`."
    return env


def period_infos(info: dict[str, Any]) -> list[dict[str, Any]]:
    """What a period was in USD, for each provider of market 0."""
    outcome, bids = info["outcome"], info["bids"]
    user_value, welfare = float(outcome.user_value[0]), float(outcome.welfare[0])
    arrays = (bids.level, bids.ask, bids.claim, outcome.shares, outcome.payment, outcome.utility)
    columns = [array[0].tolist() for array in arrays]
    state = {"state": int(info["state"][0])} if "state" in info else {}
    would = [
        {name: np.array(info[name][0, i])[()] for name in WOULD if name in info} for i in range(bids.level.shape[1])
    ]
    return [
        {
            "level": level,
            "ask": ask,
            "claim": claim,
            "share": share,
            "payment": payment,
            "utility": utility,
            "user_value": user_value,
            "welfare": welfare,
        }
        | state
        | more
        for level, ask, claim, share, payment, utility, more in zip(*columns, would, strict=True)
    ]
