"""Numbers as they stand in a text: short, and never two alike that differ."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

MOST = 17
"""significant digits that tell all doubles apart"""


def plain(value: float, digits: int) -> str:
    """The number with so many significant digits."""
    return f"{value + 0.0:.{digits}g}"  # + 0.0 turns a negative zero


def distinct(values: Sequence[float], digits: int) -> list[str]:
    """Rising numbers with as few digits more as it takes for no two to be printed alike."""
    for count in range(digits, MOST + 1):
        texts = [plain(value, count) for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def inside(low: float, high: float, digits: int) -> tuple[str, str]:
    """The ends of a range, rounded to lie in it."""
    for count in range(digits, MOST + 1):
        ends = [
            Context(prec=count, rounding=rounding).create_decimal(Decimal(end))
            for end, rounding in ((low, ROUND_CEILING), (high, ROUND_FLOOR))
        ]
        if low <= float(ends[0]) <= float(ends[1]) <= high:
            return plain(float(ends[0]), count), plain(float(ends[1]), count)
    return repr(low), repr(high)
