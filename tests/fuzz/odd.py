"""Odd values, and arguments of which one or two are odd."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

NUMBERS = (
    -1, 0, 1, 2, 3, 10**400, 0.5, -0.0, -1.0, 1e-300, 1e-39, 5e-324, 1e39, 1e300, 1.7e308, math.nan, math.inf,
    -math.inf,
)  # fmt: skip
TEXTS = (
    "",
    " ",
    "nash",
    "../../etc/passwd",
    "a/b",
    "os:path",
    "builtins:dict",
    "x" * 3000,
    "模型💥",
    "\0",
    "a\nb",
    "\ud800",
    "{}",
)
THINGS = (
    None, True, False, b"x", [], [1], (), {}, {"a": 1}, 1 + 2j, object(), Decimal(1), Fraction(1, 3), np.float32(2),
    np.int8(1), np.array(1.0), np.array([]), np.array([1.0, math.nan]), np.array([[1, 2], [3, 4]]), np.array(["a"]),
    np.ma.masked,
    np.ma.array([1.0, 2.0], mask=[True, False]), range(3), [[0.5], [0.5, 0.5]], "x",
)  # fmt: skip

odd = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.sampled_from(THINGS))


@st.composite
def spoilt(draw: Any, value: Any) -> Any:
    """A table with one odd cell, one row less, or one dimension more; or something else altogether."""
    table = np.asarray(value, dtype=float)
    way = draw(st.sampled_from(["cell", "cell", "cut", "deep", "odd"]))
    if way == "cell" and table.size:
        table = table.copy()
        table.flat[draw(st.integers(0, table.size - 1))] = draw(st.sampled_from([n for n in NUMBERS if n != 10**400]))
        return table
    if way == "cut" and table.ndim:
        return table[:-1]
    return table[None] if way == "deep" else draw(odd)


@st.composite
def arguments(draw: Any, usual: dict[str, Any], most: int = 2) -> dict[str, Any]:
    """The usual keywords, up to `most` of which are replaced by odd values or spoilt tables."""
    given = dict(usual)
    count = draw(st.sampled_from([0, 1, 1, most]))
    for name in draw(st.lists(st.sampled_from(sorted(usual)), min_size=min(count, 1), max_size=count, unique=True)):
        value = usual[name]
        is_table = isinstance(value, np.ndarray) or (isinstance(value, list) and not isinstance(value[0], str | dict))
        given[name] = draw(spoilt(usual[name]) if is_table else odd)
    return given


@st.composite
def garbled(draw: Any, text: str) -> bytes:
    """A file some bytes or lines of which were lost, doubled or replaced."""
    content = text.encode()
    for _ in range(draw(st.integers(0, 3))):
        lines = content.split(b"\n")
        at = draw(st.integers(0, len(lines) - 1))
        way = draw(st.sampled_from(["drop", "double", "cut", "cell", "bytes"]))
        if way == "drop":
            del lines[at]
        elif way == "double":
            lines.insert(at, lines[at])
        elif way == "cut":
            lines = [*lines[:at], lines[at][: draw(st.integers(0, 20))]]
        elif way == "cell":
            cells = lines[at].split(b",")
            cells[draw(st.integers(0, len(cells) - 1))] = draw(
                st.sampled_from(
                    [
                        "nan",
                        "-1",
                        "1e400",
                        "",
                        '"',
                        "a/b",
                        "0x10",
                        "1_000",
                        "\N{MATHEMATICAL DOUBLE-STRUCK DIGIT ONE}",
                        "٣",
                        "null",
                        "true",
                        "[" * 500,
                    ]
                )
            ).encode()
            lines[at] = b",".join(cells)
        else:
            lines[at] = draw(st.binary(max_size=12))
        content = b"\n".join(lines)
    return content
