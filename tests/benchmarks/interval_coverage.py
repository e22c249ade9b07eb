"""How often 95 % intervals cover a known truth: shipped markets are true, measurements of them are simulated.

    python tests/benchmarks/interval_coverage.py                      # nine markets, 100 measurements of each: minutes
    python tests/benchmarks/interval_coverage.py --repetitions 400    # closer

Prints, for each kind of interval and number of questions, the mean over the markets of the fraction of intervals that
contain the truth, and that of the worst market. The kinds:

* posterior: quantiles over `posterior_markets`;
* sensitivity range: quantiles over `draw_markets`, a parametric bootstrap;
* reflected: the same draws, reflected at the point (the basic bootstrap);
* bias-corrected: other quantiles of the same draws (Efron 1981, *Nonparametric standard errors and confidence
  intervals*);
* m out of n: draws of `N^0.8` of `N` questions, reflected and rescaled (Bickel, Goetze and van Zwet 1997).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from rich.progress import track

import ttc_env
from ttc_env import equilibrium
from ttc_env.equilibrium import batched

QUESTIONS = (30, 198, 1319)  # of AIME, GPQA and GSM8K
NORMAL = NormalDist()
FEWER = 0.8  # exponent of m out of n
PER_TOKEN = ("price of anarchy", "welfare", "user value", "payment", "profit")
STATISTICS = (*PER_TOKEN, *(f"auction {what}" for what in PER_TOKEN[1:]))


def statistics(markets: Sequence[ttc_env.Market]) -> np.ndarray:
    """Of per-token pricing at the worst equilibrium, and of the auction, `(B, statistics)`."""
    play, auction = equilibrium.sweep(markets), batched.second_price_outcome(markets)
    per_token = (play.welfare_optimum / play.welfare, play.welfare, play.user_value, play.price, play.provider_profit)
    bids = (auction.welfare, auction.user_value, auction.payment, auction.provider_profit)
    return np.stack([*per_token, *bids], axis=-1)


def intervals(
    measured: ttc_env.Market, questions: int, draws: int, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Low and high end of the interval of each statistic, `(statistics,)`, by every method."""
    point, fewer = statistics([measured])[0], round(questions**FEWER)
    drawn = statistics(equilibrium.draw_markets(measured, questions, draws, rng))
    few = statistics(equilibrium.draw_markets(measured, fewer, draws, rng))
    posterior = equilibrium.Interval.of(statistics(equilibrium.posterior_markets(measured, questions, draws, rng)))
    plain, rough = equilibrium.Interval.of(drawn), equilibrium.Interval.of(few)
    rate = (fewer / questions) ** 0.5
    return {
        "posterior": (posterior.low, posterior.high),
        "sensitivity range": (plain.low, plain.high),
        "reflected": (2 * point - plain.high, 2 * point - plain.low),
        "bias-corrected": bias_corrected(drawn, point),
        "m out of n": (point - rate * (rough.high - point), point - rate * (rough.low - point)),
    }


def bias_corrected(drawn: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles that are moved by how many of the draws, `(draws, statistics)`, lie below the point."""
    draws = len(drawn)
    below = np.clip((drawn < point).mean(axis=0) + (drawn == point).mean(axis=0) / 2, 0.5 / draws, 1 - 0.5 / draws)
    ends = []
    for side in (0.025, 0.975):
        levels = [NORMAL.cdf(2 * NORMAL.inv_cdf(share) + NORMAL.inv_cdf(side)) for share in below]
        ends.append(np.array([np.quantile(own, level) for own, level in zip(drawn.T, levels, strict=True)]))
    return ends[0], ends[1]


def covered(truth: ttc_env.Market, questions: int, draws: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Whether the interval of each statistic contains the truth, after one simulated measurement, by every method."""
    measured = equilibrium.draw_markets(truth, questions, 1, rng)[0]
    true, slack = statistics([truth])[0], 1e-12
    found = intervals(measured, questions, draws, rng)
    return {method: (low - slack <= true) & (true <= high + slack) for method, (low, high) in found.items()}


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=100, help="simulated measurements of each market")
    parser.add_argument("--draws", type=int, default=200, help="markets drawn for each interval")
    parser.add_argument("--beta", type=float, default=1000.0, help="rationality of the users, 1/USD")
    args = parser.parse_args()
    rng, hits = np.random.default_rng(0), defaultdict(list)
    names = [name for name in ttc_env.list_markets() if not name.startswith("nano/")]
    for name, size in track([(name, size) for name in names for size in QUESTIONS], "measuring and judging"):
        truth = ttc_env.load_market(name, beta=args.beta)
        runs = [covered(truth, size, args.draws, rng) for _ in range(args.repetitions)]
        for method in runs[0]:
            hits[method, size].append(np.mean([run[method] for run in runs], axis=0))
    for (method, size), by_market in hits.items():
        mean, worst = np.mean(by_market, axis=0), np.min(by_market, axis=0)
        print(f"{method}, {size} questions: mean over markets (worst market), %")
        print(
            "   ",
            ", ".join(f"{s} {100 * a:.0f} ({100 * b:.0f})" for s, a, b in zip(STATISTICS, mean, worst, strict=True)),
        )


if __name__ == "__main__":
    main()
