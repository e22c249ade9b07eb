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
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def whole(name: str, value: Any, least: int = 1) -> int:
    """The value as an `int`.

    Raises:
        ValueError: it is not an integer, or less than `least`, naming it.
    """
    if not is_integer(value) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether the value is a Python or NumPy integer; `True` and `1.0` are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
