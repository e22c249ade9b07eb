"""Arrays of NumPy and torch under one roof: look-ups in tables, and the way from one library to the other."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import is_torch_array

Array = Any  # a NumPy array or a torch tensor; the array-API standard has no common base class
BACKENDS = ("numpy", "torch")
BLOCK = 8192  # rows of a batch: what is kept of them fits into a level-2 cache


def namespace(array: Array) -> Any:
    """The array-API functions for an array; NumPy's own, which are it already, cost no look-up."""
    return np if isinstance(array, np.ndarray) else array_api_compat.array_namespace(array)


def device(array: Array) -> Any:
    """Where an array lives."""
    return "cpu" if isinstance(array, np.ndarray) else array_api_compat.device(array)


def convert(array: Array, backend: str, device: Any = None, dtype: str = "float64") -> Array:
    """A floating-point array in another library, device or precision.

    Raises:
        ValueError: unknown backend, device or dtype.
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"unknown dtype {dtype!r}; allowed: float32, float64")
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}; allowed: {', '.join(BACKENDS)}")
    array = as_numpy(array)
    if backend == "numpy":
        if device not in (None, "cpu"):
            raise ValueError(f"the numpy backend runs on the CPU, got device {device!r}")
        return array.astype(dtype)
    import torch

    try:
        return torch.tensor(array, dtype=getattr(torch, dtype), device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"torch cannot use device {device!r}: {error}") from None


def as_numpy(values: Any) -> Any:
    """An array, or a tuple of arrays, as NumPy arrays in host memory; None, a part that is missing, stays None."""
    if values is None:
        return None
    if isinstance(values, tuple):
        return type(values)(*map(as_numpy, values))
    return np.asarray(values.cpu() if is_torch_array(values) else values)


def largest(values: Array) -> Array:
    """The largest value along the last axis, which is kept with length one."""
    if isinstance(values, np.ndarray):
        return values.max(axis=-1, keepdims=True)
    return namespace(values).max(values, axis=-1, keepdims=True)


def blocks(array: Array) -> list[slice]:
    """Slices of the first axis, so small that what is read again and again stays in the processor's cache.

    One slice for a small batch, and on other devices, which work best on everything at once.
    """
    batch = array.shape[0]
    if batch <= BLOCK or str(device(array)) != "cpu":
        return [slice(None)]
    return [slice(first, first + BLOCK) for first in range(0, batch, BLOCK)]


def provider_major(array: Array, dtype: Any) -> Array:
    """A copy of `(B, n, ...)` that in NumPy lies in memory provider by provider, as `take` wants it."""
    if not isinstance(array, np.ndarray):
        return namespace(array).astype(array, dtype)
    copy = np.empty(array.shape, dtype, order="F")
    for rows in blocks(array):
        copy[rows] = array[rows]
    return copy


def table_rows(table: Array) -> Array:
    """Where each row of an `(..., n, m)` table begins once it is flattened, `(..., n)`."""
    xp, (*lead, m) = namespace(table), table.shape
    size = int(np.prod(lead)) * m
    return xp.reshape(xp.arange(0, size, m, device=device(table)), tuple(lead))


def at(table: Array, profile: Array) -> Array:
    """Entries of an `(n, m)` table at each provider's level: `(..., n)` for a profile `(..., n)`."""
    return take(table, profile + table_rows(table))


def take(table: Array, index: Array) -> Array:
    """Entries of the flattened table; those of a profile are at `profile + table_rows(table)`.

    In NumPy the result lies in memory provider by provider: sums over the providers, the last axis, then run along
    the batch, several times as fast as across it.
    """
    if isinstance(table, np.ndarray):
        return table.take(index.T, mode="clip").T  # "clip" leaves out a copy; indices have been checked
    return namespace(table).reshape(table, (-1,))[index]
