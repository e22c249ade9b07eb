"""Step one engine a thousand million times, and see that nothing drifts and nothing is kept.

    python tests/benchmarks/soak.py                # 1e9 agent steps of each engine
    python tests/benchmarks/soak.py --steps 1e8

The same actions are played in every episode. What the engine answers is compared with its first episode, to the byte,
twenty times on the way, and so is the memory of the process. Exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout before any installed `ttc_env`

import numpy as np

import ttc_env

PERIODS = 100
STRETCHES = 20
LEAK = 2**20  # bytes; what is kept of each of so many steps would be far more
PAGE = 4096


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def soak(mechanism: str, steps: float, num_markets: int = 1024) -> dict[str, float]:
    """Step an engine `steps` times, counted per provider; what differed, bytes that were kept, and seconds."""
    engine = ttc_env.VectorMarket(
        "gsm8k/majority_voting", mechanism, num_markets, max_cycles=PERIODS, dtype="float64", copy=False
    )
    rng = np.random.default_rng(0)
    shape = num_markets, engine.num_providers
    space = engine.single_action_space
    high = getattr(space, "nvec", None) if space.shape else space.n
    actions = [rng.integers(0, high, (*shape, *space.shape)).astype(space.dtype) for _ in range(7)]
    engine.reset(seed=0)

    def episode(look: bool) -> str:
        digest = hashlib.sha256()
        for period in range(PERIODS):
            observations, rewards, _, truncations, _ = engine.step(actions[period % len(actions)])
            if look:
                digest.update(np.ascontiguousarray(observations).data)
                digest.update(np.ascontiguousarray(rewards).data)
                digest.update(np.ascontiguousarray(truncations).data)
        return digest.hexdigest()

    expected, started = episode(look=True), time.perf_counter()
    per_episode = PERIODS * num_markets * engine.num_providers
    episodes, different, before = max(int(steps // per_episode), 2), 0, 0
    looks = max(episodes // STRETCHES, 1)
    for count in range(episodes):
        look = count % looks == looks - 1
        found = episode(look)
        different += look and found != expected
        if count == min(looks, episodes // 2):
            before = resident()  # after the first stretch, in which what is made once has been made
    seconds = time.perf_counter() - started
    return {
        "steps": episodes * per_episode,
        "different": different,
        "looks": episodes // looks,
        "kept": resident() - before,
        "seconds": seconds,
    }


def main() -> int:
    """Soak each engine asked for; 1 where anything drifted or was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=float, default=1e9, help="agent steps of each engine")
    parser.add_argument("--mechanisms", nargs="+", default=["per_token", "second_price"], help="whose engines")
    args, failed = parser.parse_args(), False
    for mechanism in args.mechanisms:
        found = soak(mechanism, args.steps)
        failed |= found["different"] > 0 or found["kept"] > LEAK
        print(
            f"{mechanism}: {found['steps']:.4g} agent steps in {found['seconds']:.0f} s; episodes that differ from the "
            f"first: {found['different']} of {found['looks']} looked at; memory kept: {found['kept'] / 2**20:.2f} MiB",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
