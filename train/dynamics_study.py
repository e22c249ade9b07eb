"""What loyal users, hidden effort and busy servers do to a market, at the exact equilibria, over markets and users.

    python train/dynamics_study.py                                     # every shipped market, three betas
    python train/dynamics_study.py --markets gpqa/best_of_n --betas 1000

For each market the stage game's equilibrium, played for ever, is held against the Markov perfect equilibrium. Prints
the changes in per cent, from the least over the median to the most, and writes all to `runs/dynamics/games.csv`.
Reputation and capacity are those of the three providers with the largest shares, whose states can be gone through.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `train`

import numpy as np
import tyro
from threadpoolctl import threadpool_limits

import ttc_env
from ttc_env import MarkovGame
from ttc_env.dynamics import Capacity, Dynamics, Loyalty, Reputation
from ttc_env.equilibrium import StageGame, Unanswered
from ttc_env.scripting.console import console, errors_in_one_line, progress_bar, say

if TYPE_CHECKING:
    import pandas as pd

FEW = 3  # providers where the state has a part of each
PARTS = ("welfare", "user_value", "profit", "served", "tokens")
"""of a period from the start on, later ones counting less; `tokens`, in the long run, of a query that is served"""


@dataclass
class Args:
    """Stage play and Markov perfect equilibria over markets and users."""

    markets: tuple[str, ...] = tuple(ttc_env.list_markets())
    """names of markets"""
    betas: tuple[float, ...] = (200.0, 1000.0, 5000.0)
    """rationality of users, 1/USD"""
    cost: float = 0.25
    """of leaving a provider, as a fraction of what a right answer is worth"""
    rate: float = 0.1
    """with which a reputation is renewed"""
    speed: float = 2000.0
    """tokens that a provider generates in a period"""
    delay: float = 0.05
    """cost of a query ahead, as a fraction of what a right answer is worth"""
    out: Path = Path("runs/dynamics")
    """folder of games.csv"""


def games(args: Args) -> list[tuple[str, float, str, MarkovGame]]:
    """Market, beta, what is carried over, and the game, of every combination."""
    found = []
    for name in args.markets:
        for beta in args.betas:
            market = ttc_env.load_market(name, beta=beta)
            share = market.shares(StageGame(market).equilibrium())
            few = market.select([int(i) for i in np.sort(np.argsort(-share, kind="stable")[:FEW])])
            each: tuple[tuple[Any, Dynamics], ...] = (
                (market, Loyalty(args.cost * market.unit)),
                (few, Reputation(args.rate)),
                (few, Capacity(queue=2, arrival=0.9, speed=args.speed, delay=args.delay * market.unit)),
            )
            found += [(name, beta, one.name, MarkovGame(which, "per_token", one)) for which, one in each]
    return found


def averages(game: MarkovGame, policy: np.ndarray) -> dict[str, float]:
    """The `PARTS` of a policy."""
    found = game.average(policy)
    stage, tokens = game.stage(policy), np.asarray(game.market.tokens)
    served = float(found["shares"].sum())
    visits = game.stationary(policy)
    used = tokens[np.arange(game.num_providers), policy]
    mean = float(visits @ (stage.shares * used).sum(axis=1)) / max(float(visits @ stage.shares.sum(axis=1)), 1e-300)
    return {
        "welfare": float(found["welfare"]),
        "user_value": float(found["user_value"]),
        "profit": float(found["profits"].sum()),
        "served": served,
        "tokens": mean,
    }


def main(args: Args) -> pd.DataFrame:
    """Solve, print and write; returns a row for each game."""
    import pandas as pd

    threadpool_limits(1)
    rows, every = [], games(args)
    with progress_bar("{task.fields[last]}") as progress:
        bar = progress.add_task("games", total=len(every), last="")
        for name, beta, dynamics, game in every:
            row: dict[str, Any] = {"dynamics": dynamics, "market": name, "beta": beta}
            stage = game.stage_policy()
            row |= {f"stage_{part}": value for part, value in averages(game, stage).items()}
            row["stage_gap"] = game.relative_nash_conv(stage)
            try:
                row |= averages(game, game.equilibrium())
            except Unanswered:
                row |= dict.fromkeys(PARTS, np.nan)
            rows.append(row)
            progress.update(bar, advance=1, last=f"{dynamics} {name} {beta:g}")
    table = pd.DataFrame(rows)
    args.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(args.out / "games.csv", index=False)
    for dynamics, group in table.groupby("dynamics", sort=False):
        solved = group.dropna(subset=["welfare"])
        console.print(f"\n[bold]{dynamics}[/bold]: {len(solved)} of {len(group)} games with a pure equilibrium found")
        console.print(f"  left to be gained over stage play: {spread(100 * group['stage_gap'])} % of profit")
        for part in PARTS:
            change = 100 * (solved[part] / solved[f"stage_{part}"] - 1)
            console.print(f"  {part.replace('_', ' ')}: {spread(change)} %")
    say("\nwritten to ", (args.out / "games.csv", "bold"))
    return table


def spread(values: pd.Series) -> str:
    """Least, median and most."""
    return f"{values.min():+.0f} / {values.median():+.0f} / {values.max():+.0f}"


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
