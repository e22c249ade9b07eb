"""How often 95 % intervals cover a known truth: shipped markets are true, measurements of them are simulated.

    python tests/benchmarks/interval_coverage.py                      # nine markets, 100 measurements of each: minutes
    python tests/benchmarks/interval_coverage.py --repetitions 400    # closer

Prints, for the posterior and for the sensitivity range and for each number of questions, the mean over the markets of
the fraction of intervals that contain the truth, and that of the worst market.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from rich.progress import track

import ttc_env
from ttc_env import equilibrium
from ttc_env.equilibrium import batched

QUESTIONS = (30, 198, 1319)  # of AIME, GPQA and GSM8K
METHODS = {"posterior": equilibrium.posterior_markets, "sensitivity range": equilibrium.draw_markets}
PER_TOKEN = ("price of anarchy", "welfare", "user value", "payment", "profit")
STATISTICS = (*PER_TOKEN, *(f"auction {what}" for what in PER_TOKEN[1:]))


def statistics(markets: Sequence[ttc_env.Market]) -> np.ndarray:
    """Of per-token pricing at the worst equilibrium, and of the auction, `(B, statistics)`."""
    play, auction = equilibrium.sweep(markets), batched.second_price_outcome(markets)
    per_token = (play.welfare_optimum / play.welfare, play.welfare, play.user_value, play.price, play.provider_profit)
    bids = (auction.welfare, auction.user_value, auction.payment, auction.provider_profit)
    return np.stack([*per_token, *bids], axis=-1)


def covered(truth: ttc_env.Market, questions: int, method: str, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Whether the interval of each statistic contains the truth, after one simulated measurement."""
    measured = equilibrium.draw_markets(truth, questions, 1, rng)[0]
    found = equilibrium.Interval.of(statistics(METHODS[method](measured, questions, draws, rng)))
    true, slack = statistics([truth])[0], 1e-12
    return (found.low - slack <= true) & (true <= found.high + slack)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=100, help="simulated measurements of each market")
    parser.add_argument("--draws", type=int, default=200, help="markets drawn for each interval")
    parser.add_argument("--beta", type=float, default=1000.0, help="rationality of the users, 1/USD")
    args = parser.parse_args()
    rng, hits = np.random.default_rng(0), defaultdict(list)
    names = [name for name in ttc_env.list_markets() if not name.startswith("nano/")]
    cells = [(name, size, method) for name in names for size in QUESTIONS for method in METHODS]
    for name, size, method in track(cells, "measuring and judging"):
        truth = ttc_env.load_market(name, beta=args.beta)
        runs = [covered(truth, size, method, args.draws, rng) for _ in range(args.repetitions)]
        hits[method, size].append(np.mean(runs, axis=0))
    for (method, size), by_market in sorted(hits.items(), key=str):
        mean, worst = np.mean(by_market, axis=0), np.min(by_market, axis=0)
        print(f"{method}, {size} questions: mean over markets (worst market), %")
        print(
            "   ",
            ", ".join(f"{s} {100 * a:.0f} ({100 * b:.0f})" for s, a, b in zip(STATISTICS, mean, worst, strict=True)),
        )


if __name__ == "__main__":
    main()
