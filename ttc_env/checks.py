"""Checks of single arguments: one clear error that names the value."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np


def finite(name: str, value: float) -> float:
    """The value as a float.

    Raises:
        ValueError: it is not a finite number, naming it.
    """
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    try:
        number = float(value) if real else math.nan
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {shown(value)}")
    return number


def within(name: str, value: float, low: float, high: float = math.inf, *, closed: str = "both") -> float:
    """The value as a float, if it is finite and in the interval; `closed` says which ends are in it.

    Raises:
        ValueError: it is not, naming it and the interval.
    """
    number = finite(name, value)
    above = number >= low if closed in ("both", "left") else number > low
    below = number <= high if closed in ("both", "right") else number < high
    if not (above and below):
        left, right = "[" if closed in ("both", "left") else "(", "]" if closed in ("both", "right") else ")"
        raise ValueError(f"{name} must be in {left}{low:g}, {high:g}{right}, got {shown(value)}")
    return number


def whole(name: str, value: Any, least: int = 1) -> int:
    """The value as an `int`.

    Raises:
        ValueError: it is not an integer, or less than `least`, naming it.
    """
    if not is_integer(value) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {shown(value)}")
    return int(value)


def listed(name: str, values: Any) -> tuple[Any, ...]:
    """The values as a tuple.

    Raises:
        ValueError: they are no sequence, naming them.
    """
    try:
        return tuple(values)
    except TypeError:
        raise ValueError(f"{name} must be a sequence, got {values!r}") from None


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether the value is a Python or NumPy integer; `True` and `1.0` are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """The value as an error shows it; whole numbers of thousands of digits, which Python refuses to print, by size."""
    long = isinstance(value, int) and value.bit_length() > 4096
    return f"a whole number of {value.bit_length()} bits" if long else repr(value)
