"""The runs of one command: each by itself, or several side by side in one program, and programs on all cores.

How they are spread changes no run: what learns side by side learns to the last bit what it would learn alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from agents import find_class
from agents.training import NotFinite
from train.arguments import Args
from train.board import Board
from train.console_tables import seeds_progress
from train.course import Show, follow
from train.folders import CONFIG, SUMMARY, finished
from train.record import RunFolder
from train.together import TOGETHER
from ttc_env import VectorMarket
from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.scripting.signals import answered_by
from ttc_env.scripting.threads import use_threads

BOARD = ".board"


class Ended(NamedTuple):
    """A seed that came to its end or was stopped: its summary, and the seconds that it took."""

    summary: dict[str, Any]
    seconds: float


def train_runs(
    args: Args,
    env: VectorMarket | Seats,
    seeds: Sequence[int],
    folders: Sequence[RunFolder],
    show: Show = lambda steps, figures: None,
    tick: Callable[[int], None] = lambda steps: None,
) -> list[dict[str, Any]]:
    """Train one run, or several side by side, evaluate on the way in `env`, and write down each in its folder.

    Returns:
        Their summaries.
    """
    learner = args.make_learner(seeds)
    with ExitStack() as ending:
        ending.callback(getattr(learner, "close", lambda: None))
        getattr(learner, "keep_in", lambda path: None)(folders[0].path)
        found = follow(args, seeds, env, folders, learner, show, tick)
        for folder, followed in zip(folders, found, strict=True):
            folder.finish(followed)
        if args.num_seeds == 1:  # of several the report shows what these show, in a tenth of the time
            folders[0].draw(one_market(env.market), found[0].summary)
    return [followed.summary for followed in found]


def train_seeds(args: Args, env: VectorMarket | Seats, folder: Path, config: dict[str, Any]) -> list[Ended]:
    """Train every seed of a run that is not finished, in a folder of its own below that of the run.

    Returns:
        All seeds in order, up to the first that was never begun, where it was stopped.

    Raises:
        ValueError, OSError, NotFinite: as in a run of one seed, from the first process in which it happened.
        KeyboardInterrupt: it was stopped before any was begun.
    """
    groups = grouped(args, folder)
    asks = hasattr(find_class(args.algorithm), "forecast")  # a server, which has many requests at a time of its own
    jobs = 1 if asks or args.device != "cpu" else min(args.jobs or os.cpu_count() or 1, len(groups))
    board = Board(folder / BOARD, args.num_seeds)
    work = partial(train_group, args, None if jobs > 1 else env, folder, config)
    ended: dict[int, Ended] = {}
    with ExitStack() as ending:
        ending.callback((folder / BOARD).unlink, missing_ok=True)
        ending.enter_context(
            seeds_progress(args.steps, args.num_seeds, f"{args.algorithm}, {args.num_seeds} seeds", board)
        )
        if jobs > 1:
            ending.enter_context(answered_by(board.stop))
        results = ending.enter_context(closing(_results(work, _unless_stopped(groups, board), jobs)))
        for group in results:
            ended |= group
            if any(one.summary["interrupted"] for one in group.values()):
                board.stop()
    if not ended:
        raise KeyboardInterrupt
    return [ended[seed] for seed in sorted(ended)]


def grouped(args: Args, folder: Path) -> list[list[int]]:
    """The seeds of a run in groups that learn side by side; those with a checkpoint go on alone."""
    seeds = range(args.seed, args.seed + args.num_seeds)
    several = args.seeds_alike
    groups: list[list[int]] = []
    joins = False  # whether the next seed may join the last group
    for seed in seeds:
        place = folder / f"seed{seed}"
        new = not (any(place.glob("checkpoint*")) or (place / SUMMARY).exists())
        if new and joins and len(groups[-1]) < TOGETHER:
            groups[-1].append(seed)
        else:
            groups.append([seed])
            joins = new and several
    return groups


def train_group(
    args: Args, env: VectorMarket | Seats | None, folder: Path, config: dict[str, Any], seeds: list[int]
) -> dict[int, Ended] | Exception:
    """Train the seeds of a group, in this process; a finished one is read. In other processes `env` is made there.

    Returns:
        What became of each; or the error that its user is to see, which a process cannot raise in another.
    """
    use_threads(args.threads)
    board = Board(folder / BOARD)
    tick = partial(board.tell, [seed - args.seed for seed in seeds])
    started = time.perf_counter()
    try:
        if len(seeds) == 1 and (done := finished(folder / f"seed{seeds[0]}")):
            tick(args.steps)
            return {seeds[0]: Ended(done, 0.0)}
        with ExitStack() as open_folders:
            folders = [open_folders.enter_context(_run_folder(folder / f"seed{seed}", config, seed)) for seed in seeds]
            summaries = train_runs(args, env or args.judging_env(), seeds, folders, tick=tick)
    except (ValueError, OSError, NotFinite) as error:
        return error
    seconds = (time.perf_counter() - started) / len(seeds)
    return {seed: Ended(summary, seconds) for seed, summary in zip(seeds, summaries, strict=True)}


def _run_folder(path: Path, config: dict[str, Any], seed: int) -> RunFolder:
    return RunFolder(path, None if (path / CONFIG).exists() else config | {"seed": seed})


def _unless_stopped(groups: list[list[int]], board: Board) -> Iterator[list[int]]:
    for group in groups:
        if board.stopped:
            return
        yield group


def _results(
    work: Callable[[list[int]], Any], groups: Iterator[list[int]], jobs: int
) -> Generator[dict[int, Ended], None, None]:
    """What became of each group, as it is known.

    Raises:
        Exception: what went wrong in one.
    """
    if jobs == 1:
        for found in map(work, groups):
            if isinstance(found, Exception):
                raise found
            yield found
        return
    from train.comparison.workers import run_all  # takes a second to load

    with closing(run_all(work, groups, jobs, "processes")) as running:
        for _, found, error in running:
            if error is not None:
                raise RuntimeError(f"training failed in a process of its own:\n{error}")
            if isinstance(found, Exception):
                raise found
            yield found
