"""Do they collude? Sessions of learners on a market, and what the literature on algorithmic collusion asks of them.

    python train/collusion.py                                              # Calvano et al. 2020, 100 sessions
    python train/collusion.py --sessions 1000 --config.decay 1e-5          # more of them, less exploration
    python train/collusion.py --map.learning-rate .05 .1 .2 --map.decay 1e-6 4e-6 1e-5  # a map
    python train/collusion.py --market gsm8k/majority_voting --mechanism per_token \\
        --market.providers 1 6 8 --beta 10000
    python train/collusion.py --market common-value --mechanism first_price --actions prices --tie-draws 2
    python train/collusion.py --regulator.rule cap --regulator.bound 7       # what would a price cap change?
    python train/collusion.py --algorithm ppo --sessions 20                  # any learner of agents, same exact tests
    python train/collusion.py --algorithm language --config.model NAME --sessions 5    # language models, by their play

Every finished session is a line of `runs/collusion/<name>/sessions.jsonl`, on disk as soon as it is known. The same
command goes on where it was stopped, however it was stopped. Each batch has controls: the same learners without memory
and without patience, who cannot punish. High profits that they reach as well prove no collusion: they are labelled
spurious.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`
sys.path.append(os.getcwd())  # mechanisms of your own

import numpy as np
import tyro

from agents import ALGORITHMS, ASKING, default_config, find_class
from agents.compiled.loop import is_compiled
from agents.compiled.q_learning import SessionConfig
from agents.together import learns
from train.comparison.filling import fill_store, finished, one_by_one
from train.market_options import MarketArgs, MarketOptions, options_named
from train.sessions.cell import VARIANTS, Cell, Setting, run_cell, tables
from train.sessions.regulation import Regulation
from train.sessions.report import label_of, print_summaries, summarize, verdict, write_sessions
from train.sessions.spoken import Talk
from train.sessions.trained import Training
from ttc_env.mechanisms import MECHANISMS, PostedPrice, make_mechanism
from ttc_env.scripting.console import errors_in_one_line, say
from ttc_env.scripting.files import file_name, write_text

Rule = TypeVar("Rule")
Config = TypeVar("Config")
TABLE = "q-learning"
"""who learns on the payoff table itself, compiled; all others of `agents.ALGORITHMS` learn in the market"""


@dataclass
class Map:
    """All combinations of these take the place of the ones in `config`."""

    learning_rate: tuple[float, ...] = ()
    """learning rates"""
    decay: tuple[float, ...] = ()
    """decays of exploration"""


@dataclass
class Args(Generic[Rule, Config]):
    """Sessions of learners on a market, and what the literature on algorithmic collusion asks of them."""

    market: str = "bertrand-logit"
    """one of ttc_env.list_markets(), the path of a CSV table, or of the literature: bertrand-logit, bertrand-logit-3,
    bertrand-logit-4 (of three and four firms), common-value"""
    mechanism: str = "posted_price"
    """how the market is cleared: a name of ttc_env.mechanisms.MECHANISMS, or your own as package.module:Class"""
    beta: float | None = None
    """user rationality, 1/USD; by default the market's own"""
    actions: Literal["all", "prices"] = "all"
    """what the providers may do; `prices` are those of the efficient level, claims being honest"""
    tie_draws: int = 1
    """settle ties by one of so many draws, as many as there may be tied bidders; 1 for their expectation"""
    algorithm: str = TABLE
    """who learns: q-learning, on the payoff table; or another of agents.ALGORITHMS, in the market itself"""
    discount: float = 0.95
    """patience of learners other than q-learning, who have a gamma, and with which what they learn is judged"""
    steps: int = 500_000
    """agent steps of learners other than q-learning: periods x markets x providers"""
    num_markets: int = 64
    """copies of the market that learners other than q-learning play at once"""
    max_cycles: int = 100
    """periods per episode of learners other than q-learning"""
    learners: tuple[str, ...] = ()
    """seats of the algorithm, where it is not q-learning; by default all"""
    opponents: str = "nash"
    """what the other seats do: another learner by its name; against players who are asked in words nash, best_response,
    random, or what a run has learnt, by its folder"""
    sessions: int = 100
    """of each batch, with consecutive seeds"""
    controls: int | None = None
    """sessions of each control; by default a tenth, and at least ten, of those of the learners; 0 for none"""
    first_seed: int = 0
    """the first of the consecutive seeds"""
    jobs: int = os.cpu_count() or 1
    """sessions at a time; each takes one core"""
    backend: Literal["processes", "serial", "ray"] = "processes"
    """where sessions run; the numbers are the same everywhere"""
    address: str | None = None
    """of the Ray cluster, such as auto or ray://host:10001; by default a local one is started"""
    out: Path = Path("runs/collusion")
    """where the folder goes"""
    name: str | None = None
    """folder below --out, by default made from market and mechanism"""
    figures: bool = True
    """draw the figures"""
    map: Map = field(default_factory=Map)
    """a map of learning rates and decays"""
    config: Config = field(default_factory=SessionConfig)  # type: ignore[assignment]
    """how the providers learn"""
    regulator: Regulation = field(default_factory=Regulation)
    """a rule on top of the market, for q-learning"""
    offers: MarketArgs = field(default_factory=MarketOptions)
    """what else describes the market"""
    rule: Annotated[Rule, tyro.conf.arg(name="mechanism")] = field(default_factory=PostedPrice)  # type: ignore[assignment]
    """options of the mechanism"""

    def setting(self) -> Setting:
        """The market, its rules, and what the providers may do."""
        options = asdict(self.rule) if is_dataclass(self.rule) else {}  # type: ignore[arg-type]
        market = str(self.offers.description(self.market))
        return Setting(
            market, self.mechanism, json.dumps(options), self.beta, self.actions, self.tie_draws, self.regulator
        )

    def batches(self) -> list[SessionConfig | Training | Talk]:
        """How the learners of each batch learn: one, or all of the map.

        Raises:
            ValueError: options that are of q-learning alone.
        """
        if not isinstance(self.config, SessionConfig):
            for option, given in (("map.learning-rate", self.map.learning_rate), ("map.decay", self.map.decay)):
                if given:
                    raise ValueError(f"--{option} is of q-learning alone, and the algorithm is {self.algorithm}")
            if self.regulator.rule != "none" or self.actions != "all" or self.tie_draws != 1:
                raise ValueError(
                    f"{self.algorithm} plays in the market itself: --regulator.rule, --actions and --tie-draws are of "
                    "q-learning, which plays on a payoff table"
                )
            if hasattr(find_class(self.algorithm), "played"):
                talk = Talk(self.algorithm, self.config, self.steps, self.max_cycles, self.learners, self.opponents)
                return [talk]
            if self.learners and not learns(self.opponents):
                raise ValueError(f"--opponents of {self.algorithm} must be another learner, got {self.opponents!r}")
            along = (self.learners, self.opponents) if self.learners else ((), "")
            return [
                Training(
                    self.algorithm, self.config, self.discount, self.steps, self.num_markets, self.max_cycles, 1, *along
                )
            ]
        rates = self.map.learning_rate or (self.config.learning_rate,)
        decays = self.map.decay or (self.config.decay,)
        return [replace(self.config, learning_rate=rate, decay=decay) for rate, decay in product(rates, decays)]

    def cells(self, config: SessionConfig | Training | Talk) -> list[Cell]:
        """The sessions of a batch and of its controls.

        Raises:
            ValueError: less than one session.
        """
        if self.sessions < 1 or self.jobs < 1 or (self.controls is not None and self.controls < 0):
            raise ValueError(f"sessions and jobs must be at least 1, got {self.sessions} and {self.jobs}")
        controls = max(10, self.sessions // 10) if self.controls is None else self.controls
        if isinstance(config, Talk):
            controls = 0  # nobody takes memory or patience from them
        counts = {variant: self.sessions if variant == "learners" else controls for variant in VARIANTS}
        return [
            Cell(self.setting(), config, variant, self.first_seed + seed)
            for variant, count in counts.items()
            for seed in range(count)
        ]


def main(args: Args[Any, Any]) -> int:
    """Run what is missing and report; returns how many sessions failed."""
    with options_named():
        tables(args.setting())  # raises on bad arguments before anything is written
    batches = [args.cells(config) for config in args.batches()]
    label = args.offers.description(args.market).label()
    folder = args.out / (args.name or file_name(f"{label}-{args.mechanism}".replace(":", ".")))
    folder.mkdir(parents=True, exist_ok=True)
    if args.algorithm == TABLE and not is_compiled():
        say(
            ("numba is not installed, and sessions run some hundred times slower: ", "yellow"),
            "pip install -e '.[fast]'",
        )
    store = folder / "sessions.jsonl"
    cells = [cell for batch in batches for cell in batch]
    work = partial(one_by_one, partial(run_cell, folder=folder))
    failed = fill_store(work, cells, store, _key, args.market, _name, args.jobs, args.backend, args.address)
    report(args, folder, batches, finished(store, _key))
    say("\nwritten to ", (folder, "bold"))
    return failed


def _name(cell: Cell) -> str:
    return f"{cell.variant}, seed {cell.seed}"


def _key(record: dict[str, Any]) -> str:
    return json.dumps(record["cell"], sort_keys=True)


def report(args: Args[Any, Any], folder: Path, batches: list[list[Cell]], records: dict[str, dict[str, Any]]) -> None:
    """The tables of every batch in the terminal and as files, and the figures."""
    summaries, ordered = [], []
    for cells in batches:
        found = [records[cell.key] for cell in cells if cell.key in records]
        if not any(record["cell"]["variant"] == "learners" for record in found):
            continue
        ordered += found
        batch = {
            variant: summarize(some)
            for variant in VARIANTS
            if (some := [record for record in found if record["cell"]["variant"] == variant])
        }
        config = asdict(cells[0].config)
        print_summaries(f"{args.market}, {args.mechanism}, {label_of(config)}", batch)
        summaries.append({"config": config, "verdict": verdict(batch), **batch})
    write_sessions(folder / "sessions.csv", ordered)
    write_text(folder / "summary.json", json.dumps(summaries, indent=1) + "\n")
    if summaries:
        from train.reporting.kinds import write_report

        write_report([folder])
    if args.figures and summaries and "deviations" in summaries[0]["learners"]:
        draw(args, folder, summaries)


def draw(args: Args[Any, Any], folder: Path, summaries: list[dict[str, Any]]) -> None:
    """Impulse responses of the first batch, and the map if there is one."""
    from train.sessions.figures import draw_map, draw_responses

    draw_responses(folder / "responses.png", summaries[0]["learners"]["deviations"])
    if len(args.batches()) == len(summaries) > 1:
        rates, decays = (
            list(dict.fromkeys(getattr(config, name) for config in args.batches()))
            for name in ("learning_rate", "decay")
        )
        gains = np.array([summary["learners"]["gain"][0] for summary in summaries]).reshape(len(rates), len(decays))
        draw_map(folder / "map.png", rates, decays, gains)


def read_arguments(words: list[str]) -> Args[Any, Any]:
    """The arguments of a command line; the mechanism says which options of its own there are."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--mechanism", default=Args.mechanism)
    first.add_argument("--algorithm", default=Args.algorithm)
    chosen = first.parse_known_args(words)[0]
    rule = make_mechanism(chosen.mechanism)
    config = SessionConfig() if chosen.algorithm == TABLE else default_config(chosen.algorithm)
    description = f"{__doc__}\nAlgorithms: {', '.join(ALGORITHMS)}.\nMechanisms: {', '.join(MECHANISMS)}."
    fixed = tyro.conf.Fixed if not is_dataclass(rule) else None  # what has no options is made and no more
    kind = Annotated[type(rule), fixed] if fixed else type(rule)
    usual: dict[str, Any] = (
        {"steps": 600, "max_cycles": 300} if chosen.algorithm in ASKING else {}
    )  # whose every step is paid for
    default = Args(rule=rule, config=config, **usual, **vars(chosen))
    form: Any = Args[kind, type(config)]  # type: ignore[valid-type, misc]
    return tyro.cli(form, args=words, default=default, description=description)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(resumable=True):
        return 1 if main(read_arguments(words)) else 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
