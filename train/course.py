"""The course of a training, wherever its record is kept: learning, measuring on the way, and the figures at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from agents import Learner
from agents.resuming import can_resume, get_state, set_state
from agents.training import advance
from train.arguments import Args
from ttc_env import VectorMarket
from ttc_env.batch import one_market
from ttc_env.envs.seats import Seats
from ttc_env.evaluation.bounded import bounded_figures, is_exact
from ttc_env.judging import judge, shown_figures
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
    """What a training came to.

    summary: its figures beside the analytic ones, all of it plain values.
    path: columns that the learner reports of its way, or None.
    course: with the learner at its end.
    """

    summary: dict[str, Any]
    path: dict[str, list[Any]] | None
    course: Course


def follow(
    args: Args,
    seed: int,
    env: VectorMarket | Seats,
    record: Record,
    learner: Learner,
    show: Show = lambda steps, figures: None,
) -> Followed:
    """Train a learner to the end, or until it is stopped, and judge it.

    Args:
        args: of the run.
        seed: of the learner.
        env: one market, in which it is judged.
        record: keeps what happens on the way.
        learner: newly made.
        show: told of the progress.
    """
    course = Course(args, learner, record)
    shows, exact = getattr(learner, "played", None), is_exact(env, getattr(learner, "remembers", False))

    def greedy(observations: Any) -> Any:
        return learner.act(observations, greedy=True)

    def measure(periods: int) -> dict[str, Any]:
        if shows is not None and env.game.dynamics is not None:
            return shown_figures(env, learner.visited(), shows(learner.steps))  # type: ignore[attr-defined]
        if shows is not None:
            return evaluate(env, replay(one_market(env.market), env.game.mechanism, shows(periods)))
        enter = getattr(learner, "enter", None)
        return judge(env, greedy, periods, enter) if exact else bounded_figures(env, greedy, enter)

    interrupted = False
    try:
        course.learn(lambda: measure(10), show, from_the_start=shows is None)
    except KeyboardInterrupt:
        if shows is not None and learner.steps == 0:
            raise  # nothing was played, so there is nothing to report
        interrupted = True
    final = measure(args.max_cycles)
    report = learner.report() if hasattr(learner, "report") else {}
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
    return Followed(summary | ({"play": report} if report else {}), path, course)


class Course:
    """The course of a training: from its last checkpoint, if the folder has one, to its end.

    Args:
        args: of the run.
        learner: newly made.
        record: of the run; rows of metrics and checkpoints go there.
    """

    def __init__(self, args: Args, learner: Learner, record: Record) -> None:
        self.args, self.learner, self.record = args, learner, record
        self.updates, self.whole = 0, True
        state = record.saved()
        if state is None or getattr(learner, "starts_over", False):  # new, or killed before its first checkpoint
            record.clear()
            return
        if not can_resume(learner):
            raise ValueError(f"{args.algorithm} keeps no state to go on from: it lacks get_state and set_state")
        set_state(learner, state["learner"])
        record.go_on(state["rows"])
        self.updates = state["updates"]

    def save(self) -> None:
        """Write a checkpoint, unless the learner was stopped amid an update: then the last one stays."""
        if self.whole:
            state = get_state(self.learner) if can_resume(self.learner) else {"learnt": self.learner.state_dict()}
            self.record.save({"learner": state, "updates": self.updates})

    def learn(self, measure: Callable[[], dict[str, Any]], show: Show, from_the_start: bool = True) -> None:
        """Update until the steps are used up, writing a row of metrics at every evaluation, and one before if asked."""
        args, learner, record = self.args, self.learner, self.record
        started = saved = time.perf_counter()
        if from_the_start and not record.rows:
            with undivided():
                record.log(0, 0.0, measure(), {})
        while learner.steps < args.steps:
            with undivided():
                self.whole = False
                losses = advance(learner, self.updates + 1)
                self.updates += 1
                if self.updates % args.eval_every == 0 or learner.steps >= args.steps:
                    figures, seconds = measure(), time.perf_counter() - started
                    record.log(learner.steps, seconds, figures, losses)
                    show(learner.steps, figures)
                self.whole = True
                if time.perf_counter() - saved >= args.checkpoint_seconds and learner.steps < args.steps:
                    self.save()
                    saved = time.perf_counter()
