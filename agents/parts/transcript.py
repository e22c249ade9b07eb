"""Every question and answer of a player on disk, and answers found there again instead of asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ttc_env.scripting.chat import Reply
from ttc_env.scripting.jsonl import JsonLines, read_lines

NAME = "transcript.jsonl"


def key_of(question: Mapping[str, Any]) -> str:
    """What a stored answer is found by: everything that was asked, and of whom."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


class Transcript:
    """Questions and answers in the order in which answers came; without a file they are kept in memory alone."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}
        self._lines: JsonLines | None = None

    def read(self, path: Path) -> None:
        """Know the answers of a file, or of `transcript.jsonl` in a folder.

        Raises:
            ValueError: there is none, or it is damaged.
        """
        path = path / NAME if path.is_dir() else path
        if not path.exists():
            raise ValueError(f"there is no transcript {path}")
        for line in read_lines(path):
            try:
                reply = line["reply"]
                self._replies[line["key"]] = Reply(**reply | {"faults": tuple(reply["faults"])})
            except (KeyError, TypeError):
                raise ValueError(f"{path} is no transcript of this version") from None

    def write_to(self, folder: Path) -> None:
        """Append from now on to the file in a folder, and know what stands there."""
        path = folder / NAME
        if path.exists():
            self.read(path)
        self.close()
        self._lines = JsonLines(path)

    def find(self, key: str) -> Reply | None:
        """A stored answer."""
        return self._replies.get(key)

    def add(self, key: str, question: Mapping[str, Any], reply: Reply, where: Mapping[str, Any]) -> None:
        """Keep an answer, on disk before this returns. `where` says in words whose it is and when."""
        self._replies[key] = reply
        if self._lines is not None:
            self._lines.append([{"key": key, **where, "question": dict(question), "reply": reply._asdict()}])

    def close(self) -> None:
        """Give the file back."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None
