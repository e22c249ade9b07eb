"""Arrays of NumPy and torch under one roof: look-ups in tables, and the way from one library to the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import is_torch_array

Array = Any  # a NumPy array or a torch tensor; the array-API standard has no common base class
BACKENDS = ("numpy", "torch")
BLOCK = 8192  # rows of a batch: what is kept of them fits into a level-2 cache
_PACKS = 128  # entries that are kept of each number of a table, so that those of a provider stay in a level-1 cache


def namespace(array: Array) -> Any:
    """The array-API functions for an array; NumPy's own, which are it already, cost no look-up."""
    return np if isinstance(array, np.ndarray) else array_api_compat.array_namespace(array)


def device(array: Array) -> Any:
    """Where an array lives."""
    return "cpu" if isinstance(array, np.ndarray) else array_api_compat.device(array)


def precision(array: Array) -> str:
    """`"float32"` or `"float64"`."""
    return str(array.dtype).removeprefix("torch.")


def own_table(name: str, given: Any) -> Array:
    """A copy of a table as an array of floats: single precision and torch stay, everything else becomes float64.

    NumPy's cannot be written to.

    Raises:
        ValueError: not an array of real numbers, or some of them are masked.
    """
    if is_torch_array(given):
        xp = namespace(given)
        if xp.isdtype(given.dtype, ("complex floating", "bool")):
            raise ValueError(f"{name} must be real numbers, got {given!r}")
        return given.clone() if given.dtype in (xp.float32, xp.float64) else xp.astype(given, xp.float64)
    if np.ma.is_masked(given):
        raise ValueError(f"{name} must have no masked entries, got {given!r}")
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "iufO":
            raise TypeError(array.dtype)
        single = isinstance(given, np.ndarray) and array.dtype == np.float32
        table = np.array(array, dtype=np.float32 if single else np.float64)
    except (TypeError, ValueError, OverflowError):  # complex, words, ragged, no numbers, or beyond floats
        raise ValueError(f"{name} must be real numbers in an array, got {given!r}") from None
    table.flags.writeable = False
    return table


def convert(array: Array, backend: str, device: Any = None, dtype: str = "float64") -> Array:
    """A floating-point array in another library, device or precision.

    Raises:
        ValueError: unknown backend, device or dtype, or a number that does not fit the precision.
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"unknown dtype {dtype!r}; allowed: float32, float64")
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}; allowed: {', '.join(BACKENDS)}")
    array = as_numpy(array)
    largest = float(np.abs(array).max(initial=0.0))
    if np.isfinite(largest) and largest > float(np.finfo(dtype).max):
        raise ValueError(f"{largest!r} does not fit {dtype}")
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


def only(mask: Array, values: Array) -> Array:
    """Values where a mask is true, -inf elsewhere."""
    if not isinstance(values, np.ndarray):
        return namespace(values).where(mask, values, -np.inf)
    bound = mask.astype(values.dtype)  # inf or -inf, and the lesser of both: half the time of `where`
    bound -= 0.5
    bound *= np.inf
    return np.minimum(values, bound)


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


def columns(table: Array, index: Array) -> Array:
    """The columns of `(k, S)` that indices `(...)` name, `(..., k)`; beyond them is the last one."""
    if isinstance(table, np.ndarray):
        found = table.take(index, axis=-1, mode="clip")
        return found.T if found.ndim == 2 else np.moveaxis(found, 0, -1)
    xp = namespace(table)
    return xp.moveaxis(table[:, xp.clip(index, 0, table.shape[-1] - 1)], 0, -1)


@dataclass(frozen=True, eq=False)
class Choice:
    """Tables `(n, k, S)`, one of which each row of a batch has: the one of its state."""

    tables: Array

    def write(self, state: Array, out: Array) -> None:
        """Write into `out`, `(B, n, k)`, the tables of states `(B,)`."""
        if not isinstance(self.tables, np.ndarray):
            out[...] = namespace(state).permute_dims(self.tables[..., state], (2, 0, 1))
            return
        room, size = out.transpose(1, 2, 0), self.pack
        if size > 1 and state.size % size == 0 and room.strides[-1] == room.itemsize:
            weights = self.tables.shape[-1] ** np.arange(size)[::-1]
            state, room, tables = state.reshape(-1, size) @ weights, room.view(self.packed.dtype), self.packed
        else:
            tables = self.tables
        for table, part in zip(tables, room, strict=True):
            table.take(state, axis=-1, mode="clip", out=part)

    @cached_property
    def pack(self) -> int:
        """How many rows are looked up at once: a look-up costs the same for up to 16 bytes."""
        return next(size for size in (4, 2, 1) if self.tables.shape[-1] ** size <= _PACKS or size == 1)

    @cached_property
    def packed(self) -> np.ndarray:
        """The entries of `pack` rows beside each other, for all the states that these may have, `(n, k, S^pack)`."""
        states = np.indices((self.tables.shape[-1],) * self.pack).reshape(self.pack, -1).T
        found = np.ascontiguousarray(self.tables[..., states])
        return found.view(f"V{self.pack * found.itemsize}")[..., 0]


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
