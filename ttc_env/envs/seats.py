"""Some providers of a market learn, the others are scripted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttc_env.arrays import Array, as_numpy, namespace
from ttc_env.batch import one_market
from ttc_env.envs import spaces
from ttc_env.envs.vector import VectorMarket, check_state
from ttc_env.opponents import Constant, make_opponents
from ttc_env.repeated import State


class Seats:
    """A batch of markets as seen from the seats of the providers that learn.

    It has what a learner needs of a `VectorMarket`, for `s` of the `n` providers: observations `(B, s, d)`, actions
    and rewards `(B, s)`. `info` still tells of all providers; its `actions` are everybody's.

    Args:
        engine: the markets, all rows the same one.
        providers: who learns, names or indices, each once.
        opponents: what the others do: what `ttc_env.opponents.make_opponents` takes.

    Raises:
        ValueError: an unknown provider or one named twice, or opponents that are none.
    """

    def __init__(self, engine: VectorMarket, providers: Sequence[str | int], opponents: Any = "nash") -> None:
        self.engine = engine
        self._seats = [one_market(engine.market).provider_index(provider) for provider in providers]
        if not self._seats or len(set(self._seats)) < len(self._seats):
            raise ValueError(f"providers who learn must be at least one, each once, got {providers!r}")
        self.opponents = make_opponents(engine.game, self._seats, opponents)
        space, like = engine.single_action_space, engine.game.market.quality
        batch = (engine.num_markets, engine.num_providers)
        self._actions = spaces.Actions(space, (batch[0], len(self._seats)), like)
        self._joint = spaces.Actions(space, batch, like, "actions of opponents")
        self._always: Array | None = None  # the joint action of opponents who do the same in every period
        if isinstance(self.opponents, Constant):
            one = spaces.Actions(space, batch[1:], like, "actions of opponents").read(self.opponents.actions)
            self._always = self._joint.read(namespace(one).stack([one] * batch[0]))
        self._observations: Array = np.empty(0)

    @property
    def seats(self) -> np.ndarray:
        """Indices of the providers that learn, `(s,)`, in the order of their columns."""
        return np.array(self._seats)

    @property
    def num_providers(self) -> int:
        """Providers that learn, `s`."""
        return len(self._seats)

    def __getattr__(self, name: str) -> Any:
        """Everything else is that of the markets: `num_markets`, `game`, the spaces, `record`, `get_state`, ..."""
        if name.startswith("_") or name == "engine":
            raise AttributeError(name)
        return getattr(self.engine, name)

    def reset(
        self, seed: int | Sequence[int | None] | None = None, *, rows: Array | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start new episodes, see `VectorMarket.reset`; the generator serves all markets and their opponents."""
        self._observations, info = self.engine.reset(seed, rows=rows)
        return self._observations[:, self._seats], info

    def step(self, actions: Any) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Clear one period of every market; see `VectorMarket.step`."""
        state = self.engine.running_state()  # no actions are due before a reset, and none are looked at
        return self.clear(state, self._actions.read(actions))

    def clear(self, state: State, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """`step` from a running state with actions `(B, s)` that have been checked; see `VectorMarket.clear`."""
        if self._always is None:
            joint = self._joint.read(self.opponents(as_numpy(self._observations), as_numpy(state), self._uniform))
        else:
            joint = namespace(self._always).asarray(self._always, copy=True)
        joint[:, self._seats] = actions
        self._observations, rewards, terminations, truncations, info = self.engine.clear(state, joint)
        if "final_obs" in info:
            info["final_obs"] = info["final_obs"][:, self._seats]
        return self._observations[:, self._seats], rewards[:, self._seats], terminations, truncations, info

    def _uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        return as_numpy(self.engine.draw(shape))

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        copy = namespace(self._observations).asarray(self._observations, copy=True)
        return {"engine": self.engine.get_state(), "observations": copy}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called."""
        check_state(state, "engine", "observations")
        self.engine.set_state(state["engine"])
        self._observations = namespace(state["observations"]).asarray(state["observations"], copy=True)
