"""Who earns what against whom: learners of a benchmark in the seats of one market, by their frozen play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from train.comparison.leaderboard import Leaderboard
from ttc_env.equilibrium import Unanswered
from ttc_env.evaluation import Task, find_course

Matrix = tuple[list[str], np.ndarray]  # names, and what the row earns in one seat with the column in all others


def all_matrices(board: Leaderboard, tasks: Sequence[Task]) -> dict[str, Matrix]:
    """Learners against learners on every task, and on the first one seeds of the leader; without the tasks whose games
    have no exact answer to independent play.
    """
    found = {}
    for task in tasks:
        try:
            found[task.name] = between_learners(board, task)
        except Unanswered:
            continue
        if task is tasks[0] and board.leader is not None:
            found[f"{task.name}-seeds-of-{board.leader}"] = between_seeds(board, task, board.leader)
    return found


def between_learners(board: Leaderboard, task: Task) -> Matrix:
    """Learner against learner, best first; in every seat a seed of the learner drawn anew, mean over test markets."""
    return _matrix(task, {name: board.cells.of(name, task.name) for name in board.ranking})


def between_seeds(board: Leaderboard, task: Task, learner: str) -> Matrix:
    """Seed against seed of one learner: whether runs that were trained apart fit together."""
    return _matrix(task, {f"seed {record['seed']}": [record] for record in board.cells.of(learner, task.name)})


def _matrix(task: Task, players: Mapping[str, list[Mapping[str, Any]]]) -> Matrix:
    matrices = [
        find_course(task, name).cross_play(
            {who: [record["frozen"][name] for record in records] for who, records in players.items()}
        )
        for name in task.tests
    ]
    return list(players), np.mean(matrices, axis=0)
