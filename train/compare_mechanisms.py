"""Who gains from which rule: markets under every mechanism at their exact equilibria, with 95 % intervals.

    python train/compare_mechanisms.py                  # 12 markets, 3 mixtures, beta 200, 1000 and 100000: minutes
    python train/compare_mechanisms.py --num-draws 20   # coarser intervals
    python train/compare_mechanisms.py --market own.csv --market.answer-value 0.01 --num-questions 500

Mechanisms: per token, posted price, first and second price with complete information, second price with private
information. What is private is recorded for the nano markets, and for a market of your own with --market.questions;
a model for the others (`ttc_env.model_quality`).
Writes below `runs/mechanisms/`: quantities.csv, differences.csv (to per-token pricing), providers.csv, and a figure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `train`

import numpy as np
import tyro
from rich.progress import Progress
from rich.table import Table

import ttc_env
from train.market_options import MarketArgs, MarketOptions, options_named
from train.mechanism_study import (
    BY_BIDS,
    BY_CHOICE,
    Cleared,
    average,
    private_second_price,
    quantities,
    split_losses,
    stack,
)
from ttc_env import equilibrium
from ttc_env.checks import whole
from ttc_env.describing import MarketDescription, describe
from ttc_env.markets import Markets
from ttc_env.markets import stack as stack_markets
from ttc_env.scripting.console import console, errors_in_one_line

if TYPE_CHECKING:
    import pandas as pd  # takes a second to load, which no wrong argument should wait for

QUESTIONS = {"gsm8k": 1319, "gpqa": 198, "aime": 30, "nano": 200}  # that the accuracies are means of
PUBLISHED = ("gsm8k", "gpqa", "aime")
PRIVATE = "private_second_price"
LABELS = {
    "user_value": "user value (noise in choices: mistakes)",
    "user_surplus": "user value (noise in choices: tastes)",
    "payment": "payment per served query",
    "profit": "profit of all providers",
    "welfare": "welfare (mistakes)",
}
COMPARED = tuple(LABELS)
TIE = 1e-9  # USD
Results = dict[tuple[str, float], Cleared]  # by mechanism and beta; first axis: as measured, then the draws


class Study(NamedTuple):
    """A market to compare on: as it stands in tables, its description, and questions its accuracies are means of."""

    name: str
    description: MarketDescription
    num_questions: int

    @property
    def recorded(self) -> bool:
        """Whether the recorded questions are the types."""
        return self.description.questions or self.name.startswith("nano/")

    def load(self) -> ttc_env.Market:
        """The market.

        Raises:
            ValueError: it is a mixture, or what `load_market` refuses.
        """
        with options_named():
            market = replace(self.description, questions=False).load()
        if not isinstance(market, ttc_env.Market):
            raise ValueError(f"--market must be one market, got the mixture {self.name}")
        return market

    def types(self) -> ttc_env.Mixture:
        """The recorded questions as types."""
        with options_named():
            market = replace(self.description, questions=True).load()
        assert isinstance(market, ttc_env.Mixture)
        return market


@dataclass
class Args:
    """Compare mechanisms on every shipped market, or on one."""

    market: str | None = None
    """name of a market, or the path of a table of your own; by default every shipped one"""
    num_questions: int | None = None
    """questions that the accuracies of your own table are means of, for the intervals"""
    out: Path = Path("runs/mechanisms")
    """folder for tables and figures; files of the same names are replaced"""
    betas: tuple[float, ...] = (200.0, 1000.0, 100000.0)
    """rationality of the users, 1/USD"""
    num_draws: int = 100
    """markets drawn from the posterior for the intervals"""
    kappa: float = 2.0
    """how alike queries are to a provider, in the model of private quality"""
    rho: float = 0.5
    """how alike they are between providers, in the model of private quality"""
    num_types: int = 100
    """query types of the model"""
    seed: int = 0
    """of draws and types"""
    offers: MarketArgs = field(default_factory=MarketOptions)
    """what else describes the market"""

    def studies(self) -> list[Study]:
        """The markets to compare on.

        Raises:
            ValueError: options of one market and no market, or nobody knows how many questions it was measured on.
        """
        if self.market is None:
            if self.offers != MarketOptions() or self.num_questions is not None:
                raise ValueError("the options --market.NAME and --num-questions describe one market; name it, --market")
            return [Study(name, describe(name), QUESTIONS[name.split("/")[0]]) for name in ttc_env.list_markets()]
        description = self.offers.description(self.market)
        known = QUESTIONS.get(self.market.split("/")[0]) if self.market in ttc_env.list_markets() else None
        if self.num_questions is None and known is None:
            raise ValueError(f"--num-questions (that the accuracies are means of) must be given for {self.market}")
        name = self.market if self.market == description.plain() else description.label()
        return [Study(name, description, whole("num_questions", known or self.num_questions))]


def main(args: Args) -> pd.DataFrame:
    """Compute, print and write everything; returns the differences to per-token pricing."""
    started = time.perf_counter()
    if args.num_draws < 2:
        raise ValueError(f"num_draws must be at least 2, got {args.num_draws}")
    studies = args.studies()
    providers = {study.name: study.load().providers for study in studies}  # raises on bad arguments
    import pandas as pd

    from train.mechanism_figures import draw_differences
    from train.reporting.kinds import write_report

    args.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Results] = {}
    with Progress(console=console) as progress:
        modelled = sum(not study.recorded for study in studies)
        task = progress.add_task("markets", total=modelled * (1 + args.num_draws))
        for study in studies:
            results[study.name] = solve(study, args, lambda: progress.advance(task))
    for name in ttc_env.list_mixtures() if args.market is None else ():
        parts = [f"{benchmark}/{name.split('/')[1]}" for benchmark in PUBLISHED]
        found = [results[part] for part in parts]
        results[name] = {cell: average(stack([part[cell] for part in found])) for cell in found[0]}
        providers[name] = providers[parts[0]]
    rows = [tabulate(name, found, providers[name]) for name, found in results.items()]
    tables = {frame: pd.DataFrame([row for some in rows for row in some[frame]]) for frame in rows[0]}
    for frame, table in tables.items():
        table.to_csv(args.out / f"{frame}.csv", index=False)
    draw_differences(args.out / "differences.png", tables["differences"])
    write_report([args.out])
    print_counts(tables["differences"])
    console.print(f"written to [bold]{args.out}[/bold] in {time.perf_counter() - started:.0f} s")
    return tables["differences"]


def solve(study: Study, args: Args, advance: Callable[[], None]) -> Results:
    """Every mechanism on the market as measured and as drawn."""
    rng, market = np.random.default_rng(args.seed), study.load()
    drawn = equilibrium.posterior_markets(market, study.num_questions, args.num_draws, rng)
    markets = stack_markets([market, *drawn])
    results = {
        (mechanism, beta): play(replace(markets, beta=beta))
        for beta in args.betas
        for mechanism, play in BY_CHOICE.items()
    }
    auctions = {mechanism: play(markets) for mechanism, play in BY_BIDS.items()}
    auctions[PRIVATE] = (
        recorded(study.types(), args.num_draws, rng) if study.recorded else modelled(markets, args, advance)
    )
    return results | {(mechanism, beta): play for mechanism, play in auctions.items() for beta in args.betas}


def modelled(markets: Markets, args: Args, advance: Callable[[], None]) -> Cleared:
    """The private auction on query types of the model around each market."""
    found = []
    for market in markets:
        types = ttc_env.model_quality(market, args.kappa, args.rho, args.num_types, args.seed)
        found.append(average(private_second_price(types)))
        advance()
    return stack(found)


def recorded(types: ttc_env.Mixture, num_draws: int, rng: np.random.Generator) -> Cleared:
    """The private auction on recorded questions, and on questions drawn from them with replacement."""
    by_question = private_second_price(types)
    size = len(by_question.payment)
    drawn = rng.multinomial(size, np.full(size, 1 / size), num_draws) / size
    return average(by_question, np.concatenate([np.full((1, size), 1 / size), drawn]))


def tabulate(name: str, results: Results, providers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of each table for one market: as measured, and the ends of 95 % intervals."""
    rows: dict[str, list[dict[str, Any]]] = {"quantities": [], "differences": [], "providers": []}
    told = {cell: quantities(cleared) for cell, cleared in results.items()}
    for (mechanism, beta), cleared in results.items():
        cell = {"market": name, "beta": beta, "mechanism": mechanism}
        own, base = told[mechanism, beta], told["per_token", beta]
        extra = split_losses(base, told["second_price", beta]) if own is base else {}
        rows["quantities"] += [cell | {"quantity": key} | spread(value) for key, value in (own | extra).items()]
        if own is not base:
            rows["differences"] += [cell | {"quantity": key} | spread(own[key] - base[key]) for key in COMPARED]
        for i, provider in enumerate(providers):
            for key, table in (("share", cleared.shares), ("profit", cleared.profit)):
                rows["providers"].append(cell | {"provider": provider, "quantity": key} | spread(table[:, i]))
    return rows


