"""Let what a run has learnt play: look at it, judge it in any task, put it against another.

    python train/play.py runs/NAME                                           # an episode beside the equilibrium
    python train/play.py runs/NAME --task ttc-lite-v1/tokens-gsm8k           # all figures of a task
    python train/play.py runs/NAME --render episode.gif                      # as a moving picture; or --render text
    python train/play.py runs/NAME --seats 0 3 --opponents runs/OTHER        # in two seats, another run in the rest
    python train/run.py --learners 0 --opponents runs/NAME                   # learn against it

Prints figures; --out FILE.json writes them. docs/runs.md tells more.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `agents`

import tyro

from agents.runs import CONFIG, config_of
from ttc_env.checks import whole
from ttc_env.scripting.console import console, errors_in_one_line, say
from ttc_env.scripting.files import write_text

if TYPE_CHECKING:
    from ttc_env.evaluation.tasks import Task


@dataclass
class Args:
    """Let what a run has learnt play."""

    run: Annotated[Path, tyro.conf.Positional]
    """folder of the run, or of one of its seeds"""
    task: str | None = None
    """judge it in this task instead, SUITE/NAME: of ttc_env.evaluation.suites.SUITES, or of a .toml file of your own"""
    seats: tuple[int, ...] = ()
    """providers that it plays, by index, against --opponents; by default those that it was trained for"""
    opponents: str | None = None
    """in the other seats: nash, best_response, random, or the folder of a run; by default as in its training"""
    explore: bool = False
    """play as in training, and not the best known"""
    periods: int | None = None
    """how many are played; by default an episode"""
    seed: int = 0
    """of the markets"""
    render: str | None = None
    """'text' prints every period, a name that ends in .gif is where a moving picture goes"""
    out: Path | None = None
    """JSON file for the figures"""

    def check(self) -> None:
        """Refuse what makes no sense, in a moment.

        Raises:
            ValueError: naming it.
        """
        from agents.frozen import check_opponents

        config_of(self.run)
        if self.periods is not None:
            whole("periods", self.periods)
        whole("seed", self.seed, least=0)
        if self.opponents is not None:
            check_opponents(self.opponents)
        if self.seats and self.opponents is None:
            raise ValueError("--seats say where it plays against --opponents, and none are given")
        if self.render not in (None, "text") and not str(self.render).endswith(".gif"):
            raise ValueError(f"render must be 'text' or a file that ends in .gif, got {self.render!r}")
        if self.task is not None and (self.opponents or self.render or self.periods):
            raise ValueError("a task says who plays and how long; leave out --opponents, --periods and --render")


def main(args: Args) -> dict[str, Any]:
    """Play or judge, print, write; returns the figures."""
    args.check()
    figures = play(args) if args.task is None else judge_in(args, find_task(args.task))
    if args.out is not None:
        write_text(args.out, json.dumps(figures, indent=2) + "\n")
        say("\nwritten to ", (args.out, "bold"))
    return figures


def find_task(name: str) -> Task:
    """The task `SUITE/NAME`.

    Raises:
        ValueError: there is none.
    """
    from ttc_env.evaluation import load_suite

    suite, _, wanted = name.rpartition("/")
    tasks = {task.name: task for task in load_suite(suite)}
    if wanted not in tasks:
        raise ValueError(f"unknown task {name!r}; allowed: {', '.join(f'{suite}/{known}' for known in tasks)}")
    return tasks[wanted]


def judge_in(args: Args, task: Task) -> dict[str, float]:
    """The figures of `evaluate_policy`."""
    import agents
    from agents.frozen import check_plays
    from train.comparison.populations import provide
    from ttc_env.evaluation import evaluate_policy

    learner: Any = agents.load(args.run)
    check_plays(str(args.run), learner.env, task.make_test_env(task.test[0]))
    provide([task])
    figures = evaluate_policy(task, learner.act, getattr(learner, "enter", None), args.seed)
    say((args.task, "bold"), f": {', '.join(task.tests)}")
    for name, value in figures.items():
        console.print(f"{name:28} {value:.4f}", highlight=False)
    return figures


def play(args: Args) -> dict[str, Any]:
    """Some periods, rendered if wanted, and judged."""
    import numpy as np

    from agents.runs import make_env
    from train.cast import Cast
    from train.console_tables import print_provider_table, print_summary
    from ttc_env.describing import describe
    from ttc_env.envs.render import render_period
    from ttc_env.evaluation.bounded import bounded_figures, is_exact
    from ttc_env.judging import judge
    from ttc_env.metrics import evaluate
    from ttc_env.playing import replay
    from ttc_env.rendering.film import write_film

    config, started = config_of(args.run), time.perf_counter()
    env = make_env(config, 1, dtype="float64")
    engine = getattr(env, "engine", env)
    cast = Cast(engine, args.run, args.seats, args.opponents, args.explore)
    periods = args.periods or engine.game.max_cycles
    played: list[np.ndarray] = []
    frames: list[Any] = []
    observations, _ = engine.reset(args.seed)
    for _ in range(periods):
        observations, _, _, _, info = engine.step(cast.act(observations))
        played.append(info["actions"][0])
        if args.render:
            frames.append(render_period(engine, info, "human" if args.render == "text" else "rgb_array"))
    if args.render and args.render != "text":
        write_film(args.render, frames)
        say("film of ", (args.render, "bold"), f": {periods} periods")
    if engine.game.dynamics is None:
        figures = evaluate(engine, replay(engine.market, engine.game.mechanism, np.stack(played)))
    elif is_exact(engine, any(map(remembers, (args.run, args.opponents)))):  # what it does in every state
        figures = judge(engine, cast.act, periods, cast.enter)
    else:
        figures = bounded_figures(engine, cast.act, cast.enter)
    head = {"market": describe(config["market"]).source, "mechanism": config["mechanism"], "beta": engine.market.beta}
    figures = head | {"agent_steps": periods * engine.num_providers} | figures
    print_provider_table(engine.market, figures)
    print_summary(engine.market, figures, time.perf_counter() - started)
    return figures


def remembers(player: str | Path | None) -> bool:
    """Whether a player is a run of a learner with a memory of its own."""
    from agents import find_class

    if player is None or not (Path(player) / CONFIG).exists():
        return False
    return getattr(find_class(config_of(Path(player))["algorithm"]), "remembers", False)


def command_line(words: list[str]) -> int:
    """Run the script with these arguments; returns its exit status, or leaves as the parser does."""
    with errors_in_one_line():
        main(tyro.cli(Args, args=words, description=__doc__))
    return 0


if __name__ == "__main__":
    raise SystemExit(command_line(sys.argv[1:]))
