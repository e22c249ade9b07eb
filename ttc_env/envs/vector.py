"""Many repeated markets at once: the one engine under every environment of the suite."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded

from ttc_env import observing, repeated
from ttc_env.arrays import Array, device, namespace
from ttc_env.batch import MarketBatch, stack_markets
from ttc_env.checks import whole
from ttc_env.curves import load_market
from ttc_env.dynamics import Dynamics, encode, make_dynamics
from ttc_env.envs import spaces
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, make_mechanism
from ttc_env.mixtures import Mixture

Source = Market | str | os.PathLike[str]  # of a market
AUTORESET = ("same_step", "next_step", "disabled")


class VectorMarket:
    """`num_markets` copies of a repeated market, all `n` providers learning, in batched arrays.

    Args:
        market: a `Market`, one of `list_markets()`, or the path of a CSV table; or a sequence of these, which the
            rows of the batch take in turn (other curves, betas and providers in one call; see `MarketBatch`).
        mechanism: a name of `ttc_env.mechanisms.MECHANISMS`, `package.module:Class`, or a mechanism object.
        num_markets: batch size `B`; by default 1, or one for each market of a sequence.
        beta: user rationality, 1/USD; by default the market's own, or 1000 for a market given by name.
        demand: `"expected"`, or the number of queries drawn each period; markets with `outcomes` replay them.
        max_cycles: periods until an episode is truncated.
        reward_scale: USD in one unit of reward; by default the mechanism's own.
        autoreset: what follows a truncation: `"same_step"` returns the first observation of the next episode
            and keeps the last in `info["final_obs"]`; `"next_step"` spends the next step on the reset, ignoring
            its actions; `"disabled"` waits for `reset(rows=...)`.
        backend: `"numpy"` or `"torch"`.
        device: torch device.
        dtype: `"float32"` or `"float64"`, of tables, observations and rewards.
        check_actions: refuse actions outside the space; on a GPU this waits for the device at each step.
        shared_record: return observations as `ttc_env.observing.Views`, with the public record once per market and
            not once per provider: for many providers.
        copy: return arrays of the caller's own; without it observations are written into the same array at every
            step, several times as fast for large batches.
        dynamics: what the market carries from period to period: a name of `ttc_env.dynamics.DYNAMICS`,
            `package.module:Class`, a `Dynamics`, or None.
        dynamics_options: of a dynamics given by name or path, for example `{"cost": 0.004}`.
        options: of the mechanism given by name, for example `settlement="declared"`.

    Raises:
        ValueError: an unknown name or a value out of range, naming it and what is allowed.
    """

    def __init__(
        self,
        market: Source | Sequence[Source],
        mechanism: str | Mechanism = "per_token",
        num_markets: int | None = None,
        *,
        beta: float | None = None,
        demand: str | int = "expected",
        max_cycles: int = 100,
        reward_scale: float | None = None,
        autoreset: str = "same_step",
        backend: str = "numpy",
        device: Any = None,
        dtype: str = "float32",
        check_actions: bool = True,
        shared_record: bool = False,
        copy: bool = True,
        dynamics: str | Dynamics | None = None,
        dynamics_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if autoreset not in AUTORESET:
            raise ValueError(f"unknown autoreset {autoreset!r}; allowed: {', '.join(AUTORESET)}")
        several = list(market) if isinstance(market, Sequence) and not isinstance(market, str) else None
        rows = len(several or [market]) if num_markets is None else num_markets
        self.num_markets = whole("num_markets", rows)
        self.autoreset = autoreset
        self.check_actions = check_actions
        self.copy = copy
        self._view = observing.observe_shared if shared_record else observing.observe
        self.market: Market | MarketBatch
        if several is None:
            self.market = resolve_market(market, beta)
        else:
            self.market = stack_markets([resolve_market(one, beta) for one in several], self.num_markets)
        tables = self.market.to(backend, device=device, dtype=dtype)
        mechanism = make_mechanism(mechanism, **options)
        carried = None if dynamics is None else make_dynamics(dynamics, **(dynamics_options or {}))
        if dynamics is None and dynamics_options:
            raise ValueError(f"dynamics_options belong to a dynamics, and there is none; got {dynamics_options!r}")
        self.game = repeated.RepeatedMarket(tables, mechanism, demand, max_cycles, reward_scale, carried)
        self.single_action_space = spaces.action_space(self.game)
        make_space = spaces.shared_observation_space if shared_record else spaces.observation_space
        self.single_observation_space = make_space(self.game, getattr(np, dtype))
        batch = (self.num_markets, self.num_providers)
        self._actions = spaces.Actions(self.single_action_space, batch, tables.quality)
        self.uniform = Uniform(tables.quality)
        self._state: repeated.State | None = None
        self._observations: Any = None

    @property
    def num_providers(self) -> int:
        """Providers in each market, `n`."""
        return self.market.num_providers

    @property
    def seats(self) -> np.ndarray:
        """Indices of the providers whose actions `step` takes: all of them; see `ttc_env.envs.seats`."""
        return np.arange(self.num_providers)

    def reset(self, seed: int | None = None, *, rows: Array | None = None) -> tuple[Array, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: restarts the generator that serves all markets; without it the stream goes on.
            rows: mask `(B,)` of the markets to reset; all by default.

        Returns:
            Observations `(B, n, d)` and an empty info.

        Raises:
            ValueError: a seed or a mask that is none; nothing has changed then.
        """
        if rows is not None:
            rows = spaces.as_mask(rows, self.num_markets, self.game.market.quality)
        if seed is not None:
            self.uniform.seed(seed)
        if rows is None or self._state is None:
            self._state = repeated.initial_state(self.game, self.num_markets)
        else:
            self._state = self._renewed(self._state, rows)
        return self._observe(self._state), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Clear one period of every market.

        Args:
            actions: `(B, n)`, or `(B, n, c)` where the mechanism's actions have `c` components.

        Returns:
            Observations `(B, n, d)`; rewards `(B, n)`; terminations `(B,)`, always false; truncations `(B,)`; and
            info with `outcome` (USD), `bids` and `actions`, with dynamics also `state`, the index of the state that
            was played in, `(B,)`; in mode `same_step` also `final_obs` with its mask
            `_final_obs` when episodes ended, in mode `next_step` also the mask `_outcome` of the markets that really
            played.

        Raises:
            ResetNeeded: before the first reset, or at the end of an episode if autoreset is disabled.
            ValueError: actions of the wrong shape or type or outside the space; nothing has changed then.
        """
        state = self.running_state()
        xp = namespace(state.shares)
        actions = self._actions.read(actions, check=self.check_actions)
        draws = repeated.draw(self.game, self.num_markets, self.uniform)
        previous, (state, outcome) = state, repeated.transition(self.game, state, actions, draws)
        info: dict[str, Any] = {"outcome": outcome, "bids": state.bids, "actions": actions}
        if self.game.dynamics is not None:
            info["state"] = encode(previous.carried, self.game.dynamics.sizes(self.game.market))
        if self.autoreset == "next_step":
            ended = repeated.truncated(self.game, previous)
            state = self._renewed(state, ended)
            info["_outcome"] = ~ended
        rewards, truncations = state.reward, repeated.truncated(self.game, state)
        if self.autoreset == "same_step" and bool(truncations.any()):
            info |= {"final_obs": self._observe(state, copy=True), "_final_obs": truncations}
            state = self._renewed(state, truncations)
        self._state = state
        if self.copy:
            rewards = xp.asarray(rewards, copy=True)
        terminations = xp.zeros(truncations.shape, dtype=xp.bool, device=device(rewards))
        return self._observe(state), rewards, terminations, truncations, info

    def _observe(self, state: repeated.State, copy: bool | None = None) -> Any:
        self._observations = self._view(self.game, state, self._observations)
        if not (self.copy if copy is None else copy):
            return self._observations
        xp = namespace(state.shares)
        if isinstance(self._observations, observing.Views):
            return observing.Views(*(xp.asarray(part, copy=True) for part in self._observations))
        return xp.asarray(self._observations, copy=True)

    def _renewed(self, state: repeated.State, rows: Array) -> repeated.State:
        return repeated.replace_rows(rows, repeated.initial_state(self.game, self.num_markets), state)

    def state(self) -> Array:
        """Global state for centralised critics, `(B, D)`."""
        return observing.global_state(self.game, self.record())

    def record(self) -> repeated.State:
        """What the markets remember of last period.

        Raises:
            ResetNeeded: before the first reset.
        """
        if self._state is None:
            raise ResetNeeded("no episode is running; call reset() first")
        return self._state

    def running_state(self) -> repeated.State:
        """`record`, if another period can be played.

        Raises:
            ResetNeeded: before the first reset, or at the end of an episode if autoreset is disabled.
        """
        state = self.record()
        if self.autoreset == "disabled" and bool(repeated.truncated(self.game, state).any()):
            raise ResetNeeded(f"the episode ended after {self.game.max_cycles} periods; call reset() first")
        return state

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        return {"state": copy.deepcopy(self._state), "uniform": self.uniform.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called."""
        self._state = copy.deepcopy(state["state"])
        self.uniform.set_state(state["uniform"])


