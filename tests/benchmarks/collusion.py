"""Times sessions of Q-learning, compiled by numba and interpreted, beside a plain C program of the same work.

Rounds take turns, and what is compared is processor time, because a core may be shared; wall time of all sessions on
all cores stands beside it. The C program is built with `cc -O3 -march=native`.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agents.compiled.loop import is_compiled
from agents.compiled.q_learning import SessionConfig, learn_session
from tests.helpers.games import BERTRAND_BENCHMARKS, bertrand_logit

SOURCE = Path(__file__).with_name("q_learning.c")
Measured = tuple[int, float, float]
"""periods, seconds of processor time, mean profit gain"""


def in_c(program: Path, sessions: int, decay: float) -> Measured:
    """All sessions by the C program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    said = subprocess.run([program, str(sessions), "0.15", str(decay)], capture_output=True, text=True, check=True)
    periods, gain = said.stdout.split()
    return int(periods), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, float(gain)


def in_python(sessions: int, config: SessionConfig, interpreted: bool = False) -> Measured:
    """All sessions in this thread, with their limit cycles."""
    payoffs, started, periods, gain = bertrand_logit(), time.process_time(), 0, 0.0
    for seed in range(sessions):
        session = learn_session(payoffs, config, seed, interpreted=interpreted)
        periods += session.periods
        gain += float(BERTRAND_BENCHMARKS.mean_profit_gain(session.strategies.cycle_profits(session.state)))
    return periods, time.process_time() - started, gain / sessions


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20, help="of each round")
    parser.add_argument("--rounds", type=int, default=7, help="in which the forms take turns")
    parser.add_argument("--decay", type=float, default=4e-6, help="of exploration; the published baseline")
    parser.add_argument("--batch", type=int, default=0, help="sessions of a whole batch on all cores, in threads")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the batch")
    args = parser.parse_args()
    config = SessionConfig(decay=args.decay)
    if not is_compiled():
        raise SystemExit("numba is not installed: pip install -e '.[fast]'")
    in_python(1, SessionConfig(decay=1e-3))  # compiles
    rates: dict[str, list[float]] = {"C": [], "compiled": []}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "q_learning"
        subprocess.run(["cc", "-O3", "-march=native", SOURCE, "-o", program, "-lm"], check=True)
        for _ in range(args.rounds):
            for name, measured in (
                ("C", in_c(program, args.sessions, args.decay)),
                ("compiled", in_python(args.sessions, config)),
            ):
                periods, seconds, gain = measured
                rates[name].append(periods / seconds / 1e6)
                print(f"  {name:10s} {rates[name][-1]:6.1f} M periods/s, profit gain {gain:.3f}", flush=True)
    periods, seconds, _ = in_python(1, SessionConfig(decay=args.decay, max_periods=20_000), interpreted=True)
    ratios = [c / ours for c, ours in zip(rates["C"], rates["compiled"], strict=True)]
    print(f"\nM periods/s and core: C {statistics.median(rates['C']):.1f}, compiled "
          f"{statistics.median(rates['compiled']):.1f}, interpreted {periods / seconds / 1e6:.3f}")  # fmt: skip
    print(f"C over compiled: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    if args.batch:
        started, payoffs = time.perf_counter(), bertrand_logit()
        with ThreadPoolExecutor(args.threads) as pool:
            played = sum(pool.map(lambda seed: learn_session(payoffs, config, seed).periods, range(args.batch)))
        seconds = time.perf_counter() - started
        print(
            f"{args.batch} sessions, {args.threads} threads: {seconds:.1f} s, {played / seconds / 1e6:.1f} M periods/s"
        )


if __name__ == "__main__":
    main()
