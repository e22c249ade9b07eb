"""Times the exact solvers against two brute forces, dynamics from random starts, and many markets at once, in one run.

The usual brute force evaluates every profile; the clever one adds half tables and never touches a profile array.
Both share one exponential shift for all profiles, which is right at the beta used here and wrong at beta = 1e5.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import ttc_env
from tests.helpers.markets import ladder, market_of
from train.comparison.workers import run_all
from train.study import redraw
from ttc_env import MarkovGame, equilibrium
from ttc_env.dynamics import Dynamics, Loyalty, Reputation
from ttc_env.equilibrium import batched
from ttc_env.equilibrium.posted_price.continuous import nash_prices
from ttc_env.market import Market

PUBLISHED = ("gsm8k", "gpqa", "aime")
SECTIONS = ("brute-force", "growth", "use", "many", "intervals", "markov")
CHUNK = 2**18  # profiles that the usual brute force evaluates at a time


def timed(function: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, after one that is not counted where there are several."""
    seconds = []
    for _ in range(repeats + (repeats > 1)):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[repeats > 1 :])


def peak_megabytes(function: Callable[[], object]) -> float:
    """Most memory that a call allocates at a time."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def usual_optimum(market: Market) -> float:
    """The highest welfare over all profiles, evaluated one after the other in large chunks."""
    n, m = market.num_providers, market.num_levels
    best = -np.inf
    for start in range(0, m**n, CHUNK):
        index = np.arange(start, min(start + CHUNK, m**n))
        best = max(best, market.welfare(np.stack(np.unravel_index(index, (m,) * n), axis=-1)).max())
    return float(best)


def clever_optimum(market: Market) -> float:
    """The same from tables of both halves of the providers: one addition and one division per profile."""
    weight, rest = _weights(market)
    served = weight * market.welfare_contribution
    half = market.num_providers // 2
    value = _sums(served[:half])[:, None] + (_sums(served[half:]) + rest * market.outside_value)
    return float((value / (_sums(weight[:half])[:, None] + (_sums(weight[half:]) + rest))).max())


def brute_equilibria(market: Market) -> np.ndarray:
    """All profiles in which every provider earns the most along its own axis of the table of all profiles."""
    weight, rest = _weights(market)
    n, m = market.num_providers, market.num_levels
    total = (_sums(weight) + rest).reshape((m,) * n)
    stable = np.ones(total.shape, dtype=bool)
    for i in range(n):
        utility = (weight * market.margin)[i].reshape((m,) + (1,) * (n - 1 - i)) / total
        stable &= utility >= utility.max(axis=i, keepdims=True) * (1 - 1e-12)
    return np.argwhere(stable)


def equilibria_by_dynamics(market: Market, starts: int) -> np.ndarray:
    """The equilibria that best-response dynamics reach from random starts: some, and no word on the others."""
    rng = np.random.default_rng(0)
    profiles = rng.integers(0, market.num_levels, (starts, market.num_providers))
    return np.unique([equilibrium.best_response_dynamics(market, start).profiles[-1] for start in profiles], axis=0)


def _weights(market: Market) -> tuple[np.ndarray, float]:
    top = max(market.user_value.max(), market.outside_value)
    return np.exp(market.beta * (market.user_value - top)), float(np.exp(market.beta * (market.outside_value - top)))


def _sums(table: np.ndarray) -> np.ndarray:
    return reduce(lambda sums, row: np.add.outer(sums, row).reshape(-1), table)


def random_market(n: int, m: int, seed: int = 0) -> Market:
    """Rising, concave qualities and rising prices, as curves are, at beta V of order ten."""
    rng = np.random.default_rng(seed)
    price = np.cumsum(rng.uniform(0, 0.004 / m, (n, m)), axis=1)
    quality = 0.01 * (1 - np.exp(-np.linspace(0.3, 3, m))) * rng.uniform(0.5, 1, (n, 1))
    return market_of(quality - price, price * rng.uniform(0.1, 0.3, (n, 1)), beta=1000.0)


def against_brute_force(largest: int, repeats: int, starts: int) -> None:
    """Print one row per number of providers of gsm8k/majority_voting, beta 1000, six levels."""
    print("gsm8k/majority_voting, beta 1000, first n providers, m = 6; medians, times in ms\n")
    print("              welfare optimum                              all pure equilibria")
    print(" n   profiles   exact    usual  clever  usual/ clever/     exact    brute  brute/  dynamics  found/all")
    for n in range(3, largest + 1):
        market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0, providers=range(n))
        value = equilibrium.welfare_optimum(market).value
        assert abs(usual_optimum(market) - value) < 1e-15 > abs(clever_optimum(market) - value)
        all_of_them = equilibrium.pure_nash(market)
        assert np.array_equal(brute_equilibria(market), all_of_them)
        found = equilibria_by_dynamics(market, starts)
        few = min(repeats, 3) if n > 6 else repeats
        exact = timed(lambda market=market: equilibrium.welfare_optimum(market), 10 * repeats)
        usual = timed(lambda market=market: usual_optimum(market), few)
        clever = timed(lambda market=market: clever_optimum(market), few)
        nash = timed(lambda market=market: equilibrium.pure_nash(market), 10 * repeats)
        brute = timed(lambda market=market: brute_equilibria(market), few)
        dynamics = timed(lambda market=market: equilibria_by_dynamics(market, starts), 1)
        print(
            f"{n:2d} {6**n:10,d} {1e3 * exact:7.3f} {1e3 * usual:8.1f} {1e3 * clever:7.2f} {usual / exact:7,.0f}"
            f" {clever / exact:7,.0f} {1e3 * nash:9.3f} {1e3 * brute:8.1f} {brute / nash:7,.0f} {1e3 * dynamics:9.1f}"
            f" {len(found):6d}/{len(all_of_them)}"
        )


def beyond_brute_force(largest: int, repeats: int) -> None:
    """Print growth with n and m, on ordinary markets and on ladders, which have half the equilibria there can be."""
    print("\nbeyond brute force; medians, times in ms, memory at the peak\n")
    print("  n   m   optimum  equilibria  (how many)      MB")
    for n, m in ((9, 6), (9, 64), (50, 6), (50, 64), (200, 64), (500, 6), (500, 64)):
        if n <= largest:
            market = random_market(n, m)
            optimum = timed(lambda market=market: equilibrium.welfare_optimum(market), repeats)
            nash = timed(lambda market=market: equilibrium.pure_nash(market), repeats)
            memory = peak_megabytes(lambda market=market: equilibrium.pure_nash(market))
            found = len(equilibrium.pure_nash(market))
            print(f"{n:3d} {m:3d} {1e3 * optimum:9.3f} {1e3 * nash:11.2f} {found:11d} {memory:9.1f}")
    print("\nladders, which climb through n (m - 1) / 2 + 1 equilibria\n")
    print("  n   m  equilibria  (how many)  per equilibrium")
    for n, m in ((8, 6), (50, 6), (50, 64), (500, 2)):
        if n <= largest:
            market = ladder(n // 2, m)
            found = len(equilibrium.pure_nash(market))
            nash = timed(lambda market=market: equilibrium.pure_nash(market), min(repeats, 3))
            print(f"{n:3d} {m:3d} {1e3 * nash:11.1f} {found:11d} {1e3 * nash / found:16.2f}")


def many_markets(number: int, sample: int, repeats: int) -> None:
    """Print every batched oracle beside the loop over single markets, in turns, and what it holds in memory."""
    market = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
    drawn = equilibrium.draw_markets(market, 1319, number, np.random.default_rng(0))
    profiles = np.random.default_rng(1).integers(0, 6, (number, 9))
    few = list(drawn[:sample])
    pairs: dict[str, tuple[Callable[[], object], Callable[[Market], object]]] = {
        "all pure equilibria": (lambda: batched.pure_nash(drawn), equilibrium.pure_nash),
        "price of anarchy": (lambda: batched.price_of_anarchy(drawn), equilibrium.price_of_anarchy),
        "welfare optimum": (lambda: batched.welfare_optimum(drawn), equilibrium.welfare_optimum),
        "joint profit optimum": (lambda: batched.joint_profit_optimum(drawn), equilibrium.joint_profit_optimum),
        "NashConv of a profile": (
            lambda: batched.nash_conv(drawn, profiles),
            lambda one: equilibrium.nash_conv(one, profiles[0]),
        ),
        "auction outcome": (lambda: batched.second_price_outcome(drawn), equilibrium.second_price_outcome),
        "posted-price equilibrium": (lambda: batched.nash_prices(drawn), nash_prices),
    }
    print(
        f"\n{number:,} resampled markets of gsm8k/majority_voting (9 x 6) in one call, and {sample} of them one by one,"
    )
    print("in turns; medians (least to most of the rounds' ratios); memory above the drawn markets\n")
    print("                            us per market            times as fast    bytes per market      MB")
    print("                          together   one by one")
    for name, (together, alone) in pairs.items():
        fast, slow = [], []
        for _ in range(repeats):
            fast.append(timed(together, 1) / number)
            fresh = [replace(one) for one in few]  # else the forms that are kept of a market would flatter the loop
            slow.append(timed(lambda fresh=fresh, alone=alone: [alone(one) for one in fresh], 1) / sample)
        ratios = sorted(one / many for one, many in zip(slow, fast, strict=True))
        peak = peak_megabytes(together)
        print(
            f"{name:26}{1e6 * statistics.median(fast):8.2f} {1e6 * statistics.median(slow):12.1f}"
            f" {statistics.median(ratios):9.0f} ({ratios[0]:.0f} to {ratios[-1]:.0f})"
            f" {2**20 * peak / number:16.0f} {peak:10.1f}"
        )


def intervals(draws: int, jobs: int) -> None:
    """Print how long the intervals of the published sweep take: 100 betas, nine markets."""
    names, betas = [name for name in ttc_env.list_markets() if name.startswith(PUBLISHED)], np.geomspace(10, 1e5, 100)
    started = time.perf_counter()
    work = partial(redraw, betas=betas, num_questions=1000, num_draws=draws)
    for _, _, error in run_all(work, names, jobs, "processes" if jobs > 1 else "serial"):
        assert error is None, error
    seconds = time.perf_counter() - started
    print(f"\nprice of anarchy of {draws:,} redrawn markets at 100 betas in {len(names)} markets, {jobs} processes:")
    print(f"{seconds:.0f} s, {1e6 * seconds * jobs / (draws * 100 * len(names)):.1f} us of a core per market")


def in_use(repeats: int) -> None:
    """Print the published sweep and the oracle as environments ask it."""
    betas = np.geomspace(10, 1e5, 100)
    sweep = timed(
        lambda: equilibrium.sweep(ttc_env.load_market("gsm8k/majority_voting", beta=beta) for beta in betas), repeats
    )
    print(f"\nsweep of 100 betas, all equilibria and both optima: {1e3 * sweep:.0f} ms")
    market, rng = ttc_env.load_market("gsm8k/majority_voting"), np.random.default_rng(0)
    for batch in (1, 16384):
        profiles = rng.integers(0, 6, (batch, 9))
        seconds = timed(lambda profiles=profiles: equilibrium.best_response(market, profiles), 10 * repeats)
        print(f"best responses in {batch} markets: {1e3 * seconds:.3f} ms")


def carried_over(repeats: int) -> None:
    """Print how long exact Markov perfect equilibria take, of games nobody has seen, in processor time."""
    print("\nMarkov perfect equilibria, discount 0.95, with the game; processor time in ms: median (least to most)\n")
    games: list[tuple[str, Sequence[int], Dynamics]] = [
        *((name, range(9), Loyalty(0.004)) for name in ("gsm8k/majority_voting", "gpqa/best_of_n", "aime/best_of_n")),
        ("gsm8k/majority_voting", (1, 6, 8), Loyalty(0.002)),
        ("gsm8k/majority_voting", (1, 3, 6, 8), Reputation(0.1)),
    ]
    for name, providers, dynamics in games:
        spent = []
        for _ in range(repeats):
            market = ttc_env.load_market(name, beta=1000.0).select(providers)
            started = time.process_time()
            game = MarkovGame(market, "per_token", dynamics, 0.95)
            game.equilibrium()
            spent.append(1e3 * (time.process_time() - started))
        size = f"n = {len(providers)}, {game.num_states} states"
        print(f"{name:24} {dynamics.name:10} {size:22} {np.median(spent):9.1f} ({min(spent):.1f} to {max(spent):.1f})")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brute-force", type=int, default=9, metavar="N", help="compare from 3 up to N providers")
    parser.add_argument(
        "--largest", type=int, default=500, metavar="N", help="time the solvers alone up to N providers"
    )
    parser.add_argument("--repeats", type=int, default=5, help="times that each is measured")
    parser.add_argument("--starts", type=int, default=100, help="random starts of the dynamics")
    parser.add_argument("--markets", type=int, default=10_000, help="resampled markets that are solved together")
    parser.add_argument("--sample", type=int, default=500, help="of these, how many one by one")
    parser.add_argument("--draws", type=int, default=2000, help="redrawn markets of the sweep with intervals")
    parser.add_argument("--jobs", type=int, default=2, help="processes of that sweep")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=SECTIONS, help="sections to run")
    args = parser.parse_args()
    if "brute-force" in args.only:
        against_brute_force(args.brute_force, args.repeats, args.starts)
    if "growth" in args.only:
        beyond_brute_force(args.largest, args.repeats)
    if "use" in args.only:
        in_use(args.repeats)
    if "many" in args.only:
        many_markets(args.markets, args.sample, args.repeats)
    if "markov" in args.only:
        carried_over(args.repeats)
    if "intervals" in args.only:
        intervals(args.draws, args.jobs)


if __name__ == "__main__":
    main()