def spread(values: np.ndarray) -> dict[str, float]:
    """The value as measured, and the ends of the interval of the draws."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def print_counts(differences: pd.DataFrame) -> None:
    """In how many of the cells each mechanism gives more than per-token pricing, and in how many that is sure."""
    groups = {"published models": PUBLISHED, "nano models": ("nano",), "mixtures": ("mixed",)}
    kinds = {part: kind for kind, parts in groups.items() for part in parts}
    for kind, some in differences.groupby(
        differences.market.str.split("/").str[0].map(kinds).fillna("own"), sort=False
    ):
        cells = len(some[["market", "beta"]].drop_duplicates())
        table = Table(
            title=f"{kind}: against per-token pricing, higher and lower in how many of {cells} cells (surely)"
        )
        table.add_column("")
        for mechanism in some.mechanism.unique():
            table.add_column(mechanism.replace("_", " "), justify="right")
        for quantity in COMPARED:
            texts = []
            for mechanism in some.mechanism.unique():
                own = some[(some.mechanism == mechanism) & (some.quantity == quantity)]
                up, down = (own.value > TIE).sum(), (own.value < -TIE).sum()
                texts.append(f"{up} ({(own.low > TIE).sum()}) / {down} ({(own.high < -TIE).sum()})")
            table.add_row(LABELS[quantity], *texts)
        console.print(table)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
