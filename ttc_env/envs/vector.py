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
from ttc_env.arrays import Array, device, namespace, provider_major
from ttc_env.batch import MarketBatch, stack_markets
from ttc_env.checks import whole
from ttc_env.describing import MarketDescription, describe
from ttc_env.dynamics import Dynamics, QueryTypes, encode, make_dynamics
from ttc_env.envs import spaces
from ttc_env.envs.uniform import Uniform
from ttc_env.feedback import Counterfactual, check_feedback
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, make_mechanism
from ttc_env.mixtures import Mixture

Source = Market | Mixture | str | os.PathLike[str] | Mapping[str, Any] | MarketDescription  # of a market
AUTORESET = ("same_step", "next_step", "disabled")


class VectorMarket:
    """`num_markets` copies of a repeated market, all `n` providers learning, in batched arrays.

    Args:
        market: a `Market`, one of `list_markets()`, the path of a CSV table, or the keywords of `load_market` as a
            mapping, `{"source": "own.csv", "answer_value": 0.01}`; or a sequence of these, which the rows of the batch
            take in turn (other curves, betas and providers in one call; see `MarketBatch`).
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
            step, several times as fast for large batches, and `info` shows the engine's own record.
        feedback: `"own"`, each provider's own outcome; or `"counterfactual"`: `info["counterfactual"]`, `(B, n, K)`, is
            the expected reward of every own action against what the others did, and in auctions
            `info["winning_score"]`, `(B, n)`, the least score that would have won, USD.
        dynamics: what the market carries from period to period: a name of `ttc_env.dynamics.DYNAMICS`,
            `package.module:Class`, a `Dynamics`, or None.
        dynamics_options: of a dynamics given by name or path, for example `{"cost": 0.004}`.
        information: of a mixture, `"public"` or `"private"`; see `ttc_env.dynamics.QueryTypes`.
        observe: `"public"`; or `"own"`: a provider sees its own curves and its own last bid and reward, and neither the
            state nor what the others did. `state()` shows all of it in any case.
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
        feedback: str = "own",
        dynamics: str | Dynamics | None = None,
        dynamics_options: Mapping[str, Any] | None = None,
        information: str | None = None,
        observe: str = "public",
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
        mechanism = make_mechanism(mechanism, **options)
        if not isinstance(dynamics_options, Mapping | None):
            raise ValueError(f"dynamics_options must be a mapping of names, got {dynamics_options!r}")
        carried = None if dynamics is None else make_dynamics(dynamics, **(dynamics_options or {}))
        if dynamics is None and dynamics_options:
            raise ValueError(f"dynamics_options belong to a dynamics, and there is none; got {dynamics_options!r}")
        self.market: Market | MarketBatch
        if several is None:
            self.market, carried = with_types(resolve_market(market, beta), carried, information)
        else:
            found = [with_types(resolve_market(one, beta), None, information) for one in several]
            if any(types is not None for _, types in found):
                raise ValueError("a mixture is played alone, not in turn with others; give the rows one Mixture")
            self.market = stack_markets([one for one, _ in found], self.num_markets)
        tables = self.market.to(backend, device=device, dtype=dtype)
        self.game = repeated.RepeatedMarket(tables, mechanism, demand, max_cycles, reward_scale, carried, observe)
        self._counterfactual = Counterfactual(self.game)
        self.feedback = check_feedback(feedback, self.game)
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

    def reset(
        self, seed: int | Sequence[int | None] | None = None, *, rows: Array | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: restarts the generator that serves all markets; without it the stream goes on. A sequence gives each
                market a generator of its own, from which it draws what it would draw alone; in a sequence, None lets
                the market's own go on.
            rows: mask `(B,)` of the markets to reset; all by default.

        Returns:
            Observations `(B, n, d)` and an empty info.

        Raises:
            ValueError: a seed or a mask that is none; nothing has changed then.
        """
        if rows is not None:
            rows = spaces.as_mask(rows, self.num_markets, self.game.market.quality)
        if isinstance(seed, Sequence) or (isinstance(seed, np.ndarray) and seed.ndim):
            self.uniform.seed_rows(list(seed), [True] * self.num_markets if rows is None else rows.tolist())
        elif seed is not None:
            self.uniform.seed(seed)
        if rows is None or self._state is None:
            self._state = self._first_state()
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
        return self.clear(state, self._actions.read(actions, check=self.check_actions))

    def clear(self, state: repeated.State, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """`step` from a `running_state()` with actions that have been checked and copied."""
        xp = namespace(state.shares)
        draws = repeated.draw(self.game, self.num_markets, self.draw)
        previous, (state, outcome) = state, repeated.transition(self.game, state, actions, draws)
        info: dict[str, Any] = {"outcome": outcome, "bids": state.bids, "actions": actions}
        if self.game.dynamics is not None:
            index = encode(previous.carried, self.game.dynamics.sizes(self.game.market))
            info["state"] = _own(index) if self.copy else index
        if self.feedback == "counterfactual":
            info |= self._counterfactual.info(state.bids)
        if self.autoreset == "next_step":
            ended = repeated.truncated(self.game, previous)
            if not isinstance(ended, np.ndarray) or ended.any():  # elsewhere to ask is to wait for the device
                state = self._renewed(state, ended)
            info["_outcome"] = ~ended
        if self.copy:  # info is the caller's own, and so are the actions in it
            state = state._replace(bids=_own(state.bids), shares=_own(state.shares))
        rewards, truncations = state.reward, repeated.truncated(self.game, state)
        if self.autoreset == "same_step" and bool(truncations.any()):
            info |= {"final_obs": self._observe(state, copy=True), "_final_obs": truncations}
            state = self._renewed(state, truncations)
        self._state = state
        if self.copy:
            rewards = _own(rewards)
        terminations = xp.zeros(truncations.shape, dtype=xp.bool, device=device(rewards))
        return self._observe(state), rewards, terminations, truncations, info

    def _observe(self, state: repeated.State, copy: bool | None = None) -> Any:
        if self.copy if copy is None else copy:
            return self._view(self.game, state)
        self._observations = self._view(self.game, state, self._observations)
        return self._observations

    def _renewed(self, state: repeated.State, rows: Array) -> repeated.State:
        return repeated.replace_rows(rows, self._first_state(), state)

    def _first_state(self) -> repeated.State:
        move = repeated.draw_start(self.game, self.num_markets, self.uniform)
        return repeated.initial_state(self.game, self.num_markets, move)

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

    def draw(self, shape: tuple[int, ...]) -> Array:
        """Uniform draws for this period; of a market that is only reset now, no stream of its own is used up."""
        if self.autoreset == "next_step" and len(self.uniform.generators) == self.num_markets:
            return self.uniform(shape, repeated.truncated(self.game, self.record()))
        return self.uniform(shape)

    def put(self, carried: Array) -> Array:
        """Put every market into a state of its dynamics, `(B, c)`, the record of last period kept; the observations.

        Raises:
            ResetNeeded: before the first reset.
            ValueError: nothing is carried over here, or states of another shape.
        """
        state, xp = self.record(), namespace(self.game.market.quality)
        if state.carried is None or np.shape(carried) != tuple(state.carried.shape):
            shape = None if state.carried is None else tuple(state.carried.shape)
            raise ValueError(f"states must have the shape of those carried over, {shape}, got {np.shape(carried)}")
        place = device(state.carried)
        self._state = state._replace(carried=provider_major(xp.asarray(carried, device=place), xp.int64))
        return self._observe(self._state)

    def get_state(self) -> dict[str, Any]:
        """Everything the future depends on, generator included; see `set_state`."""
        return {"state": copy.deepcopy(self._state), "uniform": self.uniform.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to where `get_state` was called.

        Raises:
            ValueError: the state is that of other markets; nothing has changed then.
        """
        check_state(state, "state", "uniform")
        record, wanted = state["state"], repeated.initial_state(self.game, self.num_markets)
        if record is not None and _form(record) != _form(wanted):
            raise ValueError(f"this state is of other markets: its arrays are {_form(record)}, here {_form(wanted)}")
        if not isinstance(state["uniform"], list | tuple):
            raise ValueError(f"the generators of a state are in a list, got {state['uniform']!r}")
        if len(state["uniform"]) not in (0, 1, self.num_markets):
            raise ValueError(f"this state has {len(state['uniform'])} generators for {self.num_markets} markets")
        self.uniform.set_state(list(state["uniform"]))
        self._state = copy.deepcopy(record)


def check_state(state: Any, *parts: str) -> None:
    """Refuse what `get_state` cannot have returned.

    Raises:
        ValueError: it has not just these parts.
    """
    if not isinstance(state, dict) or state.keys() != set(parts):
        raise ValueError(f"set_state takes what get_state returned, a dict of {', '.join(parts)}, got {state!r}")


def _own(part: Any) -> Any:
    """A copy of an array, or of all arrays of a tuple."""
    if isinstance(part, tuple):
        return type(part)(*map(_own, part))
    return namespace(part).asarray(part, copy=True)


def _form(part: Any) -> Any:
    """Type and shape of an array, or of all arrays of a tuple; None of what is not there."""
    if isinstance(part, tuple):
        return [_form(one) for one in part]
    if not hasattr(part, "dtype"):
        return None if part is None else type(part).__name__
    return f"{type(part).__name__} {part.dtype} {tuple(part.shape)}"


def resolve_market(market: Any, beta: float | None) -> Market | Mixture:
    """A market or mixture by name, path, description or as it is, with `beta` replaced if given."""
    if not isinstance(market, Market | Mixture):
        return describe(market, **({} if beta is None else {"beta": beta})).load()
    if beta is None:
        return market
    return market.replace(beta=beta) if isinstance(market, Mixture) else replace(market, beta=beta)


def with_types(
    market: Market | Mixture, dynamics: Dynamics | None, information: str | None
) -> tuple[Market, Dynamics | None]:
    """The market, and what it carries: for a mixture its mean market and the types that are drawn.

    Raises:
        ValueError: information without a mixture, or a mixture beside other dynamics.
    """
    if isinstance(market, Mixture):
        if dynamics is not None:
            raise ValueError(f"a mixture draws its types in each period and carries nothing else, got {dynamics!r}")
        types = QueryTypes(market, information or "public")
        return market.mean_market, types if market.num_types > 1 else None
    if information is not None:
        raise ValueError(f"information is about the query types of a mixture, got {information!r} for one market")
    return market, dynamics
