"""The records of a benchmark by cell: a learner on a task with a seed."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np


class Cells:
    """The records of some learners on some tasks, by cell.

    Args:
        records: as the benchmark stores them, in any order; those of other learners, tasks and seeds are left out.
        learners, tasks: names; by default all that have records. Tasks stay in the order given.
        seeds: those of every cell; by default those a learner has on any task.

    Attributes:
        records: by learner, task and seed.
        seeds, missing: per learner the seeds of its cells, and the cells without a record.
        complete: the learners without such.

    Raises:
        ValueError: two records of one cell, two suites, or a learner with two settings: what they say cannot be
            averaged; or no learner, task or seed.
    """

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]],
        learners: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        self.records: dict[tuple[str, str, int], Mapping[str, Any]] = {}
        for record in records:
            cell = record["learner"], record["task"], record["seed"]
            asked = zip(cell, (learners, tasks, seeds), strict=True)
            if not all(chosen is None or name in chosen for name, chosen in asked):
                continue
            if cell in self.records:
                raise ValueError("two records of the cell learner {!r}, task {!r}, seed {}".format(*cell))
            self.records[cell] = record
        names, places, numbers = (
            (sorted(set(column)) for column in zip(*self.records, strict=True)) if self.records else ((),) * 3
        )
        self.learners = sorted(set(names if learners is None else learners))
        self.tasks = list(dict.fromkeys(places if tasks is None else tasks))
        common = list(numbers) if seeds is None else sorted(set(seeds))
        if not (self.learners and self.tasks and common):
            raise ValueError(f"nothing to compare: learners {self.learners}, tasks {self.tasks}, seeds {common}")
        own = {name: sorted({seed for learner, _, seed in self.records if learner == name}) for name in self.learners}
        self.seeds = {name: own[name] if seeds is None and own[name] else common for name in self.learners}
        self.missing = {
            name: [cell for cell in self._wanted(name) if cell not in self.records] for name in self.learners
        }
        self.complete = [name for name in self.learners if not self.missing[name]]
        self.suite = " ".join(sorted({record["suite"] for record in self.records.values()}))
        self.versions = sorted({record["version"] for record in self.records.values()})
        if " " in self.suite:
            raise ValueError(f"records of several suites cannot be compared: {self.suite}")
        for learner in self.learners:
            settings = {json.dumps(record["settings"], sort_keys=True) for record in self.of(learner)}
            if len(settings) > 1:
                raise ValueError(f"records of {learner!r} have different settings: {' and '.join(sorted(settings))}")

    def _wanted(self, learner: str) -> list[tuple[str, str, int]]:
        return list(itertools.product([learner], self.tasks, self.seeds[learner]))

    def of(self, learner: str, task: str | None = None) -> list[Mapping[str, Any]]:
        """Records of a learner, on one task if asked, by task and seed."""
        found = (self.records.get(cell) for cell in self._wanted(learner) if task in (None, cell[1]))
        return [record for record in found if record is not None]

    def matrix(self, learner: str, metric: str, tasks: Sequence[str] | None = None) -> np.ndarray | None:
        """A metric of a complete learner `(num_tasks, num_runs)`; None where a cell lacks it, not a mean over fewer."""
        tasks = tasks or self.tasks
        values = [record["metrics"].get(metric) for task in tasks for record in self.of(learner, task)]
        return None if None in values else np.array(values, dtype=float).reshape(len(tasks), -1)

    def scores(self, learner: str, tasks: Sequence[str] | None = None) -> np.ndarray:
        """The score of a complete learner `(num_tasks, num_runs)`, runs by seed.

        Raises:
            ValueError: a cell without a finite score, naming it.
        """
        for record in self.of(learner):
            if not math.isfinite(record["metrics"].get("score", math.nan)):
                raise ValueError(
                    f"learner {learner!r}, task {record['task']!r}, seed {record['seed']} has no finite score"
                )
        scores = self.matrix(learner, "score", tasks)
        assert scores is not None
        return scores
