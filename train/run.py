"""Train all providers of a market and hold what they learn against the exact equilibrium.

    python train/run.py                                                   # per-token pricing, nine providers
    python train/run.py --mechanism second_price --market gpqa/best_of_n  # the auction
    python train/run.py --market own.csv --market.answer-value 0.01       # a table of your own
    python train/run.py --num-seeds 10                                    # ten runs and their summary
    python train/run.py --algorithm hedge --help                          # a learner and its hyper-parameters
    python train/run.py --learners 0 3 --opponents best_response          # two learn, the others are scripted
    python train/run.py --learners 0 --opponents runs/NAME                # against what a run has learnt: train/play.py
    python train/run.py --dynamics loyalty --dynamics.cost 0.004          # users who stay with their provider
    python train/run.py --algorithm language --config.model NAME --dry-run  # what a language model would be asked
    python train/run.py --resume runs/NAME                                # go on with a run that was stopped or killed

Writes `runs/<name>/`: report.html, config.json, metrics.csv, TensorBoard events, summary.json, checkpoints and figures.
Ctrl-C or SIGTERM stops training and reports what was learnt so far; however a run ended, --resume goes on with it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`
sys.path.append(os.getcwd())  # learners of your own

import tyro

from agents import ALGORITHMS, ASKING, Learner, NoConfig, default_config, find_class, make_learner
from agents.checkpoints import latest
from agents.frozen import check_opponents, find_opponents
from agents.parts.checks import check_device, not_negative
from agents.resuming import can_resume, get_state, set_state
from agents.training import NotFinite, advance
from train.console_tables import (
    live_progress,
    print_forecast,
    print_play,
    print_provider_table,
    print_seed_table,
    print_summary,
)
from train.folders import CONFIG, held, new_folder, old_folder
from train.market_options import MarketArgs, MarketOptions
from ttc_env import VectorMarket
from ttc_env.batch import one_market
from ttc_env.checks import whole
from ttc_env.describing import describe
from ttc_env.dynamics import DYNAMICS, make_dynamics
from ttc_env.envs.seats import Seats
from ttc_env.judging import judge, markov_game
from ttc_env.mechanisms import MECHANISMS, PerToken, make_mechanism
from ttc_env.metrics import evaluate, replay
from ttc_env.scripting.console import errors_in_one_line, say
from ttc_env.scripting.files import file_name
from ttc_env.scripting.signals import undivided

if TYPE_CHECKING:
    from train.record import RunFolder  # loads TensorBoard, which no wrong argument should wait for

KNOWN = {"Algorithms": (*ALGORITHMS, *ASKING), "Mechanisms": MECHANISMS, "Dynamics": ("none", *DYNAMICS)}
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
    """one of agents.ALGORITHMS, language, or a class of your own as package.module:Class"""
    learners: tuple[str, ...] = ()
    """providers that learn, by name or index; by default all"""
    dynamics: str = "none"
    """what is carried over: a name of ttc_env.dynamics.DYNAMICS, or your own as package.module:Class"""
    opponents: str = "nash"
    """what the providers do that do not learn: nash, best_response, random, or what a run has learnt, by its folder"""
    seed: int = 0
    """of networks, actions and markets; the first one if there are several"""
    num_seeds: int = 1
    """runs with consecutive seeds, one after another"""
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
    """CPU threads of torch; small networks are fastest with one"""
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
            **backend,
        )
        if not self.learners:
            return env
        return Seats(env, self.learners, find_opponents(self.opponents))

    def make_learner(self, seed: int) -> Learner:
        """The learner of these arguments."""
        make_env = partial(self.make_env, self.num_markets)
        return make_learner(self.algorithm, make_env, self.steps, seed, device=self.device, config=self.config)

    def default_name(self) -> str:
        """A folder name from the arguments that matter most."""
        market = self.offers.description(self.market).label()
        seeds = f"seed{self.seed}" if self.num_seeds == 1 else f"seeds{self.seed}-{self.seed + self.num_seeds - 1}"
        who = f"-{len(self.learners)}learn-{Path(self.opponents).name}" if self.learners else ""
        mechanism, algorithm = (name.replace(":", ".") for name in (self.mechanism, self.algorithm))
        if self.carried is not None:
            mechanism += f"-{self.dynamics.replace(':', '.')}"
        return file_name(f"{market}-{mechanism}-beta{self.beta:g}-{algorithm}{who}-{seeds}")

    def to_dict(self) -> dict[str, Any]:
        """All of it in types that JSON has, the market as `describe` takes it; `arguments_of` gives it back."""
        found = asdict(self) | {"out": str(self.out), "market": self.offers.description(self.market).plain()}
        del found["offers"]
        return found

    def check(self) -> None:
        """Refuse numbers that make no sense, in a moment; the market refuses its own.

        Raises:
            ValueError: naming it.
        """
        for name in ("num_seeds", "steps", "eval_every"):
            whole(name, getattr(self, name))
        whole("seed", self.seed, least=0)
        check_opponents(self.opponents)
        if self.carried is not None and self.learners:
            raise ValueError(
                "with --dynamics all providers are judged together, so all must learn; leave out --learners"
            )
        most = os.cpu_count() or 1
        if not 1 <= self.threads <= most:
            raise ValueError(f"threads must be from 1 to {most}, the cores of this machine, got {self.threads}")
        check_device(self.device)
        not_negative(self, "checkpoint_seconds")


def main(args: Args, resume: Path | None = None) -> dict[str, Any]:
    """Train with every seed; returns the summary that is written, of the single run or over the seeds.

    Args:
        args: of the run.
        resume: its folder, to go on from its last checkpoints; what is finished there is not done again.
    """
    args.check()
    env = args.make_env(1, dtype="float64")  # raises on bad arguments before anything is written
    if args.dry_run:
        return dry_run(args)
    if args.carried is not None:
        markov_game(env)  # raises where that has more states than can be judged
    if env.game.dynamics is not None and hasattr(find_class(args.algorithm), "played"):
        raise ValueError(
            f"{args.algorithm} is judged by the play it has shown, and what carries something over by what is done in "
            "every state; play a market without dynamics or query types"
        )
    config = args.to_dict() | {"providers": env.market.providers, "level_grid": env.market.levels}
    import torch  # from here on, things that take seconds to load

    from train.record import RunFolder, market_tables

    torch.set_num_threads(args.threads)
    place = old_folder(resume) if resume else new_folder(args.out, args.name or args.default_name(), args.overwrite)
    with place as folder, ExitStack() as ending:
        seeds = range(args.seed, args.seed + args.num_seeds)
        top = RunFolder(folder, None if resume else config)
        if not resume:
            top.write_json("market.json", market_tables(env.market))
        ending.callback(os.close, held(folder))
        runs: list[dict[str, Any]] = []
        seconds: list[float] = []
        for seed in seeds:
            started = time.perf_counter()
            single = top
            if args.num_seeds > 1:
                path = folder / f"seed{seed}"
                known = resume is not None and (path / CONFIG).exists()
                single = RunFolder(path, None if known else config | {"seed": seed})
            with single:
                runs.append(train(args, seed, env, single))
            seconds.append(time.perf_counter() - started)
            if runs[-1]["interrupted"]:
                break
        if args.num_seeds == 1:
            (summary,) = runs
            print_provider_table(env.market, summary)
            print_summary(env.market, summary, seconds[0])
            if "play" in summary:
                print_play(env.market, summary["play"])
        else:
            summary = print_seed_table(runs, seconds)
            top.write_json("summary.json", summary)
        from train.reporting.kinds import write_report

        report = write_report([folder])
    say("\nwritten to ", (folder, "bold"), "; to look at it, open ", (report, "bold"))
    return summary


def train(args: Args, seed: int, env: VectorMarket | Seats, folder: RunFolder) -> dict[str, Any]:
    """One run: train, evaluate on the way, and write everything down, what matters most first."""
    before = folder.path / "summary.json"
    if before.exists() and not (done := json.loads(before.read_text(encoding="utf-8")))["interrupted"]:
        return done
    learner = args.make_learner(seed)
    with ExitStack() as ending:
        ending.callback(getattr(learner, "close", lambda: None))
        getattr(learner, "keep_in", lambda path: None)(folder.path)
        return follow(args, seed, env, folder, learner)


def follow(args: Args, seed: int, env: VectorMarket | Seats, folder: RunFolder, learner: Learner) -> dict[str, Any]:
    """Train a learner to the end, and write everything down."""
    course = Course(args, learner, folder)
    greedy: Callable[[Any], Any] = lambda observations: learner.act(observations, greedy=True)  # noqa: E731
    shows = getattr(learner, "played", None)

    def measure(periods: int) -> dict[str, Any]:
        if shows is not None:
            return evaluate(env, replay(one_market(env.market), env.game.mechanism, shows(periods)))
        return judge(env, greedy, periods, getattr(learner, "enter", None))

    interrupted = False
    try:
        course.learn(f"{args.algorithm} seed {seed}", lambda: measure(10), from_the_start=shows is None)
    except KeyboardInterrupt:
        if shows is not None and learner.steps == 0:
            raise  # nothing was played, so there is nothing to report
        interrupted = True
        say(("stopped; reporting what was learnt so far", "yellow"))
    final = measure(args.max_cycles)
    report = learner.report() if hasattr(learner, "report") else {}
    if (path := report.pop("path", None)) is not None:
        folder.write_columns("path.csv", path)
    summary = {
        "market": args.market,
        "mechanism": args.mechanism,
        "dynamics": args.dynamics,
        "beta": env.market.beta,
        "algorithm": args.algorithm,
        "seed": seed,
        "agent_steps": learner.steps,
        "interrupted": interrupted,
        "demand": env.game.demand,
    } | final
    if report:
        summary["play"] = report
    folder.write_json("summary.json", summary)
    course.save()

    from train.figures import draw_outcome, draw_training  # a second to load, which is lost where a run fails

    draw_training(folder.path / "training.png", env.market, folder.rows, final)
    draw_outcome(folder.path / "outcome.png", env.market, final)
    return summary


def dry_run(args: Args) -> dict[str, Any]:
    """Say what a player would ask a server, and ask nothing.

    Raises:
        ValueError: a learner that asks nothing.
    """
    if not hasattr(find_class(args.algorithm), "forecast"):
        raise ValueError(f"dry-run is for players who ask a server, such as language; {args.algorithm} asks nothing")
    learner: Any = args.make_learner(args.seed)
    found = learner.forecast(args.steps).times(args.num_seeds)
    print_forecast(found)
    return found._asdict()


class Course:
    """The course of a training: from its last checkpoint, if the folder has one, to its end.

    Args:
        args: of the run.
        learner: newly made.
        folder: of the run; rows of metrics and checkpoints go there.
    """

    def __init__(self, args: Args, learner: Learner, folder: RunFolder) -> None:
        self.args, self.learner, self.folder = args, learner, folder
        self.updates, self.whole = 0, True
        if any(folder.path.glob("checkpoint*")):
            if not can_resume(learner):
                raise ValueError(f"{args.algorithm} keeps no state to go on from: it lacks get_state and set_state")
            state = latest(folder.path)
            set_state(learner, state["learner"])
            folder.go_on(state["rows"])
            self.updates = state["updates"]
        else:  # it was killed before its first checkpoint
            folder.clear()

    def save(self) -> None:
        """Write a checkpoint, unless the learner was stopped amid an update: then the last one stays."""
        if self.whole:
            state = get_state(self.learner) if can_resume(self.learner) else {"learnt": self.learner.state_dict()}
            self.folder.save({"learner": state, "updates": self.updates})

    def learn(self, title: str, measure: Callable[[], dict[str, Any]], from_the_start: bool = True) -> None:
        """Update until the steps are used up, writing a row of metrics at every evaluation, and one before if asked."""
        args, learner, folder = self.args, self.learner, self.folder
        started = saved = time.perf_counter()
        with live_progress(args.steps, title) as show:
            if from_the_start and not folder.rows:
                with undivided():
                    folder.log(0, 0.0, measure(), {})
            while learner.steps < args.steps:
                with undivided():
                    self.whole = False
                    losses = advance(learner, self.updates + 1)
                    self.updates += 1
                    if self.updates % args.eval_every == 0 or learner.steps >= args.steps:
                        figures, seconds = measure(), time.perf_counter() - started
                        folder.log(learner.steps, seconds, figures, losses)
                        show(learner.steps, figures)
                    self.whole = True
                    if time.perf_counter() - saved >= args.checkpoint_seconds and learner.steps < args.steps:
                        self.save()
                        saved = time.perf_counter()


def read_arguments(words: list[str]) -> Args[Any, Any, Any]:
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
    args = tyro.cli(kind, args=words, default=default, description="\n".join([str(__doc__), *names]))
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
        config = json.loads((run / CONFIG).read_text(encoding="utf-8"))
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


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(NotFinite):
        if "--resume" in words:
            if len(words) != 2 or words[0] != "--resume":
                raise ValueError("--resume takes the folder of a run and no other arguments: those of the run are used")
            main(arguments_of(Path(words[1])), Path(words[1]))
        else:
            main(read_arguments(words))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
