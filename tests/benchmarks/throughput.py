"""Times environments and learners against what a user would pick instead, in one run and one table.

Needs the extra `bench` (SuperSuit, Numba) beside `train`: `make bench-throughput`.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import resource
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
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
from tests.benchmarks.rows import startup
from ttc_env import Market, VectorMarket, equilibrium, observing, repeated
from ttc_env.mechanisms import Draws

MARKET = ttc_env.load_market("gsm8k/majority_voting", beta=1000.0)
FOREVER = 10**9
COPIES = 64


Step = tuple[Callable[[], Any], int]  # a call, and how many agent steps it makes
Rates = dict[str, list[float]]  # agent steps per second in each round


def rate(step: Callable[[], Any], agents: int, repeats: int) -> float:
    """Agent steps per second, the median of `repeats` stretches."""
    return statistics.median(compare({"": (step, agents)}, repeats)[""])


def compare(
    steps: dict[str, Step], repeats: int, seconds: float = 0.2, clock: Callable[[], float] = time.perf_counter
) -> Rates:
    """Agent steps per second in stretches of about `seconds`, in turns: what else the machine does meets all alike."""
    calls, rates = {}, {title: [] for title in steps}  # type: dict[str, int], Rates
    for title, (step, _) in steps.items():
        step()
        started = clock()
        step()
        calls[title] = max(1, int(seconds / max(clock() - started, 1e-7)))
    for _ in range(repeats):
        for title, (step, agents) in steps.items():
            started = clock()
            for _ in range(calls[title]):
                step()
            rates[title].append(agents * calls[title] / (clock() - started))
    return rates


def times(rates: Rates, faster: str, slower: str) -> str:
    """How many times the speed of the other a row has: the median of all rounds, the least and the most."""
    ratios = sorted(a / b for a, b in zip(rates[faster], rates[slower], strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def table(rates: Rates, letter: str, base: str | None = None) -> None:
    """A line for each row: the median with least and most, in thousands or millions, and times that of row `base`."""
    unit = {"k": 1e3, "M": 1e6}[letter]
    for title, row in rates.items():
        median = statistics.median(row)
        spread = f"({min(row) / unit:.3g} to {max(row) / unit:.3g})"
        relative = f"{median / statistics.median(rates[base]):10.2f}" if base else ""
        print(f"  {title:58} {median / unit:8.3f} {letter}  {spread:18}{relative}".rstrip())


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


def environments(repeats: int, seconds: float, device: str) -> None:
    """Agent steps per second of every way to step the market."""
    print("\nEnvironment, per-token pricing, agent steps/s: median (least to most), and times SuperSuit's\n")
    n, batches = MARKET.num_providers, (1, 64, 1024, 16384)
    suit, hand, adapter = "SuperSuit concat, SB3 VecEnv, 64 copies", "hand-written dict env", "PettingZoo adapter"
    rows = MarketVecEnv(VectorMarket(MARKET, num_markets=COPIES))
    steps = {
        suit: (rows_step(supersuit_rows()), COPIES * n),
        hand: (dict_step(HandWrittenEnv(MARKET, FOREVER)), n),
        adapter: (dict_step(ttc_env.per_token_v0.parallel_env(MARKET, max_cycles=FOREVER)), n),
        f"own SB3 VecEnv, {COPIES} markets": (rows_step(rows), COPIES * n),
    }
    steps |= {f"compiled loop (Numba), B = {batch}": (compiled(batch), batch * n) for batch in batches}
    for market in (MARKET, MARKET.select([0, 4, 8])):
        for batch in batches:
            title, agents = f"VectorMarket NumPy, n = {market.num_providers}, B = {batch}", batch * market.num_providers
            steps[title] = vector_step(market, batch), agents
            steps[f"{title}, copy=False"] = vector_step(market, batch, copy=False), agents
    options = {"backend": "torch", "device": device, "copy": False, "check_actions": device == "cpu"}
    for batch in batches + (() if device == "cpu" else (131072, 1048576)):
        steps[f"VectorMarket torch {device}, n = 9, B = {batch}"] = vector_step(MARKET, batch, **options), batch * n
    rates = compare(steps, repeats, seconds)
    table(rates, "M", suit)

    ours = "VectorMarket NumPy, n = 9, B = 1024"
    limit = "compiled loop (Numba), B = 1024"
    one = "VectorMarket NumPy, n = 9, B = 1"
    print("\n  Ratios of each round: median (least to most)")
    for what, faster, slower in (
        ("VectorMarket at B = 1024 over SuperSuit", ours, suit),
        ("the same without copies", f"{ours}, copy=False", suit),
        ("compiled loop over that", limit, f"{ours}, copy=False"),
        ("VectorMarket at B = 1 over the hand-written dict env", one, hand),
        ("PettingZoo adapter over the hand-written dict env", adapter, hand),
    ):
        print(f"  {what}: {times(rates, faster, slower)}")


def filling(batch: int) -> Callable[[], Any]:
    """A call that only writes as many numbers as a period of `batch` markets of nine writes into observations."""
    room = np.zeros((9, 39, batch), np.float32)
    return lambda: room[:, 18:].fill(1.0)


def scaling(repeats: int, seconds: float) -> None:
    """Cost per agent step as the market grows in every direction."""
    print(
        "\nCost per agent step, ns, VectorMarket NumPy, copy=False, shared record where said: median (least to most)\n"
    )
    sizes = [(9, 6, 1024, True), (64, 6, 1024, True), (512, 6, 1024, True), (9, 1024, 1024, False)]
    sizes += [(9, 6, batch, shared) for shared in (False, True) for batch in (256, 1024, 4096, 16384, 65536)]

    def title(n: int, m: int, batch: int, shared: bool = False) -> str:
        return f"n = {n}, m = {m}, B = {batch}" + (", shared record" if shared else "")

    steps = {
        title(n, m, batch, shared): (
            vector_step(random_market(n, m), batch, copy=False, shared_record=shared),
            batch * n,
        )
        for n, m, batch, shared in sizes
    }
    fill = {batch: f"the machine fills the observations of n = 9, B = {batch}" for batch in (16384, 65536)}
    steps |= {name: (filling(batch), batch * 9) for batch, name in fill.items()}
    rates = compare(steps, repeats, seconds)
    for name, row in rates.items():
        least, median, most = (1e9 / pick(row) for pick in (max, statistics.median, min))
        print(f"  {name:58} {median:8.2f}  ({least:.2f} to {most:.2f})")

    print("\n  Ratios of each round: median (least to most)")
    for what, cheap, dear in (
        ("n = 512 over n = 9, shared record", title(9, 6, 1024, True), title(512, 6, 1024, True)),
        ("m = 1024 over m = 6", title(9, 6, 1024), title(9, 1024, 1024)),
        ("B = 65536 over B = 16384", title(9, 6, 16384), title(9, 6, 65536)),
        ("B = 65536 over B = 16384, shared record", title(9, 6, 16384, True), title(9, 6, 65536, True)),
        ("B = 65536 over B = 16384, the machine's own", fill[16384], fill[65536]),
    ):
        print(f"  {what}: {times(rates, cheap, dear)}")


def carrying(repeats: int, seconds: float) -> None:
    """What a state that is carried over costs, beside the same market and mechanism without it."""
    print("\nDynamics, n = 9, B = 1024, NumPy, agent steps per second of processor time: median (least to most)\n")
    chain = {"markets": ("base", "gsm8k/best_of_n"), "chain": (0.9, 0.1, 0.2, 0.8)}
    queries = "mixed/majority_voting"
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "loyalty": ("per_token", {"dynamics": "loyalty"}),
        "reputation": ("per_token", {"dynamics": "reputation"}),
        "capacity": ("per_token", {"dynamics": "capacity"}),
        "releases": ("per_token", {"dynamics": "releases", "dynamics_options": chain}),
        "query types, public": ("per_token", {"market": queries}),
        "query types, private": ("second_price", {"market": queries, "information": "private"}),
    }

    def step(mechanism: str, copy: bool, market: Any = MARKET, **options: Any) -> Step:
        env = VectorMarket(market, mechanism, 1024, max_cycles=FOREVER, copy=copy, **options)
        env.reset(seed=0)
        space, drawn = env.single_action_space, np.random.default_rng(0)
        high = space.nvec if mechanism == "second_price" else space.n
        actions = drawn.integers(0, high, (1024, 9, *space.shape))
        return lambda: env.step(actions), 1024 * 9

    for copy in (True, False):
        ending = "" if copy else ", copy=False"
        steps = {f"{mechanism}{ending}": step(mechanism, copy) for mechanism in ("per_token", "second_price")}
        steps |= {f"{name}{ending}": step(mechanism, copy, **options) for name, (mechanism, options) in rows.items()}
        rates = compare(steps, repeats, seconds, time.process_time)
        table(rates, "M")
        print("\n  Time over that of the mechanism alone, in each round: median (least to most)")
        for name, (mechanism, _) in rows.items():
            print(f"  {name}{ending}: {times(rates, f'{mechanism}{ending}', f'{name}{ending}')}")
        print()


def start() -> None:
    """What `import ttc_env` costs."""
    rows = [startup() for _ in range(5)]
    seconds, megabytes = ([row[f"import ttc_env, {unit}"] for row in rows] for unit in ("s", "MB"))
    print(f"\nimport ttc_env: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}),", end=" ")
    print(f"{statistics.median(megabytes):.0f} MB, NumPy, Gymnasium and PettingZoo included")


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

    update = SB3PPO.update

    def __init__(self, rows: Any, settings: dict[str, Any]) -> None:
        self.model = stable_baselines3.PPO("MlpPolicy", rows, device="cpu", **settings)  # crashes if given a seed
        self.steps, self.steps_per_update = 0, self.model.n_steps * rows.num_envs
        self._callback = None

    def act(self, observations: np.ndarray, greedy: bool = False) -> np.ndarray:
        """Levels `(B, n)` for observations `(B, n, d)`."""
        levels, _ = self.model.predict(observations.reshape(-1, observations.shape[-1]), deterministic=greedy)
        return levels.reshape(observations.shape[:2])


def own_ppo() -> PPO:
    """The own PPO as shipped, which goes on for ever."""
    return PPO(VectorMarket(MARKET, num_markets=COPIES, backend="torch", copy=False), FOREVER)


def learners(repeats: int, seconds: float) -> None:
    """Agent steps per second of training, like for like and as shipped."""
    print("\nPPO training, agent steps/s: median (least to most), and times SB3 over SuperSuit\n")
    defaults = {"n_steps": 2048, "batch_size": 64, "n_epochs": 10, "learning_rate": 3e-4, "gamma": 0.99}
    tuned, adapter = "SB3 over SuperSuit, 64 copies, T = 128, 4 x 4", "SB3 over the own adapter, the same"
    each, shipped = "own PPO, a network for each provider, the same", "own PPO as shipped"
    who = {
        tuned: same_size("SuperSuit"),
        adapter: same_size("adapter"),
        "own PPO, one network for all, the same": same_size("own, shared"),
        each: same_size("own"),
        shipped: own_ppo(),
        "SB3 over SuperSuit, SB3's defaults, 1 copy": PlainSB3(supersuit_rows(1), defaults),
    }
    rates = compare({title: (who[title].update, who[title].steps_per_update) for title in who}, repeats, seconds)
    table(rates, "k", tuned)
    print("\n  Ratios of each round to SB3 over SuperSuit, 64 copies: median (least to most)")
    for title in (adapter, each, shipped):
        print(f"  {title}: {times(rates, title, tuned)}")


def products(learner: PPO) -> Callable[[], Any]:
    """The matrix products of an update of a learner with one run, and nothing else."""
    config, n, markets = learner.config, learner.copies, learner.env.num_markets
    rows = config.horizon * markets // config.minibatches
    calls: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def add(left: tuple[int, int], right: tuple[int, int]) -> None:
        calls.append((torch.rand(n, *left), torch.rand(n, *right), torch.empty(n, left[0], right[1])))

    for network, passes in (
        (learner.policy, [markets] * config.horizon),
        (learner.critic, [markets * (config.horizon + 1)]),
    ):
        sizes = [tuple(weight.shape[1:]) for weight in network.weights]
        for inputs, outputs in sizes:
            for count in passes + [rows] * config.minibatches * config.epochs:
                add((outputs, inputs), (inputs, count))
            for _ in range(config.minibatches * config.epochs):
                add((outputs, rows), (rows, inputs))  # gradients of weights
        for inputs, outputs in sizes[1:] * config.minibatches * config.epochs:
            add((inputs, outputs), (outputs, rows))  # and of what the layer was given

    def call() -> None:
        for left, right, out in calls:
            torch.bmm(left, right, out=out)

    return call


def many_runs(repeats: int, seconds: float) -> None:
    """Training of several runs of PPO in one program, and how fast it could be at most."""
    print("\nRuns of PPO in one program, agent steps/s: median (least to most), and times one run at a time\n")
    alone = own_ppo()
    one = "one run"
    steps: dict[str, Step] = {one: (alone.update, alone.steps_per_update)}
    for count in (2, 4, 8, 16, 64):
        env = VectorMarket(MARKET, num_markets=COPIES * count, backend="torch", copy=False)
        several = PPO(env, FOREVER, range(count))
        steps[f"{count} runs"] = several.update_runs, several.steps_per_update * count
    bound = "the matrix products of a run alone"
    steps[bound] = products(own_ppo()), alone.steps_per_update
    rates = compare(steps, repeats, seconds)
    table(rates, "k", one)
    print("\n  Ratios of each round to one run: median (least to most)")
    for title in list(steps)[1:]:
        print(f"  {title}: {times(rates, title, one)}")


def compiling(repeats: int, seconds: float, device: str) -> None:
    """What `torch.compile` gains on a period of the market and on the update of PPO."""
    print("\ntorch.compile, agent steps/s: median (least to most)\n")
    torch._logging.set_logs(dynamo=logging.ERROR)  # it explains at length where it leaves the graph
    steps: dict[str, Step] = {}
    for batch in (1024, 16384):
        env = VectorMarket(MARKET, num_markets=batch, backend="torch", device=device, copy=False)
        out, _ = env.reset(seed=0)
        levels = torch.randint(0, MARKET.num_levels, (batch, MARKET.num_providers), device=device)

        def clear(state: repeated.State, levels: torch.Tensor, game: Any = env.game) -> repeated.State:
            return repeated.transition(game, state, levels, Draws())[0]

        def period(state: repeated.State, levels: torch.Tensor, out: Any, game: Any = env.game) -> repeated.State:
            state = repeated.transition(game, state, levels, Draws())[0]
            observing.observe(game, state, out)
            return state

        for name, function, arguments in (
            ("transition", clear, (env.record(), levels)),
            ("transition and observe", period, (env.record(), levels, out)),
        ):
            title, agents = f"{name}, B = {batch}", levels.numel()
            steps[title] = partial(function, *arguments), agents
            steps[f"{title}, compiled"] = partial(torch.compile(function), *arguments), agents
    for name, make in (("own PPO as shipped", own_ppo), ("own PPO, T = 128, 4 x 4", partial(same_size, "own"))):
        plain, fast = make(), make()
        fast._optimize = torch.compile(fast._optimize)
        for _ in range(10):
            fast.update()  # compiles again as learning rate and entropy bonus change
        steps[name] = plain.update, plain.steps_per_update
        steps[f"{name}, compiled"] = fast.update, fast.steps_per_update
    rates = compare(steps, repeats, seconds)
    table(rates, "M")
    print("\n  Ratios of each round: median (least to most)")
    for title in list(steps)[::2]:
        print(f"  compiled over eager, {title}: {times(rates, f'{title}, compiled', title)}")


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

    medians = {}
    for title, make in (
        ("own PPO as shipped", own),
        ("SB3 over the own adapter", adapter),
        ("SB3 over SuperSuit", suit),
    ):
        seconds = sorted(time_to_equilibrium(make, seed, cap) for seed in range(seeds))
        medians[title] = statistics.median(seconds)
        print(f"  {title:58} " + "  ".join(f"{s:.2f}" if np.isfinite(s) else "never" for s in seconds))
    print("\n  Median times that of the own PPO, where each gets there:")
    for title, median in list(medians.items())[1:]:
        print(f"  {title}: " + (f"{median / medians['own PPO as shipped']:.1f}" if np.isfinite(median) else "never"))


def machine() -> None:
    """What the machine itself can do."""
    numbers = np.random.default_rng(0).random(1_000_000, dtype=np.float32)
    exps = rate(lambda: np.exp(numbers), len(numbers), 5)
    large = np.zeros(64 * 2**20, dtype=np.uint8)
    copies = rate(lambda: large.copy(), 2 * large.nbytes, 5)
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
    parser.add_argument("--repeats", type=int, default=7, help="rounds, of which medians and spread are told")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of each row's stretch in a round")
    parser.add_argument("--seeds", type=int, default=5, help="runs of the time to equilibrium")
    parser.add_argument("--cap", type=float, default=30.0, help="most seconds of training to wait for it")
    parser.add_argument("--soak", type=int, default=200_000, help="steps of the memory test")
    parser.add_argument("--device", default="cpu", help="torch device of VectorMarket, for example cuda")
    sections = ("startup", "environments", "scaling", "dynamics", "memory", "learners", "runs", "equilibria", "compile")
    parser.add_argument("--only", nargs="*", choices=sections, default=sections, help="sections to run")
    args = parser.parse_args()
    torch.set_num_threads(1)
    machine()
    if "startup" in args.only:
        start()
    if "environments" in args.only:
        environments(args.repeats, args.seconds, args.device)
    if "scaling" in args.only:
        scaling(args.repeats, args.seconds)
    if "dynamics" in args.only:
        carrying(args.repeats, args.seconds)
    if "memory" in args.only:
        memory(args.soak)
    if "learners" in args.only:
        learners(max(1, args.repeats // 2), args.seconds)
    if "runs" in args.only:
        many_runs(max(1, args.repeats // 2), args.seconds)
    if "equilibria" in args.only:
        equilibria(args.seeds, args.cap)
    if "compile" in args.only:
        compiling(args.repeats, args.seconds, args.device)


if __name__ == "__main__":
    main()
