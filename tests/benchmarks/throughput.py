"""Times environments and learners against what a user would pick instead, in one run and one table.

Needs the extra `bench` (SuperSuit, Numba) beside `train`: `make bench-throughput`.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import ttc_env
from agents.ppo import PPO, PPOConfig
from agents.sb3 import SB3PPO, MarketVecEnv
from tests.benchmarks.peers import HandWrittenEnv, compiled_step, supersuit_env
from ttc_env import Market, VectorMarket, equilibrium

MARKET = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
FOREVER = 10**9
COPIES = 64


def rate(step: Callable[[], Any], agents: int, repeats: int, seconds: float = 0.2) -> list[float]:
    """Agent steps per second in `repeats` stretches of about `seconds`, sorted."""
    step()
    started = time.perf_counter()
    step()
    calls = max(1, int(seconds / max(time.perf_counter() - started, 1e-7)))
    rates = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            step()
        rates.append(agents * calls / (time.perf_counter() - started))
    return sorted(rates)


def random_market(n: int, m: int) -> Market:
    """A market of any size with rising curves."""
    rng = np.random.default_rng(0)
    quality, price = np.sort(rng.random((n, m)), axis=1), np.sort(rng.random((n, m)), axis=1) / 2
    return Market([f"provider {i}" for i in range(n)], list(range(m)), quality, price, price / 1.25, beta=5.0)


def vector_step(market: Market, batch: int, **options: Any) -> Callable[[], Any]:
    """A call that plays one period of `batch` markets."""
    env = VectorMarket(market, num_markets=batch, max_cycles=FOREVER, **options)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, market.num_levels, (batch, market.num_providers))
    if options.get("backend") == "torch":
        actions = torch.as_tensor(actions, device=options.get("device"))
        if "cuda" in str(options.get("device")):
            return lambda: (env.step(actions), torch.cuda.synchronize())
    return lambda: env.step(actions)


def dict_step(env: Any) -> Callable[[], Any]:
    """A call that plays one period of a PettingZoo environment."""
    env.reset(seed=0)
    actions = dict.fromkeys(env.agents, 2)
    return lambda: env.step(actions)


def rows_step(env: Any) -> Callable[[], Any]:
    """A call that steps a Stable-Baselines3 `VecEnv`."""
    env.reset()
    actions = np.random.default_rng(0).integers(0, MARKET.num_levels, env.num_envs)
    return lambda: env.step(actions)


def compiled(batch: int) -> Callable[[], Any]:
    """A call of the compiled loop for `batch` markets."""
    run, n = compiled_step(MARKET), MARKET.num_providers
    levels = np.random.default_rng(0).integers(0, MARKET.num_levels, (batch, n))
    size = VectorMarket(MARKET).single_observation_space.shape[0]
    shapes = {"shares": (n, batch), "rewards": (n, batch), "observations": (n, size, batch)}
    room = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return lambda: run(levels, room)


def environments(repeats: int, device: str) -> None:
    """Agent steps per second of every way to step the market."""
    print("\nEnvironment, per-token pricing, agent steps/s: median (least to most), and times SuperSuit's\n")
    n = MARKET.num_providers
    suit = rate(rows_step(supersuit_env(ttc_env.per_token_v0.parallel_env(MARKET), COPIES)), COPIES * n, repeats)

    def row(title: str, rates: list[float]) -> float:
        median = statistics.median(rates)
        spread = f"({rates[0] / 1e6:.3g} to {rates[-1] / 1e6:.3g})"
        print(f"  {title:58} {median / 1e6:8.3f} M  {spread:18} {median / statistics.median(suit):8.1f}")
        return median

    row(f"SuperSuit concat, SB3 VecEnv, {COPIES} copies", suit)
    hand = row("hand-written dict env, 1 market", rate(dict_step(HandWrittenEnv(MARKET, FOREVER)), n, repeats))
    ours = ttc_env.per_token_v0.parallel_env(MARKET, max_cycles=FOREVER)
    adapter = row("PettingZoo adapter, 1 market", rate(dict_step(ours), n, repeats))
    rows = MarketVecEnv(VectorMarket(MARKET, num_markets=COPIES))
    row(f"own SB3 VecEnv, {COPIES} markets", rate(rows_step(rows), COPIES * n, repeats))
    limit, fast = {}, {}
    for batch in (1, 64, 1024, 16384):
        limit[batch] = row(f"compiled loop (Numba), B = {batch}", rate(compiled(batch), batch * n, repeats))
    small = MARKET.select([0, 4, 8])
    for market in (MARKET, small):
        for batch in (1, 64, 1024, 16384):
            agents = batch * market.num_providers
            for copy in (True, False):
                title = f"VectorMarket NumPy, n = {market.num_providers}, B = {batch}" + (
                    "" if copy else ", copy=False"
                )
                fast[market.num_providers, batch, copy] = row(
                    title, rate(vector_step(market, batch, copy=copy), agents, repeats)
                )
    torch_options = {"backend": "torch", "device": device, "copy": False, "check_actions": device == "cpu"}
    for batch in (1, 64, 1024, 16384) + (() if device == "cpu" else (131072, 1048576)):
        row(
            f"VectorMarket torch {device}, n = 9, B = {batch}",
            rate(vector_step(MARKET, batch, **torch_options), batch * n, repeats),
        )
    print(
        f"\n  VectorMarket at B = 1024 is {limit[1024] / fast[9, 1024, False]:.2f} times slower than the compiled loop;"
    )
    print(f"  at B = 1 {fast[9, 1, True] / hand:.2f} times as fast as the hand-written dict env,")
    print(f"  whose speed the PettingZoo adapter has {adapter / hand:.2f} times")


def scaling(repeats: int) -> None:
    """Cost per agent step as the market grows in every direction."""
    print("\nCost per agent step, ns, VectorMarket NumPy, copy=False, shared record where said\n")

    def cost(title: str, market: Market, batch: int, **options: Any) -> float:
        agents = batch * market.num_providers
        step = vector_step(market, batch, copy=False, **options)
        nanoseconds = 1e9 / statistics.median(rate(step, agents, repeats))
        print(f"  {title:58} {nanoseconds:8.2f}")
        return nanoseconds

    few = cost("n = 9, m = 6, B = 1024, shared record", random_market(9, 6), 1024, shared_record=True)
    many = cost("n = 512, m = 6, B = 1024, shared record", random_market(512, 6), 1024, shared_record=True)
    low = cost("n = 9, m = 6, B = 1024", random_market(9, 6), 1024)
    high = cost("n = 9, m = 1024, B = 1024", random_market(9, 1024), 1024)
    batches = {b: cost(f"n = 9, m = 6, B = {b}", random_market(9, 6), b) for b in (4096, 16384, 65536)}
    shared = {
        b: cost(f"n = 9, m = 6, B = {b}, shared record", random_market(9, 6), b, shared_record=True)
        for b in (4096, 16384, 65536)
    }
    print(f"\n  n = 512 over n = 9: {many / few:.2f};  m = 1024 over m = 6: {high / low:.2f};  ", end="")
    print(f"B = 65536 over B = 16384: {batches[65536] / batches[16384]:.2f},", end=" ")
    print(f"with the shared record {shared[65536] / shared[16384]:.2f}")


def memory(steps: int) -> None:
    """Bytes of a market, and whether a long run keeps them."""
    tracemalloc.start()
    step = vector_step(MARKET, 4096, copy=False)
    step()
    each = tracemalloc.get_traced_memory()[0] / 4096
    tracemalloc.stop()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = vector_step(MARKET, 64)
    for _ in range(steps):
        step()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"\nMemory: {each / 1024:.1f} KiB per market (n = 9, m = 6, observations included);")
    print(f"  {steps:,} steps of 64 markets let the process grow by {grown / 1024:.1f} MiB")


def same_size(kind: str) -> Any:
    """PPO with one pair of 64 x 64 networks for all providers, 64 markets, 128 periods, 4 minibatches, 4 epochs."""
    rows = COPIES * MARKET.num_providers
    sb3 = {
        "n_steps": 128,
        "batch_size": 128 * rows // 4,
        "n_epochs": 4,
        "policy_kwargs": {"activation_fn": torch.nn.ReLU},
    }
    if kind == "SuperSuit":
        return PlainSB3(supersuit_rows(), sb3)
    if kind == "adapter":
        return PlainSB3(MarketVecEnv(VectorMarket(MARKET, num_markets=COPIES, copy=False), standardize=True), sb3)
    config = PPOConfig(horizon=128, epochs=4, minibatches=4, shared=kind == "own, shared")
    return PPO(VectorMarket(MARKET, num_markets=COPIES, backend="torch", copy=False), FOREVER, config=config)


def supersuit_rows(copies: int = COPIES) -> Any:
    """Copies of the PettingZoo environment, a row per provider, through SuperSuit."""
    return supersuit_env(ttc_env.per_token_v0.parallel_env(MARKET), copies)


class PlainSB3:
    """Stable-Baselines3's PPO with settings of its own, behind the learner interface."""

    act, update = SB3PPO.act, SB3PPO.update

    def __init__(self, rows: Any, settings: dict[str, Any]) -> None:
        self.model = stable_baselines3.PPO("MlpPolicy", rows, device="cpu", **settings)  # crashes if given a seed
        self.steps, self.steps_per_update = 0, self.model.n_steps * rows.num_envs
        self._callback = None


