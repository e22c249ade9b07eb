"""Raw records of a measurement, append-only and safe against being killed at any moment.

A folder holds `config.json` (what is measured; may not change), `records.jsonl` (a line per sample; all lines of a
question are written together), `usage.jsonl` (a line per batch: seconds, tokens, energy) and `sessions.jsonl` (a line
per start: machine and versions). What a killed process left torn at the end of a file is cut off when it resumes.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ttc_env.scripting.files import write_text
from ttc_env.scripting.jsonl import JsonLines
from ttc_env.scripting.locks import try_lock


class RawStore:
    """The folder of one measurement, open for appending by one process at a time.

    Args:
        folder: created if need be.
        config: JSON; a folder that was begun with another one is refused.
        records_per_question: how many lines make a question complete.

    Raises:
        ValueError: another configuration (naming the keys), another process at work, or damage before the last lines.
    """

    def __init__(self, folder: Path, config: dict[str, Any], records_per_question: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock(folder)
        begun = folder / "config.json"
        if begun.exists():
            same_configuration(folder, json.loads(begun.read_text(encoding="utf-8")), json.loads(json.dumps(config)))
        else:
            write_text(begun, json.dumps(config, indent=1) + "\n")
        self.done, end = complete_questions(folder / "records.jsonl", records_per_question)
        self._size = records_per_question
        self._files = {name: JsonLines(folder / f"{name}.jsonl") for name in ("records", "usage", "sessions")}
        self._files["records"].cut(end)

    def append(self, question: str, records: list[dict[str, Any]]) -> None:
        """Write all records of a question; they are on disk when this returns.

        Raises:
            ValueError: a question that is complete already, or not the agreed number of records.
            OSError: the disk is full or gone; nothing of this question is kept.
        """
        if question in self.done or len(records) != self._size:
            raise ValueError(f"question {question!r} is complete, or {len(records)} records are not {self._size}")
        self._files["records"].append([{"question": question, **record} for record in records])
        self.done.add(question)

    def note(self, name: str, line: dict[str, Any]) -> None:
        """Append a line to `usage` or `sessions`."""
        self._files[name].append([line])

    def __enter__(self) -> RawStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        self._lock.close()


def lock(folder: Path) -> TextIO:
    """A file that keeps other processes from a measurement until it is closed.

    Raises:
        ValueError: another process holds it.
    """
    held = open(folder / ".lock", "w", encoding="utf-8")  # noqa: SIM115 - held as long as the measurement goes on
    if not try_lock(held.fileno()):
        held.close()
        raise ValueError(f"{folder}: another process is measuring into this folder")
    return held


def complete_questions(path: Path, records_per_question: int) -> tuple[set[str], int]:
    """Questions with all their records, and the offset at which the last of them ends.

    Raises:
        ValueError: damage that no killed process leaves, naming the first line of the question.
    """
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    done: set[str] = set()
    end = 0
    for start in range(0, len(lines), records_per_question):
        block = lines[start : start + records_per_question]
        if len(block) < records_per_question or not block[-1].endswith(b"\n"):
            break  # written by a process that was killed; nothing can follow it
        names = {_question_of(line) for line in block}
        name = names.pop()
        if names or name is None or name in done:
            raise ValueError(f"{path}, line {start + 1}: damaged, or the question is there twice; move the file away")
        done.add(name)
        end += sum(map(len, block))
    return done, end


def _question_of(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["question"])
    except (ValueError, KeyError, TypeError):
        return None


def same_configuration(folder: Path, begun: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse to go on in a folder with anything else than what it was begun with.

    Raises:
        ValueError: naming what differs.
    """
    differing = [key for key in {**begun, **asked} if begun.get(key) != asked.get(key)]
    if differing:
        changes = "; ".join(f"{key}: {begun.get(key)!r} there, {asked.get(key)!r} now" for key in sorted(differing))
        raise ValueError(f"{folder} was begun with another configuration ({changes[:600]}); choose another folder")
