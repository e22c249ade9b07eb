"""The course of a training, wherever its record is kept: learning, measuring on the way, and the figures at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from agents import Learner
from agents.resuming import can_resume, get_state, set_state
from agents.training import advance_runs
from train.arguments import Args
from train.together import parts
from ttc_env import VectorMarket
from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.evaluation.bounded import bounded_figures, is_exact
from ttc_env.judging import judge, judge_each, shown_figures
from ttc_env.metrics import evaluate, replay
from ttc_env.scripting.signals import undivided

CURVES = ("nash_conv", "relative_nash_conv", "welfare", "user_value", "provider_profit", "payment")
AUCTION_CURVES = ("winner_efficiency", "truthfulness_gap")
Show = Callable[[int, dict[str, Any]], None]
"""told of the agent steps done and the latest figures"""


class Record(Protocol):
    """Where rows of metrics and checkpoints of a run go."""

    rows: list[dict[str, Any]]

    def saved(self) -> dict[str, Any] | None:
        """The last checkpoint, if there is one."""

    def go_on(self, rows: int) -> None:
        """Go on after so many rows."""

    def clear(self) -> None:
        """Forget what was logged."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep a checkpoint."""

    def log(self, agent_steps: int, seconds: float, figures: dict[str, Any], losses: dict[str, float]) -> None:
        """Keep a row."""


