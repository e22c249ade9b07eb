"""A file of JSON lines that survives being killed, a full disk, and several writers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ttc_env.scripting.locks import locked


class JsonLines:
    """Appends lines of JSON; what `append` has returned from is on disk, and what it has not is not there.

    A line that a killed process left unfinished is cut off by the next writer. Writers exclude each other.

    Args:
        path: the file, created if need be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def append(self, lines: Iterable[dict[str, Any]]) -> None:
        """Write all lines or none.

        Raises:
            OSError: the disk is full or gone; nothing of these lines is kept.
        """
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        with locked(self._handle):
            end = self._cut_torn_line()
            try:
                written = 0
                while written < len(data):
                    written += os.write(self._handle, data[written:])
                os.fsync(self._handle)
            except BaseException:  # a full disk, or a signal
                self.cut(end)
                raise

    def cut(self, end: int) -> None:
        """Keep the first `end` bytes."""
        os.ftruncate(self._handle, end)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._handle)

    def _cut_torn_line(self) -> int:
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            size = whole_lines(self.path.read_bytes())
            self.cut(size)
        return size


def whole_lines(content: bytes) -> int:
    """Where the last finished line ends."""
    return content.rfind(b"\n") + 1


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The finished lines of a file; none if there is no file.

    Raises:
        ValueError: a line that no killed process leaves, naming it.
    """
    content = path.read_bytes() if path.exists() else b""
    lines = content[: whole_lines(content)].splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError:
            raise ValueError(f"{path}, line {number}: damaged; move the file away") from None
    return records
