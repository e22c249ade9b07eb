"""What a learner is trained on, for how long, and where it is tested.

>>> from ttc_env.evaluation import load_suite
>>> [task.name for task in load_suite("ttc-lite-v1")]
['tokens-gsm8k', 'tokens-gpqa-sampled', 'tokens-held-out', 'auction-private', 'auction-gpqa']
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ttc_env.checks import finite, whole
from ttc_env.curves import load_market
from ttc_env.describing import describe
from ttc_env.dynamics import Dynamics, make_dynamics
from ttc_env.envs.vector import VectorMarket
from ttc_env.equilibrium import draw_markets
from ttc_env.market import Market
from ttc_env.mechanisms import make_mechanism
from ttc_env.mixtures import Mixture

Source = str | Mapping[str, Any]
"""a market by name, or described: `source` and further keywords of `load_market`, and `draw`, a seed: the market that
another measurement with `DRAWN` questions could have found"""
DRAWN = 30


@dataclass(frozen=True, eq=False)
class Task:
    """What a learner is trained on, for how long, and where it is tested. Tasks of equal content are equal.

    Args:
        name: as it stands in tables.
        train: the markets it learns in, each by name, or described by the keywords of `load_market`:
            `{"source": "gsm8k/best_of_n", "providers": [1, 6, 8]}`; with `draw` one drawn around its curves. Several
            take the rows of the batch in turn.
        test: the markets it is judged in; held out where they are not in `train`.
        mechanism: a name of `ttc_env.mechanisms.MECHANISMS`, or one of your own as `package.module:Class`.
        beta: user rationality, 1/USD; of a described market its own, if it says one.
        demand: `"expected"`, or the number of queries drawn each period, in training and test. Scores are those of
            the expected market in any case.
        steps: agent steps of training: periods x markets x learning providers.
        num_markets: copies of the market played at once, a multiple of the number of markets in `train`.
        max_cycles: periods per episode.
        held_out_opponents: whether learners also meet others: the frozen population (`ttc_env.evaluation.population`)
            of the test markets, which `train/benchmark.py` makes where it is not shipped; where something is carried
            over the stage, the myopic and the equilibrium policy; where types are private honest and random bids.
        dynamics: what is carried over: a name of `ttc_env.dynamics.DYNAMICS` or `package.module:Class`, or such a
            name with options, `{"loyalty": {"cost": 0.004}}`.
        information: of a mixture, `"public"` or `"private"`.
        observe: `"public"`, or `"own"`: neither the state nor the others are seen; see `VectorMarket`.

    Raises:
        ValueError: a value out of range, or markets of different sizes, naming them.
    """

    name: str
    train: tuple[Source, ...]
    test: tuple[Source, ...]
    mechanism: str = "per_token"
    beta: float = 1000.0
    demand: str | int = "expected"
    steps: int = 100_000
    num_markets: int = 64
    max_cycles: int = 100
    held_out_opponents: bool = True
    dynamics: str | Mapping[str, Mapping[str, Any]] | None = None
    information: str | None = None
    observe: str = "public"

    def __post_init__(self) -> None:
        for where in ("train", "test"):
            markets = getattr(self, where)
            if not isinstance(markets, tuple) or not markets:
                raise ValueError(f"{where} must be a tuple of one or more markets, got {markets!r}")
            for one in markets:
                _check_source(where, one)
        make_mechanism(self.mechanism)
        if self.demand != "expected":
            whole("demand, unless 'expected',", self.demand)
        for name in ("steps", "num_markets", "max_cycles"):
            whole(name, getattr(self, name))
        finite("beta", self.beta)
        if self.num_markets % len(self.train):
            raise ValueError(
                f"num_markets must be a multiple of the {len(self.train)} markets in train, got {self.num_markets}"
            )
        markets = {label(one): _load(one, self.beta) for one in (*self.train, *self.test)}
        shapes = {name: one.quality.shape[-2:] for name, one in markets.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"the markets of a task must have equally many providers and levels, got {shapes}")
        mixed = any(isinstance(one, Mixture) for one in markets.values())
        if mixed or self.dynamics is not None or self.information or self.observe != "public":
            for one in (*self.train, *self.test):
                self._env(self.market(one), 1)  # it refuses what is not defined here

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @cached_property
    def _content(self) -> str:
        return json.dumps(self.description, sort_keys=True)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Its fields that differ from their defaults, as numbers, texts, lists and dicts: what a suite file says."""
        given = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        default = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        return {name: value for name, value in given.items() if name not in default or value != default[name]}

    @cached_property
    def digest(self) -> str:
        """Twelve digits that change with the content: the same for equal tasks only."""
        return hashlib.sha256(self._content.encode()).hexdigest()[:12]

    @property
    def held_out(self) -> bool:
        """Whether some test market is not trained in."""
        trained = [_plain(one) for one in self.train]
        return any(_plain(one) not in trained for one in self.test)

    @property
    def tests(self) -> tuple[str, ...]:
        """The test markets as they stand in tables."""
        return tuple(label(one) for one in self.test)

    @property
    def carries(self) -> bool:
        """Whether anything is carried over in its test markets, types of queries included."""
        return self.dynamics is not None or any(isinstance(self.market(one), Mixture) for one in self.test)

    def market(self, source: Source) -> Market | Mixture:
        """One of its markets, with the users of the task; by its entry or as it stands in tables."""
        known = {label(one): one for one in (*self.train, *self.test)}
        return _load(known.get(source, source) if isinstance(source, str) else source, self.beta)

    @cached_property
    def carried(self) -> Dynamics | None:
        """What is carried over, made from `dynamics`."""
        if self.dynamics is None or isinstance(self.dynamics, str):
            return None if self.dynamics is None else make_dynamics(self.dynamics)
        if not isinstance(self.dynamics, Mapping) or len(self.dynamics) != 1:
            raise ValueError(
                "dynamics must be a name, or one name with its options {name: {option: value}}, "
                f"got {self.dynamics!r}"
            )
        ((name, options),) = self.dynamics.items()
        if not isinstance(options, Mapping):
            raise ValueError(f"the options of dynamics {name!r} must be {{option: value}}, got {options!r}")
        return make_dynamics(name, **options)

    def make_env(self, runs: int = 1, **backend: Any) -> VectorMarket:
        """The markets of training, those of several runs below each other; `backend` goes to `VectorMarket`."""
        markets = [self.market(one) for one in self.train]
        if len(markets) == 1:
            return self._env(markets[0], self.num_markets * runs, **backend)
        each = [markets[k % len(markets)] for k in range(self.num_markets)]
        return self._env(each * runs, self.num_markets * runs, **backend)

    def make_test_env(self, source: Source, num_markets: int = 1, **backend: Any) -> VectorMarket:
        """Copies of one test market, NumPy unless told otherwise.

        Raises:
            ValueError: not one of the test markets.
        """
        if label(source) not in self.tests:
            raise ValueError(f"unknown test market {source!r} of {self.name}; allowed: {', '.join(self.tests)}")
        return self._env(self.market(source), num_markets, **backend)

    def _env(self, market: Any, num_markets: int, **backend: Any) -> VectorMarket:
        return VectorMarket(
            market,
            self.mechanism,
            num_markets,
            demand=self.demand,
            max_cycles=self.max_cycles,
            dynamics=self.carried,
            information=self.information,
            observe=self.observe,
            **backend,
        )


