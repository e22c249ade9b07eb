"""Everything the future of a learner depends on, and going on from there as if nothing had happened."""

from __future__ import annotations

from typing import Any

import numpy as np


def can_resume(learner: Any) -> bool:
    """Whether a learner says what its future depends on: by `get_state` and `set_state`, or by names in `resumes`."""
    return hasattr(learner, "get_state") or hasattr(learner, "resumes")


def get_state(learner: Any) -> dict[str, Any]:
    """What was learnt, and what else its future depends on: its markets, generators, memory, last observations."""
    if hasattr(learner, "get_state"):
        rest = learner.get_state()
    else:
        rest = {name: _get(getattr(learner, name)) for name in learner.resumes}
    return {"learnt": learner.state_dict(), "env": learner.env.get_state(), "rest": rest}


def set_state(learner: Any, state: dict[str, Any]) -> None:
    """Go on from `get_state` of a learner made with the same arguments."""
    learner.load_state_dict(state["learnt"])
    learner.env.set_state(like(learner.env.get_state(), state["env"]))
    if hasattr(learner, "set_state"):
        learner.set_state(state["rest"])
        return
    for name in learner.resumes:
        setattr(learner, name, _set(getattr(learner, name), state["rest"][name]))


def like(template: Any, value: Any) -> Any:
    """The value with the types of the template: tuples that have names, tensors on their device."""
    if isinstance(template, tuple) and isinstance(value, tuple):
        parts = [like(inner, given) for inner, given in zip(template, value, strict=True)]
        return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)
    if isinstance(template, dict) and isinstance(value, dict):
        return {key: like(template.get(key), inner) for key, inner in value.items()}
    if hasattr(template, "detach") and hasattr(value, "detach"):
        return value.to(template.device)
    if isinstance(template, np.generic):
        return template.dtype.type(value)
    return value


def _get(value: Any) -> Any:
    if isinstance(value, list):
        return [_get(inner) for inner in value]
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if hasattr(value, "get_state"):  # a torch generator, or a replay buffer
        return value.get_state()
    return value


def _set(now: Any, value: Any) -> Any:
    """What takes the place of `now`: the same object where it can be filled, so that its layout in memory stays."""
    if isinstance(now, list):
        return [_set(inner, given) for inner, given in zip(now, value, strict=True)]
    if isinstance(now, np.random.Generator):
        now.bit_generator.state = value
        return now
    if hasattr(now, "set_state"):
        now.set_state(value)
        return now
    if hasattr(now, "detach"):
        return now.copy_(value)
    if isinstance(now, np.ndarray):
        now[...] = value
        return now
    return value
