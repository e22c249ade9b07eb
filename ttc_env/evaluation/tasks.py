"""The tasks on which learners are compared: named, versioned suites of markets, mechanisms and budgets.

>>> from ttc_env.evaluation.tasks import load_suite
>>> [task.name for task in load_suite("ttc-lite-v0")]
['tokens-gsm8k', 'tokens-gpqa-sampled', 'tokens-held-out', 'auction-gpqa']
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from ttc_env.checks import finite, whole
from ttc_env.curves import load_market
from ttc_env.envs.vector import VectorMarket
from ttc_env.market import Market
from ttc_env.mechanisms import make_mechanism


@dataclass(frozen=True)
class Task:
    """What a learner is trained on, for how long, and where it is tested.

    Args:
        name: as it stands in tables.
        train: names of the markets it learns in; several take the rows of the batch in turn.
        test: names of the markets it is judged in; held out where they are not in `train`.
        mechanism: a name of `ttc_env.mechanisms.MECHANISMS`, or one of your own as `package.module:Class`.
        beta: user rationality, 1/USD.
        demand: `"expected"`, or the number of queries drawn each period, in training and test. Scores are those of
            the expected market in any case.
        steps: agent steps of training: periods x markets x learning providers.
        num_markets: copies of the market played at once, a multiple of the number of markets in `train`.
        max_cycles: periods per episode.
        held_out_opponents: whether learners also meet the frozen population (`ttc_env.evaluation.population`), which
            knows the test markets of the suites only.

    Raises:
        ValueError: a value out of range, or markets of different sizes, naming them.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    mechanism: str = "per_token"
    beta: float = 1000.0
    demand: str | int = "expected"
    steps: int = 100_000
    num_markets: int = 64
    max_cycles: int = 100
    held_out_opponents: bool = True

    def __post_init__(self) -> None:
        for where in ("train", "test"):
            markets = getattr(self, where)
            if not isinstance(markets, tuple) or not markets:
                raise ValueError(f"{where} must be a tuple of one or more names of markets, got {markets!r}")
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
        shapes = {name: self.market(name).quality.shape for name in (*self.train, *self.test)}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"the markets of a task must have equally many providers and levels, got {shapes}")

    @property
    def held_out(self) -> bool:
        """Whether some test market is not trained in."""
        return not set(self.test) <= set(self.train)

    def market(self, name: str) -> Market:
        """One of its markets, with the users of the task."""
        return load_market(name, beta=self.beta)

    def make_env(self, **backend: Any) -> VectorMarket:
        """The markets of training; `backend` are further keywords of `VectorMarket`."""
        markets = [self.market(name) for name in self.train]
        return self._env(markets[0] if len(markets) == 1 else markets, self.num_markets, **backend)

    def make_test_env(self, name: str, num_markets: int = 1, **backend: Any) -> VectorMarket:
        """Copies of one test market, NumPy unless told otherwise.

        Raises:
            ValueError: not one of the test markets.
        """
        if name not in self.test:
            raise ValueError(f"unknown test market {name!r} of {self.name}; allowed: {', '.join(self.test)}")
        return self._env(self.market(name), num_markets, **backend)

    def _env(self, market: Market | list[Market], num_markets: int, **backend: Any) -> VectorMarket:
        return VectorMarket(
            market, self.mechanism, num_markets, demand=self.demand, max_cycles=self.max_cycles, **backend
        )


def load_suite(name: str) -> tuple[Task, ...]:
    """The tasks of a suite.

    Raises:
        ValueError: no such suite, naming those there are.
    """
    if name not in SUITES:
        raise ValueError(f"unknown suite {name!r}; allowed: {', '.join(SUITES)}")
    return SUITES[name]


def _task(name: str, train: str | tuple[str, ...], test: str | tuple[str, ...] | None = None, **values: Any) -> Task:
    trained = (train,) if isinstance(train, str) else train
    tested = trained if test is None else (test,) if isinstance(test, str) else test
    return Task(name, trained, tested, **values)


VOTING, BEST_OF_N = "majority_voting", "best_of_n"
QUERIES = 100  # drawn each period where demand is sampled
SEEN = tuple(f"{benchmark}/{method}" for benchmark, method in product(("gsm8k", "aime"), (VOTING, BEST_OF_N)))
UNSEEN = (f"gpqa/{VOTING}", f"gpqa/{BEST_OF_N}")

LITE = (
    _task("tokens-gsm8k", f"gsm8k/{VOTING}"),
    _task("tokens-gpqa-sampled", f"gpqa/{VOTING}", demand=QUERIES),
    _task("tokens-held-out", SEEN, UNSEEN),
    _task("auction-gpqa", f"gpqa/{BEST_OF_N}", mechanism="second_price", steps=200_000),
)


def _main() -> tuple[Task, ...]:
    tokens: dict[str, Any] = {"steps": 500_000}
    auction: dict[str, Any] = {"steps": 500_000, "mechanism": "second_price"}
    return (
        *(
            _task(f"tokens-{benchmark}-voting-beta{beta:g}", f"{benchmark}/{VOTING}", beta=beta, **tokens)
            for benchmark, beta in product(("gsm8k", "gpqa"), (200.0, 1000.0, 100_000.0))
        ),
        _task("tokens-aime-voting", f"aime/{VOTING}", **tokens),
        *(_task(f"tokens-{name}-best", f"{name}/{BEST_OF_N}", **tokens) for name in ("gsm8k", "gpqa", "aime")),
        *(_task(f"tokens-{name}-effort", f"{name}/reasoning_effort", **tokens) for name in ("gsm8k", "gpqa")),
        *(
            _task(f"tokens-{name}-sampled{queries}", f"{name}/{VOTING}", demand=queries, **tokens)
            for name, queries in (("gsm8k", QUERIES), ("gpqa", QUERIES), ("gpqa", 1000))
        ),
        _task("tokens-held-out", SEEN, UNSEEN, **tokens),
        *(_task(f"auction-{name}-best", f"{name}/{BEST_OF_N}", **auction) for name in ("gsm8k", "gpqa", "aime")),
        _task("auction-gsm8k-voting", f"gsm8k/{VOTING}", **auction),
        _task("auction-gpqa-best-sampled", f"gpqa/{BEST_OF_N}", demand=QUERIES, **auction),
        _task("auction-held-out", SEEN, UNSEEN, **auction),
    )


SUITES: dict[str, tuple[Task, ...]] = {"ttc-lite-v0": LITE, "ttc-main-v0": _main()}