class Uniform:
    """Uniform draws on [0, 1) of the backend, device and type of an example array, from one seeded generator."""

    def __init__(self, like: Array) -> None:
        self.numpy = isinstance(like, np.ndarray)
        self.kind = {"dtype": like.dtype} if self.numpy else {"dtype": like.dtype, "device": like.device}
        self.generator: Any = None

    def seed(self, seed: int | None) -> None:
        """Start a new stream; from the operating system's entropy if `seed` is None."""
        if seed is not None:
            whole("seed", seed, least=0)
        if self.numpy:
            self.generator = np.random.default_rng(seed)
        else:
            import torch

            self.generator = torch.Generator(device=self.kind["device"])
            self.generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))

    def __call__(self, shape: tuple[int, ...]) -> Array:
        """Draws of this shape."""
        if self.generator is None:
            self.seed(None)
        if self.numpy:
            return self.generator.random(shape, **self.kind)
        import torch

        return torch.rand(shape, generator=self.generator, **self.kind)

    def get_state(self) -> Any:
        """Where the stream stands."""
        if self.generator is None:
            return None
        return copy.deepcopy(self.generator.bit_generator.state if self.numpy else self.generator.get_state())

    def set_state(self, state: Any) -> None:
        """Continue from `get_state`."""
        self.seed(0)
        if state is None:
            self.generator = None
        elif self.numpy:
            self.generator.bit_generator.state = state
        else:
            self.generator.set_state(state)

    def __getstate__(self) -> dict[str, Any]:
        return {"numpy": self.numpy, "kind": self.kind, "state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.numpy, self.kind = state["numpy"], state["kind"]
        self.set_state(state["state"])


def resolve_market(market: Any, beta: float | None) -> Market:
    """A market by name, path or as it is, with `beta` replaced if given."""
    if not isinstance(market, Market | Mixture):
        market = load_market(market) if beta is None else load_market(market, beta=beta)
    if isinstance(market, Mixture):
        raise ValueError("environments play a Market, or several in turn; a Mixture of query types is not played yet")
    return market if beta is None else replace(market, beta=beta)