def learning_rate_of(learner: Any, repeats: int) -> list[float]:
    """Agent steps per second of updates, sorted."""
    learner.update()
    rates = []
    for _ in range(repeats):
        started = time.perf_counter()
        learner.update()
        rates.append(learner.steps_per_update / (time.perf_counter() - started))
    return sorted(rates)


def learners(repeats: int) -> None:
    """Agent steps per second of training, like for like and as shipped."""
    print("\nPPO training, agent steps/s: median (least to most), and times SB3 over SuperSuit\n")
    base = learning_rate_of(same_size("SuperSuit"), repeats)

    def row(title: str, rates: list[float]) -> None:
        median = statistics.median(rates)
        spread = f"({rates[0] / 1e3:.0f} to {rates[-1] / 1e3:.0f})"
        print(f"  {title:58} {median / 1e3:8.1f} k  {spread:16} {median / statistics.median(base):6.2f}")

    row("SB3 over SuperSuit, 64 copies, T = 128, 4 x 4", base)
    row("SB3 over the own adapter, the same", learning_rate_of(same_size("adapter"), repeats))
    row("own PPO, one network for all, the same", learning_rate_of(same_size("own, shared"), repeats))
    row("own PPO, a network for each provider, the same", learning_rate_of(same_size("own"), repeats))
    shipped = PPO(VectorMarket(MARKET, num_markets=COPIES, backend="torch", copy=False), FOREVER)
    row("own PPO as shipped", learning_rate_of(shipped, 5 * repeats))
    defaults = {"n_steps": 2048, "batch_size": 64, "n_epochs": 10, "learning_rate": 3e-4, "gamma": 0.99}
    row("SB3 over SuperSuit, SB3's defaults, 1 copy", learning_rate_of(PlainSB3(supersuit_rows(1), defaults), 1))


