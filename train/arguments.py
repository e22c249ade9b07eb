"""The arguments of a run: what is trained, in which market, for how long, and where that is written."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro

from agents import NAMED, Learner, NoConfig, default_config, find_class, make_learner
from agents.frozen import check_opponents, find_opponents
from agents.parts.checks import check_device, not_negative
from agents.together import learns, side_by_side
from train.folders import CONFIG
from train.market_options import MarketArgs, MarketOptions
from train.together import alike
from ttc_env import Market, VectorMarket
from ttc_env.checks import whole
from ttc_env.describing import describe
from ttc_env.dynamics import DYNAMICS, make_dynamics
from ttc_env.envs.seats import Seats
from ttc_env.judging import markov_game
from ttc_env.mechanisms import MECHANISMS, PerToken, make_mechanism
from ttc_env.scripting.files import file_name

KNOWN = {"Algorithms": NAMED, "Mechanisms": MECHANISMS, "Dynamics": ("none", *DYNAMICS)}
Config = TypeVar("Config")
Rule = TypeVar("Rule")
Carried = TypeVar("Carried")


@dataclass
class Args(Generic[Config, Rule, Carried]):
    """Train all providers of a market and hold what they learn against the exact equilibrium."""

    market: str = "gsm8k/majority_voting"
    """one of ttc_env.list_markets(), or the path of a CSV table of your own"""
    mechanism: str = "per_token"
    """how the market is cleared: a name of ttc_env.mechanisms.MECHANISMS, or your own as package.module:Class"""
    beta: float = 1000.0
    """user rationality, 1/USD; higher is more rational (published: 200, 1000, 100000)"""
    algorithm: str = "ppo"
    """one of agents.ALGORITHMS, language, reader (per-token pricing), or a class of your own as package.module:Class"""
    learners: tuple[str, ...] = ()
    """providers that learn, by name or index; by default all"""
    dynamics: str = "none"
    """what is carried over: a name of ttc_env.dynamics.DYNAMICS, or your own as package.module:Class"""
    observe: str = "public"
    """public, or own: providers see their own side of a period, and neither the state nor what the others did"""
    opponents: str = "nash"
    """what the providers do that do not learn: nash, best_response, random, or what a run has learnt, by its folder; or
    another of agents.ALGORITHMS, such as q-learning, which learns along in their seats"""
    seed: int = 0
    """of networks, actions and markets; the first one if there are several"""
    num_seeds: int = 1
    """runs with consecutive seeds; how they are spread over --jobs changes none of them"""
    jobs: int | None = None
    """processes that several seeds are spread over; by default one for each core"""
    steps: int = 500_000
    """agent steps to train: periods x markets x providers"""
    demand: str = "expected"
    """'expected', or the number of queries drawn each period"""
    num_markets: int = 64
    """copies of the market played at once"""
    max_cycles: int = 100
    """periods per episode"""
    device: str = "cpu"
    """torch device, for example cuda"""
    threads: int = 1
    """CPU threads of torch and BLAS; small networks and systems of equations are fastest with one"""
    eval_every: int = 1
    """updates between greedy evaluations"""
    name: str | None = None
    """folder below --out; by default made from market, mechanism, algorithm and seed"""
    out: Path = Path("runs")
    """where run folders go"""
    overwrite: bool = False
    """replace the folder if it exists"""
    dry_run: bool = False
    """for players who ask a server: print a prompt and how many there would be, and ask nothing"""
    checkpoint_seconds: float = 30.0
    """between two checkpoints, from which `--resume runs/NAME` goes on as if nothing had happened"""
    offers: MarketArgs = field(default_factory=MarketOptions)
    """what else describes the market"""
    rule: Annotated[Rule, tyro.conf.arg(name="mechanism")] = field(default_factory=PerToken)  # type: ignore[assignment]
    """options of the mechanism"""
    carried: Annotated[Carried, tyro.conf.arg(name="dynamics")] = None  # type: ignore[assignment]
    """options of the dynamics"""
    config: Config = field(default_factory=NoConfig)  # type: ignore[assignment]
    """hyper-parameters of the algorithm"""

    def make_env(self, num_markets: int, **backend: Any) -> VectorMarket | Seats:
        """The market of these arguments, as those see it who learn."""
        demand = self.demand if not self.demand.isdigit() else int(self.demand)
        env = VectorMarket(
            self.offers.load(self.market, self.beta),
            self.rule,
            num_markets,
            demand=demand,
            max_cycles=self.max_cycles,
            dynamics=self.carried,
            observe=self.observe,
            **backend,
        )
        if not self.learners or learns(self.opponents):
            return env
        return Seats(env, self.learners, find_opponents(self.opponents))

    def make_learner(self, seeds: Sequence[int]) -> Learner:
        """The learner of these arguments; several seeds are as many runs side by side."""
        make_env: Any = partial(self.make_env, self.num_markets * len(seeds))
        if self.learners and learns(self.opponents):
            (seed,) = seeds
            return side_by_side(make_env, self.algorithm, self.config, self.learners, self.opponents, self.steps, seed)
        return make_learner(self.algorithm, make_env, self.steps, seeds, device=self.device, config=self.config)

    @property
    def seeds_alike(self) -> bool:
        """Whether several seeds can learn side by side, each to the last bit what it would learn alone."""
        providers = self.offers.load(self.market, self.beta).num_providers
        return not self.learners and alike(self.algorithm, self.config, providers)

    def default_name(self) -> str:
        """A folder name from the arguments that matter most."""
        market = self.offers.description(self.market).label()
        seeds = f"seed{self.seed}" if self.num_seeds == 1 else f"seeds{self.seed}-{self.seed + self.num_seeds - 1}"
        who = f"-{len(self.learners)}learn-{Path(self.opponents).name}" if self.learners else ""
        mechanism, algorithm = (name.replace(":", ".") for name in (self.mechanism, self.algorithm))
        if self.carried is not None:
            mechanism += f"-{self.dynamics.replace(':', '.')}"
        if self.observe != "public":
            mechanism += f"-{self.observe}"
        return file_name(f"{market}-{mechanism}-beta{self.beta:g}-{algorithm}{who}-{seeds}")

    def to_dict(self, market: Market | None = None) -> dict[str, Any]:
        """All of it in types that JSON has, the market as `describe` takes it; `arguments_of` gives it back.

        Args:
            market: whose providers and levels are written down too.
        """
        found = asdict(self) | {"out": str(self.out), "market": self.offers.description(self.market).plain()}
        del found["offers"]
        return found if market is None else found | {"providers": market.providers, "level_grid": market.levels}

    def judging_env(self) -> VectorMarket | Seats:
        """One market to be judged in.

        Raises:
            ValueError: numbers that make no sense, or a market or learner that cannot be judged, naming what it is.
        """
        self.check()
        env = self.make_env(1, dtype="float64")
        if env.game.dynamics is not None and hasattr(find_class(self.algorithm), "played"):
            markov_game(env)  # raises where there are too many states to be judged by what was shown in each
        return env

    def check(self) -> None:
        """Refuse numbers that make no sense, in a moment; the market refuses its own.

        Raises:
            ValueError: naming it.
        """
        for name in ("num_seeds", "steps", "eval_every"):
            whole(name, getattr(self, name))
        if self.jobs is not None:
            whole("jobs", self.jobs)
        whole("seed", self.seed, least=0)
        along = learns(self.opponents)
        if not along:
            check_opponents(self.opponents)
        if along and (not self.learners or self.device != "cpu"):
            raise ValueError(
                f"opponents {self.opponents} learn along in seats that --learners leaves, on the cpu; say --learners"
            )
        if self.carried is not None and self.learners and not along:
            raise ValueError(
                "with --dynamics all providers are judged together, so all must learn; leave out --learners"
            )
        most = os.cpu_count() or 1
        if not 1 <= self.threads <= most:
            raise ValueError(f"threads must be from 1 to {most}, the cores of this machine, got {self.threads}")
        check_device(self.device)
        not_negative(self, "checkpoint_seconds")


def read_arguments(words: list[str], description: str = "") -> Args[Any, Any, Any]:
    """The arguments of a command line; algorithm, mechanism and dynamics say which options of their own there are."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--algorithm", default=Args.algorithm)
    first.add_argument("--mechanism", default=Args.mechanism)
    first.add_argument("--dynamics", default=Args.dynamics)
    chosen = first.parse_known_args(words)[0]
    config, rule = default_config(chosen.algorithm), make_mechanism(chosen.mechanism)
    carried = NoConfig() if chosen.dynamics == "none" else make_dynamics(chosen.dynamics)  # an option needs a type
    names = (f"{title}: {', '.join(known)}." for title, known in KNOWN.items())
    usual = getattr(config, "ARGUMENTS", {})  # of a learner whose every step is paid for
    default = Args(config=config, rule=rule, carried=carried, **usual, **vars(chosen))
    kind = Args[type(config), _options(rule), _options(carried)]  # type: ignore[misc]
    args = tyro.cli(kind, args=words, default=default, description="\n".join([description, *names]))
    return replace(args, carried=None) if chosen.dynamics == "none" else args


def _options(made: Any) -> Any:
    """The type of what has options; what has none is made and no more."""
    return type(made) if is_dataclass(made) else Annotated[type(made), tyro.conf.Fixed]


def arguments_of(run: Path) -> Args[Any, Any, Any]:
    """The arguments that a run was started with, from its config.json.

    Raises:
        ValueError: the folder is none of a run, or one of another version of this script.
    """
    try:
        config = {"observe": Args.observe, "jobs": Args.jobs} | json.loads((run / CONFIG).read_text(encoding="utf-8"))
        given = {field.name: _tuples(config[field.name]) for field in fields(Args) if field.name != "offers"}
        market = describe(config["market"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{run} is no folder of a run that this version can go on with: {error}") from None
    given["config"] = type(default_config(given["algorithm"]))(**given["config"])
    given["rule"] = make_mechanism(given["mechanism"], **given["rule"])
    if given["carried"] is not None:
        given["carried"] = make_dynamics(given["dynamics"], **given["carried"])
    return Args(**given | {"out": Path(given["out"]), "market": market.source, "offers": MarketOptions.of(market)})


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
