"""Runs that learn side by side in one program, each to the last bit what it would learn alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import find_class

TOGETHER = 4
"""runs of one program; with more, what they hold no longer fits the caches of a core, and is learnt more slowly"""


def alike(algorithm: str, config: Any, num_providers: int) -> bool:
    """Whether a learner takes several seeds, and learns with each what it would learn alone."""
    kind: Any = find_class(algorithm)
    return bool(getattr(kind, "takes_seeds", False)) and kind.alike_together(config, num_providers)


def parts(learner: Any, runs: Sequence[Any]) -> list[Any]:
    """The learner of each of these runs: itself if there is only one."""
    return [learner] if len(runs) == 1 else [learner.run(k) for k in range(len(runs))]