class Memory:
    """A record that is kept in memory and ends with the process: rows, and no checkpoints."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def saved(self) -> None:
        """No checkpoint."""

    def go_on(self, rows: int) -> None:
        """Keep the first rows."""
        del self.rows[rows:]

    def clear(self) -> None:
        """Forget all rows."""
        self.rows.clear()

    def save(self, state: dict[str, Any]) -> None:
        """Keep no checkpoint."""

    def log(self, agent_steps: int, seconds: float, figures: dict[str, Any], losses: dict[str, float]) -> None:
        """Keep a row."""
        self.rows.append(row(agent_steps, figures))


def row(agent_steps: int, figures: dict[str, Any]) -> dict[str, Any]:
    """A row of metrics: what changes over a training."""
    kept = {name: figures[name] for name in (*CURVES, *AUCTION_CURVES) if name in figures}
    levels = " ".join(map(str, figures["levels"]))
    return {"agent_steps": agent_steps} | kept | {"at_equilibrium": int(figures["at_equilibrium"]), "levels": levels}


class Followed(NamedTuple):
    """What a run came to.

    summary: its figures beside the analytic ones, all of it plain values.
    path: columns that the learner reports of its way, or None.
    save: writes its last checkpoint.
    """

    summary: dict[str, Any]
    path: dict[str, list[Any]] | None
    save: Callable[[], None]


def follow(
    args: Args,
    seeds: Sequence[int],
    env: VectorMarket | Seats,
    records: Sequence[Record],
    learner: Learner,
    show: Show = lambda steps, figures: None,
    tick: Callable[[int], None] = lambda steps: None,
) -> list[Followed]:
    """Train a learner to the end, or until it is stopped, and judge it; or several runs side by side, each by itself.

    Args:
        args: of the run.
        seeds: of the learner, one for each of its runs.
        env: one market, in which it is judged.
        records: keep what happens on the way, one for each of its runs.
        learner: newly made.
        show: told of the agent steps and figures of the first run at every evaluation.
        tick: told of the agent steps after every update; KeyboardInterrupt from either stops the training.
    """
    course = Course(args, learner, records)
    shows, exact = getattr(learner, "played", None), is_exact(env, getattr(learner, "remembers", False))

    def measure(run: Learner, periods: int) -> dict[str, Any]:
        if shows is not None and env.game.dynamics is not None:
            return shown_figures(env, learner.visited(), shows(learner.steps))  # type: ignore[attr-defined]
        if shows is not None:
            return evaluate(env, replay(one_market(env.market), env.game.mechanism, shows(periods)))
        greedy, enter = partial(run.act, greedy=True), getattr(run, "enter", None)
        return judge(env, greedy, periods, enter) if exact else bounded_figures(env, greedy, enter)

    beside: Any = args.make_env(len(seeds), dtype="float64") if len(seeds) > 1 and env.game.dynamics is None else None

    def measure_all(periods: int) -> list[dict[str, Any]]:
        if beside is not None:
            return judge_each(beside, partial(learner.act, greedy=True), periods)
        return [measure(run, periods) for run in course.runs]

    interrupted = False
    try:
        course.learn(partial(measure_all, periods=10), show, tick, from_the_start=shows is None)
    except KeyboardInterrupt:
        if shows is not None and learner.steps == 0:
            raise  # nothing was played, so there is nothing to report
        interrupted = True
    found = []
    finals = measure_all(args.max_cycles)
    for k, (seed, run, final) in enumerate(zip(seeds, course.runs, finals, strict=True)):
        report = run.report() if hasattr(run, "report") else {}
        path = report.pop("path", None)
        summary = {
            "market": args.market,
            "mechanism": args.mechanism,
            "dynamics": args.dynamics,
            "beta": env.market.beta,
            "algorithm": args.algorithm,
            "seed": seed,
            "agent_steps": learner.steps,
            "interrupted": interrupted,
            "demand": env.game.demand,
        } | final
        found.append(Followed(summary | ({"play": report} if report else {}), path, partial(course.save, k)))
    return found


class Course:
    """The course of a training: from its last checkpoint, if it has one, to its end.

    Args:
        args: of the run.
        learner: newly made.
        records: of its runs; rows of metrics and checkpoints go there. Several begin anew: they are the same alone, and
            go on alone.
    """

    def __init__(self, args: Args, learner: Learner, records: Sequence[Record]) -> None:
        self.args, self.learner, self.records = args, learner, records
        self.updates, self.whole = 0, True
        state = records[0].saved() if len(records) == 1 else None
        if state is None or getattr(learner, "starts_over", False):  # new, or killed before its first checkpoint
            for record in records:
                record.clear()
            return
        if not can_resume(learner):
            raise ValueError(f"{args.algorithm} keeps no state to go on from: it lacks get_state and set_state")
        set_state(learner, state["learner"])
        records[0].go_on(state["rows"])
        self.updates = state["updates"]

    @property
    def runs(self) -> list[Any]:
        """The learner as it stands, or each of its runs."""
        return parts(self.learner, self.records)

    def save(self, k: int) -> None:
        """Write a checkpoint of a run, unless it was stopped amid an update: then the last one stays."""
        if self.whole:
            run = self.runs[k]
            state = get_state(run) if can_resume(run) else {"learnt": run.state_dict()}
            self.records[k].save({"learner": state, "updates": self.updates})

    def learn(
        self,
        measure: Callable[[], list[dict[str, Any]]],
        show: Show,
        tick: Callable[[int], None],
        from_the_start: bool = True,
    ) -> None:
        """Update until the steps are used up, writing a row of metrics at every evaluation, and one before if asked."""
        args, learner, records = self.args, self.learner, self.records
        started = saved = time.perf_counter()

        def log(seconds: float, told: Sequence[dict[str, float]]) -> dict[str, Any]:
            found = measure()
            for record, figures, losses in zip(records, found, told, strict=True):
                record.log(learner.steps, seconds, figures, losses)
            return found[0]

        if from_the_start and not records[0].rows:
            with undivided():
                log(0.0, [{}] * len(records))
        while learner.steps < args.steps:
            with undivided():
                self.whole = False
                told = advance_runs(learner, self.updates + 1)
                self.updates += 1
                figures = None
                if self.updates % args.eval_every == 0 or learner.steps >= args.steps:
                    figures = log(time.perf_counter() - started, told)
                self.whole = True
                if time.perf_counter() - saved >= args.checkpoint_seconds and learner.steps < args.steps:
                    for k in range(len(records)):
                        self.save(k)
                    saved = time.perf_counter()
                if figures is not None:
                    show(learner.steps, figures)
                tick(learner.steps)
