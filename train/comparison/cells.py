"""What a benchmark is made of: a cell is one learner on one task with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PARTS = ("settings", "metrics", "curve", "frozen", "seconds")
"""what else a record of a cell holds"""


@dataclass(frozen=True, order=True)
class Cell:
    """What is run: a learner, a task of a suite, a seed, and the agent steps if not those of the task."""

    suite: str
    learner: str
    task: str
    seed: int
    steps: int | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Cell:
        """The cell of a record.

        Raises:
            KeyError: it is no record of one, naming what it lacks.
        """
        for part in PARTS:
            record[part]
        return cls(*(record[field.name] for field in fields(cls)))
