"""Gymnasium spaces of a repeated market."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from array_api_compat import array_namespace, device

from ttc_env.market import Array
from ttc_env.repeated import RepeatedMarket, observation_bounds, state_bounds


def action_space(game: RepeatedMarket) -> gymnasium.Space:
    """Action space of one provider: `Discrete` levels, or `MultiDiscrete` or `Box` bids."""
    sizes = game.mechanism.action_sizes(game.market)
    if game.mechanism.action_type == "box":
        return gymnasium.spaces.Box(-1.0, 1.0, (len(sizes),), np.float32)
    return gymnasium.spaces.Discrete(sizes[0]) if len(sizes) == 1 else gymnasium.spaces.MultiDiscrete(list(sizes))


def observation_space(game: RepeatedMarket, dtype: type = np.float32) -> gymnasium.spaces.Box:
    """Observation space of one provider, `(d,)`."""
    low, high = observation_bounds(game)
    return gymnasium.spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype)


def state_space(game: RepeatedMarket, dtype: type = np.float32) -> gymnasium.spaces.Box:
    """Space of the global state, `(D,)`."""
    low, high = state_bounds(game)
    return gymnasium.spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype)


def as_actions(
    space: gymnasium.Space,
    actions: Any,
    batch: tuple[int, ...],
    like: Array,
    *,
    check: bool = True,
    name: str = "actions",
) -> Array:
    """A batch of actions of one provider's space as a new array of the backend, device and precision of `like`.

    Raises:
        ValueError: wrong shape or type, or (if `check`) a value outside the space, NaN included.
    """
    integers = isinstance(space, gymnasium.spaces.Discrete | gymnasium.spaces.MultiDiscrete)
    xp = array_namespace(like)
    actions = _as_array(name, actions, like)
    shape = (*batch, *(space.shape or ()))
    if tuple(actions.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}, each in {space}; got {actions!r}")
    if not xp.isdtype(actions.dtype, "integral" if integers else "real floating"):
        raise ValueError(f"{name} must be in {space}, got {actions!r} of type {actions.dtype}")
    if check:
        sizes = getattr(space, "nvec", getattr(space, "n", 2))
        high = xp.asarray(sizes, device=device(like)) - 1 if integers else 1.0
        fits = (actions >= (0 if integers else -1.0)) & (actions <= high)
        if not bool(xp.all(fits)):
            index = tuple(int(axis[0]) for axis in xp.nonzero(~fits)[: len(batch)])
            raise ValueError(f"{name} must be in {space}, got {actions[index].tolist()} at {list(index)}")
    return xp.astype(actions, xp.int64 if integers else like.dtype)


def as_mask(rows: Any, batch: int, like: Array) -> Array:
    """A mask `(batch,)` as an array of the backend and device of `like`.

    Raises:
        ValueError: not booleans, or another shape.
    """
    xp = array_namespace(like)
    mask = _as_array("rows", rows, like)
    if mask.dtype != xp.bool or tuple(mask.shape) != (batch,):
        raise ValueError(f"rows must be a mask of shape ({batch},), got {rows!r}")
    return mask


def _as_array(name: str, values: Any, like: Array) -> Array:
    if isinstance(values, type(like)):
        return values
    try:
        return array_namespace(like).asarray(values, device=device(like))
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be numbers in an array, got {values!r}") from None
