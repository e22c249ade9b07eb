"""Every registered environment in every form: conformance tests run over `VARIANTS`, so a new id is covered at once."""

import importlib
import itertools
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import gymnasium
import numpy as np
import pytest

import ttc_env
from tests.helpers.foreign import FlatFee
from ttc_env import equilibrium
from ttc_env.arrays import BACKENDS
from ttc_env.envs.seats import Seats
from ttc_env.envs.vector import AUTORESET
from ttc_env.mechanisms import MECHANISMS, Outcome
from ttc_env.outcomes import Outcomes
from ttc_env.registration import ENVIRONMENTS

MARKET = ttc_env.load_market("gsm8k/majority_voting", providers=[0, 3, 5, 8])


def with_outcomes(market):
    """The market with recorded outcomes on three questions: a hard and long one, a mean one, an easy and short one."""
    spread = np.minimum(market.accuracy, 1 - market.accuracy) / 2
    accuracy = np.stack([market.accuracy - spread, market.accuracy, market.accuracy + spread], axis=-1)
    return replace(market, outcomes=Outcomes(accuracy, np.broadcast_to([1.5, 1.0, 0.5], accuracy.shape)))


REPLAYED = with_outcomes(MARKET)


@dataclass(frozen=True, eq=False)
class Variant:
    """One registered environment with one way to act and one kind of demand."""

    id: str
    mechanism: Any
    module: str
    options: dict[str, Any] = field(default_factory=dict)
    market: ttc_env.Market = MARKET

    def __str__(self):
        return "-".join([self.module, *map(str, self.options.values()), *["replay"] * bool(self.market.outcomes)])

    def arguments(self, overrides):
        own = {} if isinstance(self.mechanism, str) else {"mechanism": self.mechanism}
        return {"market": self.market, "max_cycles": 6, **own, **self.options, **overrides}

    def parallel(self, **overrides):
        return importlib.import_module(f"ttc_env.{self.module}").parallel_env(**self.arguments(overrides))

    def aec(self, **overrides):
        return importlib.import_module(f"ttc_env.{self.module}").env(**self.arguments(overrides))

    def single(self, **overrides):
        return gymnasium.make(self.id, disable_env_checker=True, **self.single_arguments(overrides)).unwrapped

    def vector(self, **overrides):
        return ttc_env.VectorMarket(**{"mechanism": self.mechanism, **self.arguments(overrides)})

    def vector_single(self, num_envs, **overrides):
        mode = "vector_entry_point"
        return gymnasium.make_vec(self.id, num_envs, vectorization_mode=mode, **self.single_arguments(overrides))

    def single_arguments(self, overrides):
        """With the default opponents, who play an equilibrium, or random ones where the game has none."""
        return self.arguments(overrides if has_equilibrium(self) else {"opponents": "random", **overrides})


@cache
def has_equilibrium(variant):
    """Whether an equilibrium of its game is known, for opponents to play."""
    try:
        ttc_env.StageGame(variant.market, variant.parallel().engine.game.mechanism).equilibrium()
    except equilibrium.Unanswered:
        return False
    return True


# played once in every way to act and with every kind of demand, not in all pairs of them, which are others' code
SHORT = ("posted_price_v0", "first_price_v0")


def _variants(gymnasium_id, mechanism, module):
    mechanism = FlatFee() if module == "market_v0" else mechanism  # a rule that the library does not know
    fields = getattr(MECHANISMS.get(mechanism), "__dataclass_fields__", {})
    kinds = [{"action_type": kind} for kind in ("multi_discrete", "box")] if "action_type" in fields else [{}]
    plays = [({"demand": "expected"}, MARKET), ({"demand": 5}, MARKET), ({"demand": 5}, REPLAYED)]
    ways = zip(kinds, plays[::2], strict=True) if module in SHORT else itertools.product(kinds, plays)
    for kind, (demand, market) in ways:
        yield Variant(gymnasium_id, mechanism, module, {**kind, **demand}, market)


