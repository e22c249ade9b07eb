"""Who earns what against whom: learners of a benchmark in the seats of one market, by their frozen play."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from train.comparison.leaderboard import Leaderboard
from ttc_env.evaluation.frozen import cross_play
from ttc_env.evaluation.tasks import Task
from ttc_env.mechanisms import make_mechanism

Matrix = tuple[list[str], np.ndarray]  # names, and what the row earns in one seat with the column in all others


def between_learners(board: Leaderboard, task: Task) -> Matrix:
    """Learner against learner, best first; in every seat a seed of the learner drawn anew, mean over test markets."""
    return _matrix(task, {name: board.cells.of(name, task.name) for name in board.ranking})


def between_seeds(board: Leaderboard, task: Task, learner: str) -> Matrix:
    """Seed against seed of one learner: whether runs that were trained apart fit together."""
    return _matrix(task, {f"seed {record['seed']}": [record] for record in board.cells.of(learner, task.name)})


def _matrix(task: Task, players: dict[str, list[dict]]) -> Matrix:
    def play(name: str, records: Iterable[dict]) -> np.ndarray:
        return np.concatenate([record["frozen"][name] for record in records])

    mechanism = make_mechanism(task.mechanism)
    matrices = [
        cross_play(task.market(name), mechanism, {who: play(name, records) for who, records in players.items()})
        for name in task.test
    ]
    return list(players), np.mean(matrices, axis=0)
