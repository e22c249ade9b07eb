"""The Gymnasium forms: one provider learns, the others are scripted; one market or a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from ttc_env.checks import whole
from ttc_env.envs import spaces
from ttc_env.envs.parallel import WOULD, period_infos
from ttc_env.envs.render import METADATA, check_render_mode, render_period
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import VectorMarket, check_state
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
        render_mode: None, `"ansi"`, `"human"` or `"rgb_array"`; see `ParallelMarket`. `gymnasium.make` looks at it
            before this class does, and what is no string ends there, in an AttributeError of Gymnasium's.
    """

    metadata: dict[str, Any] = dict(METADATA)  # noqa: RUF012

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
        self._spec: EnvSpec | None = None

    @property
    def engine(self) -> VectorMarket:
        """The batch of one market underneath."""
        return self._seat.engine

    @property
    def seats(self) -> np.ndarray:
        """Index of the provider that learns, `(1,)`."""
        return self._seat.seats

    @property
    def spec(self) -> EnvSpec | None:
        """How `gymnasium.make` made this, with the length of an episode, which some wrappers ask for."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = None if spec is None else replace(spec, max_episode_steps=self.engine.game.max_cycles)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; a seed restarts the generator."""
        super().reset(seed=seed)
        observations, _ = self._seat.reset(seed)
        if seed is not None:
            (self._np_random,) = self.engine.uniform.generators
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
        check_state(state, "seat", "last")
        self._seat.set_state(state["seat"])
        self._last = state["last"]


class VectorProviderEnv(VectorEnv):
    """`num_envs` copies of `ProviderEnv` in one batch of arrays; same arguments, and the returns of `SyncVectorEnv`.

    `autoreset` is `"next_step"`, Gymnasium's default, `"same_step"` or `"disabled"`. Rewards and the numbers in info
    have the type that `SyncVectorEnv` gives them, float64; they are computed in `dtype`, by default single precision,
    which is about twice as fast. With `dtype="float64"` they are those of `ProviderEnv`, and with a list of seeds,
    one for each copy, their draws are as well. There are no environments inside: no `envs`, `call` or `get_attr`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        market: Any = DEFAULT_MARKET,
        mechanism: str | Mechanism = "per_token",
        *,
        provider: str | int = 0,
        opponents: Any = "nash",
        render_mode: str | None = None,
        autoreset: str = "next_step",
        **arguments: Any,
    ) -> None:
        self.render_mode = check_render_mode(render_mode)
        whole("num_envs", num_envs)
        self.engine = VectorMarket(market, mechanism, num_envs, autoreset=autoreset, backend="numpy", **arguments)
        self._seat = Seats(self.engine, [provider], opponents)
        self._actions = spaces.Actions(self.engine.single_action_space, (num_envs,), self.engine.game.market.quality)
        self.autoreset_mode = _autoreset_mode(autoreset)
        self.metadata = METADATA | {"autoreset_mode": self.autoreset_mode}
        self.num_envs = num_envs
        self._last: dict[str, Any] = {}
        self.single_action_space = self.engine.single_action_space
        self.single_observation_space = spaces.observation_space(self.engine.game)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start all episodes, or those of the mask `options["reset_mask"]`, `(num_envs,)`.

        Args:
            seed: an integer restarts one generator that serves all copies; a list gives each copy a generator of its
                own, which draws what `ProviderEnv` would draw (in `dtype="float64"`).
            options: may have `reset_mask`.
        """
        observations, _ = self._seat.reset(seed, rows=(options or {}).get("reset_mask"))
        if seed is not None:  # as of `SyncVectorEnv`: a tuple where each copy has its own
            streams: Any = tuple(self.engine.uniform.generators)
            several: Any = tuple(seed) if isinstance(seed, Sequence | np.ndarray) else None
            self._np_random, self._np_random_seed = (streams, several) if several else (streams[0], cast(int, seed))
        return _single(observations), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Clear one period of every market.

        Info has what that of `ProviderEnv` has, arrays `(num_envs,)`, each with a mask `_name` of the copies to which
        it belongs; in mode `same_step` what belongs to the last period of an episode is in `final_info`, as the last
        observation is in `final_obs`.
        """
        state = self.engine.running_state()  # no actions are due before a reset, and none are looked at
        own = self._actions.read(actions)[:, None]
        observations, rewards, terminations, truncations, detail = self._seat.clear(state, own)
        self._last = detail
        if self.render_mode == "human":
            self.render()
        period = self._period(detail)
        going_on = detail.get("_outcome", np.ones(self.num_envs, dtype=bool))
        info: dict[str, Any] = {}
        if "final_obs" in detail:
            ended = detail["_final_obs"]
            info = {"final_obs": _single(detail["final_obs"]), "_final_obs": ended.copy()}
            info |= {"final_info": _masked(period, ended), "_final_info": ended.copy()}
            going_on = ~ended
        info |= _masked(period, going_on)
        return _single(observations), rewards[:, 0].astype(np.float64), terminations, truncations, info

    def _period(self, detail: dict[str, Any]) -> dict[str, np.ndarray]:
        """The learner's side of the period in USD, as `ProviderEnv` shows it."""
        bids, outcome, seat = detail["bids"], detail["outcome"], int(self._seat.seats[0])
        utility = outcome.utility[:, seat]
        columns = {"ask": bids.ask[:, seat], "claim": bids.claim[:, seat], "share": outcome.shares[:, seat]}
        columns |= {"payment": utility + outcome.cost[:, seat], "utility": utility}
        columns |= {"user_value": outcome.user_value, "welfare": outcome.welfare}
        columns |= {name: detail[name][:, seat] for name in WOULD if name in detail}
        whole = {"level": bids.level[:, seat].copy()} | ({"state": detail["state"]} if "state" in detail else {})
        return whole | {name: column.astype(np.float64) for name, column in columns.items()}

    def render(self) -> tuple[Any, ...] | None:
        """What `ProviderEnv.render` gives, of every copy."""
        if self.render_mode is None:
            return None
        return tuple(render_period(self.engine, self._last, self.render_mode, row) for row in range(self.num_envs))

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        return {"seat": self._seat.get_state(), "last": self._last}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called; the future is the same again for the same actions."""
        check_state(state, "seat", "last")
        self._seat.set_state(state["seat"])
        self._last = state["last"]


def _single(observations: np.ndarray) -> np.ndarray:
    """The one seat of `(B, 1, d)`, in single precision."""
    return observations[:, 0].astype(np.float32)


def _masked(columns: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """The columns with the mask of the rows to which they belong beside each, zero elsewhere; nothing if to none."""
    if not rows.any():
        return {}
    if not rows.all():
        columns = {
            name: np.where(rows.reshape(-1, *(1,) * (column.ndim - 1)), column, 0) for name, column in columns.items()
        }
    return columns | {f"_{name}": rows.copy() for name in columns}


def _autoreset_mode(autoreset: str) -> Any:
    """Gymnasium's name of the mode; Gymnasium 1.0 has no such names yet."""
    modes = getattr(gymnasium.vector, "AutoresetMode", None)
    return autoreset if modes is None else modes[autoreset.upper()]