def time_to_equilibrium(make: Callable[[int], Any], seed: int, cap: float) -> float:
    """Seconds of updates after which relative NashConv of greedy play stays below 1 % for ten updates; inf if never."""
    learner, env = make(seed), VectorMarket(MARKET)
    spent, below, since = 0.0, 0, float("inf")
    while spent < cap:
        started = time.perf_counter()
        learner.update()
        spent += time.perf_counter() - started
        observations, _ = env.reset(seed=0)
        for _ in range(5):
            observations, _, _, _, info = env.step(learner.act(observations, greedy=True))
        levels = info["bids"].level[0]
        gap = equilibrium.nash_conv(MARKET, levels).total / MARKET.utility(levels).sum()
        since = min(since, spent) if gap < 0.01 else float("inf")
        below = below + 1 if gap < 0.01 else 0
        if below >= 10:
            return since
    return float("inf")


def equilibria(seeds: int, cap: float) -> None:
    """Seconds to the equilibrium of the default market."""
    print(f"\nSeconds of training until relative NashConv stays below 1 %, {seeds} seeds, at most {cap:.0f} s\n")

    def own(seed: int) -> PPO:
        env = VectorMarket(MARKET, num_markets=COPIES, backend="torch", copy=False)
        return PPO(env, 500_000, seed)

    def adapter(seed: int) -> SB3PPO:
        return SB3PPO(VectorMarket(MARKET, num_markets=COPIES, copy=False), seed=seed)

    def suit(seed: int) -> PlainSB3:
        rows = COPIES * MARKET.num_providers
        settings = {"n_steps": 32, "batch_size": 8 * rows, "n_epochs": 4, "learning_rate": 1e-3, "ent_coef": 0.01}
        torch.manual_seed(seed)
        return PlainSB3(supersuit_rows(), {"gamma": 0.9, "gae_lambda": 0.95, **settings})

    for title, make in (
        ("own PPO as shipped", own),
        ("SB3 over the own adapter", adapter),
        ("SB3 over SuperSuit", suit),
    ):
        seconds = sorted(time_to_equilibrium(make, seed, cap) for seed in range(seeds))
        print(f"  {title:58} " + "  ".join(f"{s:.2f}" if np.isfinite(s) else "never" for s in seconds))


def machine() -> None:
    """What the machine itself can do."""
    numbers = np.random.default_rng(0).random(1_000_000, dtype=np.float32)
    exps = statistics.median(rate(lambda: np.exp(numbers), len(numbers), 5))
    large = np.zeros(64 * 2**20, dtype=np.uint8)
    copies = statistics.median(rate(lambda: large.copy(), 2 * large.nbytes, 5))
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())
    print(f"{cpu}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()},", end=" ")
    print(f"NumPy {np.__version__}, torch {torch.__version__}, one thread")
    print(f"exp of float32: {exps / 1e6:.0f} M/s; memory copied: {copies / 1e9:.1f} GB/s read and written")
    if torch.cuda.is_available():
        print(f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")


def main() -> None:
    """Run all sections or those asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="stretches of which the median is taken")
    parser.add_argument("--seeds", type=int, default=5, help="runs of the time to equilibrium")
    parser.add_argument("--cap", type=float, default=30.0, help="most seconds of training to wait for it")
    parser.add_argument("--soak", type=int, default=200_000, help="steps of the memory test")
    parser.add_argument("--device", default="cpu", help="torch device of VectorMarket, for example cuda")
    sections = ("environments", "scaling", "memory", "learners", "equilibria")
    parser.add_argument("--only", nargs="*", choices=sections, default=sections, help="sections to run")
    args = parser.parse_args()
    torch.set_num_threads(1)
    machine()
    if "environments" in args.only:
        environments(args.repeats, args.device)
    if "scaling" in args.only:
        scaling(args.repeats)
    if "memory" in args.only:
        memory(args.soak)
    if "learners" in args.only:
        learners(max(1, args.repeats // 2))
    if "equilibria" in args.only:
        equilibria(args.seeds, args.cap)


if __name__ == "__main__":
    main()
