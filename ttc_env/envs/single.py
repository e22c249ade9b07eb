"""The Gymnasium forms: one provider learns, the others are scripted; one market or a batch of them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from ttc_env.envs import spaces
from ttc_env.envs.parallel import period_infos
from ttc_env.envs.render import RENDER_MODES, check_render_mode, render_period
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket
from ttc_env.mechanisms import Mechanism

DEFAULT_MARKET = "gsm8k/majority_voting"


class ProviderEnv(gymnasium.Env):
    """One provider in a repeated market against scripted opponents.

    Args:
        market: what `VectorMarket` takes; `arguments` too.
        mechanism: what `VectorMarket` takes.
        provider: the learner, by name or index.
        opponents: what `ttc_env.opponents.make_opponents` takes: `"nash"`, `"best_response"`, `"random"`, actions,
            or functions.
        render_mode: None, `"ansi"`, `"human"` or `"rgb_array"`; see `ParallelMarket`.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES)}  # noqa: RUF012

    def __init__(
        self,
        market: Any = DEFAULT_MARKET,
        mechanism: str | Mechanism = "per_token",
        *,
        provider: str | int = 0,
        opponents: Any = "nash",
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        self.render_mode = check_render_mode(render_mode)
        engine = VectorMarket(market, mechanism, 1, autoreset="disabled", backend="numpy", dtype="float64", **arguments)
        self._seat = Seats(engine, [provider], opponents)
        self.action_space = engine.single_action_space
        self.observation_space = spaces.observation_space(engine.game)
        self._last: dict[str, Any] = {}

    @property
    def engine(self) -> VectorMarket:
        """The batch of one market underneath."""
        return self._seat.engine

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; a seed restarts the generator."""
        super().reset(seed=seed)
        observations, _ = self._seat.reset(seed)
        if seed is not None:
            self._np_random = self.engine.uniform.generator
        self._last = {}
        return _single(observations)[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Clear one period; info holds this provider's side of it in USD.

        Raises:
            ResetNeeded: before the first reset or after the end of the episode.
            ValueError: the action is outside the space; nothing has changed then.
        """
        observations, rewards, _, truncations, self._last = self._seat.step([[action]])
        if self.render_mode == "human":
            self.render()
        info = period_infos(self._last)[int(self._seat.seats[0])]
        return _single(observations)[0], float(rewards[0, 0]), False, bool(truncations[0]), info

    def render(self) -> str | np.ndarray | None:
        """The last period: a table in mode `ansi`, printed in mode `human`; a picture in mode `rgb_array`."""
        return render_period(self.engine, self._last, self.render_mode)

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        return {"seat": self._seat.get_state(), "last": self._last}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called; the future is the same again for the same actions."""
        self._seat.set_state(state["seat"])
        self._last = state["last"]


class VectorProviderEnv(VectorEnv):
    """`num_envs` copies of `ProviderEnv` in one batch of arrays; same arguments.

    `autoreset` is `"next_step"`, Gymnasium's default, `"same_step"` or `"disabled"`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        market: Any = DEFAULT_MARKET,
        mechanism: str | Mechanism = "per_token",
        *,
        provider: str | int = 0,
        opponents: Any = "nash",
        autoreset: str = "next_step",
        **arguments: Any,
    ) -> None:
        self.engine = VectorMarket(market, mechanism, num_envs, autoreset=autoreset, backend="numpy", **arguments)
        self._seat = Seats(self.engine, [provider], opponents)
        self._actions = spaces.Actions(self.engine.single_action_space, (num_envs,), self.engine.game.market.quality)
        self.metadata = {"render_modes": [], "autoreset_mode": _autoreset_mode(autoreset)}
        self.num_envs = num_envs
        self.single_action_space = self.engine.single_action_space
        self.single_observation_space = spaces.observation_space(self.engine.game)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start all episodes, or those of the mask `options["reset_mask"]`, `(num_envs,)`.

        A seed restarts the generator that serves them all.
        """
        super().reset(seed=seed)
        observations, _ = self._seat.reset(seed, rows=(options or {}).get("reset_mask"))
        return _single(observations), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Clear one period of every market; info holds the learner's utility in USD and the markets' welfare."""
        self.engine.running_state()  # no actions are due before a reset, and none are looked at
        observations, rewards, terminations, truncations, detail = self._seat.step(self._actions.read(actions)[:, None])
        outcome = detail["outcome"]
        info: dict[str, Any] = {"utility": outcome.utility[:, self._seat.seats[0]], "welfare": outcome.welfare}
        if "state" in detail:
            info["state"] = detail["state"]
        if "final_obs" in detail:
            info |= {"final_obs": _single(detail["final_obs"]), "_final_obs": detail["_final_obs"]}
        return _single(observations), rewards[:, 0], terminations, truncations, info

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        return self._seat.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called; the future is the same again for the same actions."""
        self._seat.set_state(state)


def _single(observations: np.ndarray) -> np.ndarray:
    """The one seat of `(B, 1, d)`, in single precision."""
    return observations[:, 0].astype(np.float32)


def _autoreset_mode(autoreset: str) -> Any:
    """Gymnasium's name of the mode; Gymnasium 1.0 has no such names yet."""
    modes = getattr(gymnasium.vector, "AutoresetMode", None)
    return autoreset if modes is None else modes[autoreset.upper()]
