"""Train and script the frozen population that learners meet as opponents they never trained against.

    python train/make_population.py            # writes ttc_env/data/population.npz

For every test market, mechanism and beta of the suites each member plays all seats; a sample of its (exploring) play is
what is kept. Seeds begin at 10,000, far from those of benchmarks. The same arguments write the same bytes, as long as
learners stay what they are; the shipped file stays what it was when its suites were made.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`

import numpy as np
import tyro

from agents import find_class, make_learner
from agents.training import NotFinite, advance
from ttc_env import StageGame, VectorMarket
from ttc_env.batch import one_market
from ttc_env.checks import whole
from ttc_env.evaluation.population import FILE, Population, population_key, write_population
from ttc_env.evaluation.suites import load_suite
from ttc_env.playing import record_play
from ttc_env.scripting.console import errors_in_one_line, progress_bar, say
from ttc_env.scripting.files import replacing
from ttc_env.scripting.threads import use_threads


@dataclass
class Args:
    """Train and script the frozen population that learners meet as opponents they never trained against."""

    learners: tuple[tuple[str, int], ...] = (
        ("ppo", 20_000), ("ppo", 60_000), ("ppo", 200_000), ("shared-ppo", 60_000), ("epsilon-greedy", 30_000),
        ("q-learning", 60_000),
    )  # fmt: skip
    """who is trained, and for how many agent steps"""
    scripts: tuple[str, ...] = ("random", "noisy-nash", "soft")
    """who is scripted; see SCRIPTS"""
    suites: tuple[str, ...] = ("ttc-lite-v1", "ttc-main-v1")
    """whose test markets get a population, where nothing is carried over"""
    samples: int = 64
    """periods of play that are kept of each member"""
    seed: int = 10_000
    """of the first member; the others follow"""
    num_markets: int = 64
    """copies of the market in training"""
    jobs: int = os.cpu_count() or 1
    """markets at a time; each takes one core"""
    out: Path = FILE
    """the file to write"""


def random(game: StageGame, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Uniform over the action space."""
    sizes = game.mechanism.action_sizes(game.market)
    return rng.integers(0, sizes if len(sizes) > 1 else sizes[0], (samples, *game.action_shape))


def noisy_nash(game: StageGame, rng: np.random.Generator, samples: int) -> np.ndarray:
    """The equilibrium action, or a random one, half of the time each."""
    return _either(rng, 0.5, game.equilibrium(), random(game, rng, samples))


def soft(game: StageGame, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Restrained competition, three quarters of the time: a cartel's levels, or where providers ask for a price the
    equilibrium with a mark-up.
    """
    sizes = game.mechanism.action_sizes(game.market)
    if len(sizes) == 1:
        actions = game.joint_profit_optimum().profile
    else:
        actions = np.tile(game.equilibrium(), (samples, 1, 1))
        dearer = min(int(actions[..., 1].max()) + 1, sizes[1] - 1)
        actions[..., 1] = rng.integers(dearer, sizes[1], actions.shape[:2])
    return _either(rng, 0.75, actions, random(game, rng, samples))


def _either(rng: np.random.Generator, probability: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    chosen = rng.random(second.shape[:2]) < probability
    return np.where(chosen.reshape(*chosen.shape, *(1,) * (second.ndim - 2)), first, second)


SCRIPTS: dict[str, Callable[[StageGame, np.random.Generator, int], np.ndarray]] = {
    "random": random,
    "noisy-nash": noisy_nash,
    "soft": soft,
}


def main(args: Args) -> None:
    """Make every population and write the file."""
    if unknown := set(args.scripts) - set(SCRIPTS):
        raise ValueError(f"unknown scripts {sorted(unknown)}; allowed: {', '.join(SCRIPTS)}")
    if args.out.suffix != ".npz":
        raise ValueError(f"out must be named *.npz, got {args.out}")
    for name in ("samples", "num_markets", "jobs"):
        whole(name, getattr(args, name))
    for learner, steps in args.learners:
        find_class(learner)
        whole(f"steps of {learner}", steps)
    started = time.perf_counter()
    courses = {
        population_key(name, task.mechanism, task.beta): (task.market(name), task.mechanism)
        for suite in args.suites
        for task in load_suite(suite)
        if task.held_out_opponents and not task.carries
        for name in task.tests
    }
    populations = make_all(args, courses)
    with replacing(args.out) as draft:
        write_population(draft, populations)
    shape, size = next(iter(populations.values())).actions.shape, args.out.stat().st_size
    say(
        f"{len(populations)} populations of {shape[0]} members, {shape[1]} periods each, {size / 1024:.0f} kB, "
        f"{time.perf_counter() - started:.0f} s: {args.out}"
    )


def make_all(args: Args, courses: Mapping[str, tuple[Any, str]]) -> dict[str, Population]:
    """The populations of markets and their mechanisms by their keys, in the same order, under a bar.

    Raises:
        ValueError, OSError, NotFinite: as of one population, from the first process in which it happened.
        RuntimeError: anything else went wrong in a process, whose traceback it gives.
    """
    from train.comparison.workers import run_all  # takes a second to load

    found: dict[str, Population] = {}
    work, jobs = partial(_made, args), min(args.jobs, len(courses))
    with (
        closing(run_all(work, courses.items(), jobs, "processes")) as results,
        progress_bar("{task.fields[last]}") as progress,
    ):
        bar = progress.add_task("populations", total=len(courses), last="")
        for (key, _), population, error in results:
            if error:
                raise RuntimeError(f"{key}: {error}")
            if isinstance(population, Exception):
                raise population
            found[key] = population
            progress.update(bar, advance=1, last=key)
    return {key: found[key] for key in courses}


def _made(args: Args, course: tuple[str, tuple[Any, str]]) -> Population | Exception:
    use_threads(1)  # loads torch, which no wrong argument should wait for
    try:
        return make_population(args, *course[1])
    except (ValueError, OSError, NotFinite) as error:  # which a process cannot raise in another
        return error


def make_population(args: Args, market: Any, mechanism: str) -> Population:
    """All members in one market."""
    make_env = partial(VectorMarket, market, mechanism)
    members, plays = [], []
    for seed, (name, steps) in enumerate(args.learners, args.seed):
        learner = make_learner(name, partial(make_env, args.num_markets), steps, seed)
        for update in itertools.count(1):
            if learner.steps >= steps:
                break
            advance(learner, update)
        env = make_env(8)
        getattr(learner, "enter", lambda env: None)(env)
        played = record_play(env, learner.act, 2 * -(-args.samples // 8), seed)
        members.append(f"{name} {steps}")
        plays.append(played[-args.samples :])  # the later half, when the start is forgotten
    game = StageGame(one_market(make_env(1, dtype="float64").market), mechanism)
    for seed, name in enumerate(args.scripts, args.seed + len(args.learners)):
        members.append(name)
        plays.append(SCRIPTS[name](game, np.random.default_rng(seed), args.samples))
    return Population(tuple(members), np.stack(plays))


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line(NotFinite):
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
