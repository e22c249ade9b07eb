"""Files of JSON lines that others wrote, with byte-order marks, torn lines and any character inside a string."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Line(NamedTuple):
    """A line of a file: its number from 1, the object it holds, and, where it holds none, what is wrong."""

    number: int
    row: dict[str, Any]
    fault: str


def json_lines(path: Path) -> Iterator[Line]:
    r"""The lines of a file that are not blank; only `\n` ends a line, since JSON may hold U+2028 and its like.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            content = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if content:
                yield _read(number, content)


def _read(number: int, content: bytes) -> Line:
    try:
        row = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(number, {}, "not UTF-8 text")
    except (ValueError, RecursionError) as error:
        return Line(number, {}, f"not JSON ({getattr(error, 'msg', 'nested too deeply')})")
    return Line(number, row, "") if isinstance(row, dict) else Line(number, {}, "not a JSON object")
