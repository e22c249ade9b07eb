"""One update of any learner, after which everything it holds is a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from agents import Learner


class NotFinite(ArithmeticError):
    """A loss, a gradient or a parameter is infinite or not a number: what is learnt from here on means nothing."""


def advance(learner: Learner, number: int) -> dict[str, float]:
    """Update a learner for the `number`-th time; returns its losses, gradient norms among them.

    Raises:
        NotFinite: what it reports or has learnt is not finite, naming the update and what it is.
    """
    return advance_runs(learner, number)[0]


def advance_runs(learner: Any, number: int) -> list[dict[str, float]]:
    """`advance` of a learner that may have several runs: the losses of each.

    Raises:
        NotFinite: in one of them.
    """
    told = learner.update_runs() if hasattr(learner, "update_runs") else [learner.update()]
    for name, value in [*(loss for losses in told for loss in losses.items()), *_leaves(learner.state_dict())]:
        if not _finite(value):
            raise NotFinite(f"update {number}: {name} is not finite ({_first(value)}); training ends here")
    return told


def _leaves(state: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in nested mappings and sequences, by its path."""
    if isinstance(state, Mapping):
        for name, value in state.items():
            yield from _leaves(value, f"{path}/{name}" if path else str(name))
    elif isinstance(state, list | tuple):
        for k, value in enumerate(state):
            yield from _leaves(value, f"{path}/{k}")
    else:
        yield path, state


def _finite(value: Any) -> bool:
    if hasattr(value, "isfinite"):  # a tensor
        return bool(value.isfinite().all())
    return np.asarray(value).dtype.kind not in "fc" or bool(np.isfinite(value).all())


def _first(value: Any) -> float:
    """The first number that is not finite."""
    values = np.asarray(value.cpu() if hasattr(value, "cpu") else value, dtype=float).ravel()
    return float(values[~np.isfinite(values)][0])
