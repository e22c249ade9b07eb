"""What a benchmark is made of: a cell is one learner on one task with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

PARTS = ("settings", "metrics", "curve", "frozen", "seconds")
"""what else a record of a cell holds"""


@dataclass(frozen=True, order=True)
class Cell:
    """What is run: a learner, a task of a suite, a seed, and the agent steps if not those of the task.

    Attributes:
        suite: its name; see `ttc_env.evaluation.suite_name`.
        digest: of the task's content, so that results of a task that was changed are those of another one;
            "" is whatever the task is now.
        source: what `load_suite` takes; no part of what a cell is.
    """

    suite: str
    learner: str
    task: str
    seed: int
    steps: int | None = None
    digest: str = ""
    source: str = field(default="", compare=False)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Cell:
        """The cell of a record.

        Raises:
            KeyError: it is no record of one, naming what it lacks.
        """
        for part in PARTS:
            record[part]
        return cls(**{name: record[name] for name in IDENTITY})

    @property
    def identity(self) -> dict[str, Any]:
        """What it is, as it stands in its record."""
        return {name: getattr(self, name) for name in IDENTITY}


IDENTITY = tuple(field.name for field in fields(Cell) if field.compare)