def label(source: Source) -> str:
    """How a market stands in tables: its name, and what else a description says."""
    if isinstance(source, str):
        return source
    more = [f"{name}={_short(value)}" for name, value in source.items() if name != "source"]
    return " ".join([str(source["source"]), *more])


def _short(value: Any) -> str:
    plain = _plain(value)
    return ",".join(map(str, plain)) if isinstance(plain, list) else str(plain)


def _check_source(where: str, source: Any) -> None:
    if not (isinstance(source, str) or (isinstance(source, Mapping) and "source" in source)):
        raise ValueError(
            f"a market in {where} is a name, or a description {{'source': name, ...}} with keywords of load_market, "
            f"got {source!r}"
        )


def _load(source: Source, beta: float) -> Market | Mixture:
    return _loaded(json.dumps(_plain(source), sort_keys=True), beta)


@lru_cache(maxsize=256)  # what is worked out of a market is kept with the market
def _loaded(source: str, beta: float) -> Market | Mixture:
    given = json.loads(source)
    if isinstance(given, str):
        return load_market(given, beta=beta)
    draw = given.pop("draw", None)
    market = describe({"beta": beta, **given}).load()
    if draw is None:
        return market
    if isinstance(market, Mixture):
        raise ValueError(f"draw is of the curves of one market, and {given['source']} is a mixture")
    return draw_markets(market, DRAWN, 1, np.random.default_rng(whole("draw, a seed,", draw, least=0)))[0]


def _plain(value: Any) -> Any:
    """Mappings as dicts and sequences as lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
