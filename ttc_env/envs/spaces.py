"""Gymnasium spaces of a repeated market."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from ttc_env.arrays import Array, device, namespace, provider_major
from ttc_env.observing import layout
from ttc_env.repeated import RepeatedMarket


def action_space(game: RepeatedMarket) -> gymnasium.Space:
    """Action space of one provider: `Discrete` levels, or `MultiDiscrete` or `Box` bids."""
    sizes = game.mechanism.action_sizes(game.market)
    if game.mechanism.action_type == "box":
        return gymnasium.spaces.Box(-1.0, 1.0, (len(sizes),), np.float32)
    return gymnasium.spaces.Discrete(sizes[0]) if len(sizes) == 1 else gymnasium.spaces.MultiDiscrete(list(sizes))


def observation_space(game: RepeatedMarket, dtype: type = np.float32) -> gymnasium.spaces.Box:
    """Observation space of one provider, `(d,)`."""
    return _box(*layout(game).bounds, dtype)


def shared_observation_space(game: RepeatedMarket, dtype: type = np.float32) -> gymnasium.spaces.Tuple:
    """Spaces of the two parts of `ttc_env.observing.Views`, `(d,)` and `(p,)`."""
    whole, own = observation_space(game, dtype), layout(game).own_size
    return gymnasium.spaces.Tuple(
        gymnasium.spaces.Box(whole.low[part], whole.high[part], dtype=dtype) for part in (slice(own), slice(own, None))
    )


def state_space(game: RepeatedMarket, dtype: type = np.float32) -> gymnasium.spaces.Box:
    """Space of the global state, `(D,)`."""
    return _box(*layout(game).state_bounds(game.market.num_providers), dtype)


def _box(low: np.ndarray, high: np.ndarray, dtype: type) -> gymnasium.spaces.Box:
    with np.errstate(over="ignore"):
        low, high = low.astype(dtype), high.astype(dtype)
    if not np.isfinite([low, high]).all():
        raise ValueError(
            f"observations leave the range of {np.dtype(dtype)}; rewards are profits in units of reward_scale, "
            "curves in units of answer_value"
        )
    return gymnasium.spaces.Box(low, high, dtype=dtype)


class Actions:
    """Reads batches of actions of one provider's space into new arrays of the backend, device and precision of `like`.

    Args:
        space: of one provider.
        batch: shape of a batch, for example `(B, n)`.
        like: example array.
        name: what errors call the actions.
    """

    def __init__(self, space: gymnasium.Space, batch: tuple[int, ...], like: Array, name: str = "actions") -> None:
        self.space, self.like, self.name, self.batch = space, like, name, batch
        self.shape = (*batch, *(space.shape or ()))
        self.integers = isinstance(space, gymnasium.spaces.Discrete | gymnasium.spaces.MultiDiscrete)
        self.dtype = namespace(like).int64 if self.integers else like.dtype
        self.low: Any = 0 if self.integers else -1.0
        self.high: Any = 1.0
        if isinstance(space, gymnasium.spaces.Discrete):
            self.high = int(space.n) - 1
        elif isinstance(space, gymnasium.spaces.MultiDiscrete):
            self.high = namespace(like).asarray(space.nvec - 1, device=device(like))

    def read(self, actions: Any, *, check: bool = True) -> Array:
        """The actions as an array.

        Raises:
            ValueError: wrong shape or type, or (if `check`) a value outside the space, NaN included.
        """
        xp = namespace(self.like)
        actions = _as_array(self.name, actions, self.like)
        if tuple(actions.shape) != self.shape:
            raise ValueError(f"{self.name} must have shape {self.shape}, each in {self.space}; got {actions!r}")
        if actions.dtype != self.dtype and not xp.isdtype(
            actions.dtype, "integral" if self.integers else "real floating"
        ):
            raise ValueError(f"{self.name} must be in {self.space}, got {actions!r} of type {actions.dtype}")
        given = actions
        with np.errstate(over="ignore", invalid="ignore"):  # what single precision cannot hold is outside the space
            actions = provider_major(given, self.dtype)
        if check:
            fits = (actions >= self.low) & (actions <= self.high)
            if not fits.all():
                index = tuple(int(axis[0]) for axis in xp.nonzero(~fits)[: len(self.batch)])
                raise ValueError(f"{self.name} must be in {self.space}, got {given[index].tolist()} at {list(index)}")
        return actions


def as_mask(rows: Any, batch: int, like: Array) -> Array:
    """A mask `(batch,)` as an array of the backend and device of `like`.

    Raises:
        ValueError: not booleans, or another shape.
    """
    xp = namespace(like)
    mask = _as_array("rows", rows, like)
    if mask.dtype != xp.bool or tuple(mask.shape) != (batch,):
        raise ValueError(f"rows must be a mask of shape ({batch},), got {rows!r}")
    return mask


def _as_array(name: str, values: Any, like: Array) -> Array:
    if isinstance(values, type(like)):
        return values
    try:
        return namespace(like).asarray(values, device=device(like))
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be numbers in an array, got {values!r}") from None
