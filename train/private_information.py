"""Train learners where every provider sees its own part of the query only, and hold them against the exact auction.

    python train/private_information.py                          # PPO on the recorded nano questions, ten seeds
    python train/private_information.py --market gsm8k/majority_voting --kappa 2 --rho 0.5     # the model of quality

Prints welfare and user value over those of honest bids, Bayesian NashConv over profit, and how far bids are from the
truth; beside that the last of these where the same market is fixed. Writes below `runs/private/`: seeds.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `train`

import numpy as np
import tyro
from rich.progress import Progress

import ttc_env
from agents import find_class, make_learner
from train.market_options import MarketArgs, MarketOptions
from ttc_env import Mixture, VectorMarket
from ttc_env.equilibrium import PrivateGame
from ttc_env.playing import play_types
from ttc_env.scripting.console import console, errors_in_one_line
from ttc_env.scripting.threads import use_threads

if TYPE_CHECKING:
    import pandas as pd

    from agents import Learner

FIGURES = ("welfare_ratio", "user_value_ratio", "relative_nash_conv", "truthfulness_gap", "fixed_truthfulness_gap")


@dataclass
class Args:
    """Learners in the second-price auction with private information."""

    market: str = "nano/majority_voting"
    """name of a market, or the path of a table; the types are its recorded questions where it is of the nano models or
    --market.questions is given, and types of the model otherwise"""
    beta: float = 1000.0
    """user rationality, 1/USD"""
    algorithm: str = "ppo"
    """a learner by name, or package.module:Class"""
    steps: int = 300_000
    """agent steps of each seed"""
    num_seeds: int = 10
    """seeds 0, 1, ..."""
    num_markets: int = 64
    """copies that each learner plays at once"""
    kappa: float = 2.0
    """of the model: how alike queries are to a provider"""
    rho: float = 0.5
    """of the model: how alike they are between providers"""
    num_types: int = 100
    """of the model"""
    out: Path = Path("runs/private")
    """folder for seeds.csv"""
    offers: MarketArgs = field(default_factory=MarketOptions)
    """what else describes the market"""


def main(args: Args) -> pd.DataFrame:
    """Train, print and write; returns a row for each seed."""
    import pandas as pd

    mixture = query_types(args)  # raises on bad arguments before anything is written
    several = getattr(
        find_class(args.algorithm), "takes_seeds", False
    )  # which learn side by side, several times as fast
    seeds = list(range(args.num_seeds))
    use_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    tables = []
    with Progress(console=console) as progress:
        for prefix, played in (("", mixture), ("fixed_", Mixture([mixture.mean_market]))):
            game, rows = PrivateGame(played), []
            task = progress.add_task("fixed market" if prefix else "types", total=args.steps * len(seeds))
            for group in [seeds] if several else [[seed] for seed in seeds]:
                for plan in trained(args, played, group, partial(progress.advance, task)):
                    rows.append({prefix + name: value for name, value in game.figures(plan).items()})
            tables.append(pd.DataFrame(rows, index=pd.Index(seeds, name="seed")))
    table = pd.concat(tables, axis=1)
    table.to_csv(args.out / "seeds.csv")
    for name in FIGURES:
        factor, unit = (1000, " USD per 1,000 queries") if name.endswith("truthfulness_gap") else (100, " %")
        values = factor * table[name]
        console.print(f"{name}: mean {values.mean():.3f}, from {values.min():.3f} to {values.max():.3f}{unit}")
    console.print(f"types: {mixture.label}; written to [bold]{args.out}[/bold]")
    return table


def query_types(args: Args) -> Mixture:
    """The recorded questions of a market, or the model around it."""
    recorded = args.market.startswith("nano/") or args.offers.questions
    market = replace(args.offers, questions=recorded).load(args.market, args.beta)
    if isinstance(market, Mixture):
        return market
    return ttc_env.model_quality(market, args.kappa, args.rho, args.num_types, seed=0)


def trained(args: Args, mixture: Mixture, seeds: list[int], told: Callable[[int], None]) -> list[np.ndarray]:
    """What learners trained with these seeds, side by side if several, do on every type, greedily, `(T, n, c)` each.

    After every update `told` is given the agent steps of all of them.
    """
    information = "private" if mixture.num_types > 1 else None
    played = mixture if information else mixture.mean_market

    def make_env(num_markets: int, **options: Any) -> VectorMarket:
        return VectorMarket(played, "second_price", num_markets, information=information, **options)

    def make_training_env(**options: Any) -> VectorMarket:
        return make_env(args.num_markets * len(seeds), **options)

    seed = seeds[0] if len(seeds) == 1 else seeds
    learner: Any = make_learner(args.algorithm, make_training_env, args.steps, seed)
    while learner.steps < args.steps:
        before = learner.steps
        learner.update()
        told((learner.steps - before) * len(seeds))
    runs = [learner] if len(seeds) == 1 else [learner.run(k) for k in range(len(seeds))]
    return [strategy(make_env(mixture.num_types), run) for run in runs]


def strategy(env: VectorMarket, learner: Learner) -> np.ndarray:
    """What a learner does on every type after one past, `(T, n, c)`; a copy of the market for each type."""

    def act(observations: np.ndarray) -> np.ndarray:
        return np.asarray(learner.act(observations, greedy=True))

    if env.game.dynamics is not None:
        return play_types(env, act)
    observations, _ = env.reset(0)
    for _ in range(10):
        observations = env.step(act(observations))[0]
    return act(observations)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