VARIANTS = [v for id_, (mechanism, module) in ENVIRONMENTS.items() for v in _variants(id_, mechanism, module)]
each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)
each_id = pytest.mark.parametrize("variant", [v for v in VARIANTS if v.options["demand"] == "expected"], ids=str)


def sample(space, rng, batch=()):
    """Random actions `(*batch, ...)` of a space, from a generator of the test's own."""
    shape = (*batch, *space.shape)
    if isinstance(space, gymnasium.spaces.Box):
        return rng.uniform(space.low, space.high, shape).astype(space.dtype)
    return rng.integers(0, getattr(space, "nvec", getattr(space, "n", None)), shape)[()]


def same(left, right):
    """Whether two nested results are equal to the last bit, types included."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Outcome):
        parts = ("shares", "outside_share", "utility", "delivered", "payment", "cost", "welfare")
        left, right = ([getattr(outcome, part) for part in parts] for outcome in (left, right))
        return same(left, right)
    return type(left) is type(right) and np.array_equal(np.asarray(left), np.asarray(right))


class Form:
    """One way to play a variant: `move` plays one step of the API, an agent's in the AEC form, with random actions.

    Batches have short episodes, so that play goes past their end; without autoreset, `step` resets the rows that ended.
    """

    def __init__(self, kind, backend="numpy", autoreset=None):
        self.kind, self.backend, self.autoreset = kind, backend, autoreset

    def __str__(self):
        return "-".join([self.kind, self.backend, self.autoreset] if self.autoreset else [self.kind])

    def make(self, variant, **options):
        if self.kind in ("parallel", "aec"):
            return getattr(variant, self.kind)(**options)
        if self.kind == "single":
            return variant.single(**{"opponents": "random", **options})
        options = {"autoreset": self.autoreset, "max_cycles": 4, **options}
        if self.kind == "vector_single":
            return variant.vector_single(3, **{"opponents": "random", **options})
        vector = variant.vector(**{"num_markets": 3, "backend": self.backend, **options})
        return vector if self.kind == "vector" else Seats(vector, [2, 0], "random")

    def reset(self, env, seed=None):
        result = env.reset(seed=seed)
        return env.last() if self.kind == "aec" else result

    def actions(self, env, rng):
        """What the next `step` takes."""
        if self.kind == "parallel":
            return {agent: sample(env.action_space(agent), rng) for agent in env.possible_agents}
        if self.kind == "aec":
            return sample(env.action_space(env.agent_selection), rng)
        if self.kind == "single":
            return sample(env.action_space, rng)
        batch = (env.num_envs,) if self.kind == "vector_single" else (env.num_markets, env.num_providers)
        return sample(env.single_action_space, rng, batch)

    def step(self, env, actions):
        result = env.step(actions)
        if self.kind == "aec":
            return (env.agent_selection, *env.last())
        if self.autoreset == "disabled" and result[3].any():
            rows = {"options": {"reset_mask": result[3]}} if self.kind == "vector_single" else {"rows": result[3]}
            return (env.reset(**rows)[0], *result[1:], result[0])
        return result

    def move(self, env, rng):
        return self.step(env, self.actions(env, rng))

    def play(self, env, rng, moves):
        return [self.move(env, rng) for _ in range(moves)]

    def moves(self, env, periods):
        return periods * (len(env.possible_agents) if self.kind == "aec" else 1)


VECTORS = [Form("vector", backend, autoreset) for backend in BACKENDS for autoreset in AUTORESET]
FORMS = [
    *(Form(kind) for kind in ("parallel", "aec", "single")),
    *VECTORS,
    *(Form("seats", *how) for how in (("numpy", "same_step"), ("torch", "next_step"), ("numpy", "disabled"))),
    *(Form("vector_single", "numpy", autoreset) for autoreset in AUTORESET),
]
each_form = pytest.mark.parametrize("form", FORMS, ids=str)
each_vector = pytest.mark.parametrize("form", VECTORS, ids=str)
