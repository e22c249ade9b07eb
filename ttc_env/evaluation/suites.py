"""Suites: lists of tasks on which learners are compared, as TOML files.

    [[task]]
    name = "loyalty-gsm8k"
    train = "gsm8k/majority_voting"          # test = train, unless it says another
    dynamics = { loyalty = { cost = 0.004 } }
    steps = 300_000

A file has one `[[task]]` after another, with the fields of `Task`. Markets are names, descriptions such as
`{ source = "gpqa/best_of_n", providers = [1, 6, 8] }`, or lists of these.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from ttc_env.evaluation.tasks import Task

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[1] / "data" / "suites"
SUITES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
"""names of the suites that come along"""
REPLACED = {"ttc-lite-v0": "ttc-lite-v1", "ttc-main-v0": "ttc-main-v1"}
_FIELDS = {field.name for field in fields(Task)}
_TASK = re.compile(r"\s*\[\[\s*task\s*\]\]")


def load_suite(name: str) -> tuple[Task, ...]:
    """The tasks of a suite.

    Args:
        name: one of `SUITES`, or the path of a TOML file of your own.

    Raises:
        ValueError: no such suite, naming those there are; or a fault in a file, with its line and the reason.
        FileNotFoundError: a path to nothing.
    """
    if not name.endswith(".toml"):
        if name in REPLACED:
            raise ValueError(f"{name} is no more: what is observed has changed, take {REPLACED[name]}")
        if name not in SUITES:
            raise ValueError(f"unknown suite {name!r}; allowed: {', '.join(SUITES)}, or the path of a .toml file")
        return _shipped(name)
    path = Path(name).expanduser()
    try:
        return read_suite(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no text in UTF-8: {error.reason} at byte {error.start}") from None


def suite_name(name: str) -> str:
    """What a suite is called in tables and folders: of a file its name without folder and ending."""
    return Path(name).stem if name.endswith(".toml") else name


def suite_digest(tasks: tuple[Task, ...]) -> str:
    """Twelve digits that change with the content of any task: the version of a suite."""
    return hashlib.sha256(" ".join(task.digest for task in tasks).encode()).hexdigest()[:12]


@cache
def _shipped(name: str) -> tuple[Task, ...]:
    return read_suite((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def read_suite(text: str, file: str) -> tuple[Task, ...]:
    """The tasks of the text of a file, whose name stands in errors.

    Raises:
        ValueError: the first fault found, with its line and the reason.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}") from None
    entries = content.pop("task", None)
    if content:
        raise ValueError(f"{file}: unknown {next(iter(content))!r} outside the tasks; a suite has [[task]] tables only")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{file} has no tasks; a suite has one or more [[task]] tables")
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if _TASK.match(line)]
    heads = heads if len(heads) == len(entries) else [0] * len(entries)  # tables that are written inline
    tasks: dict[str, Task] = {}
    for entry, head in zip(entries, heads, strict=True):
        try:
            task = _task(entry)
            if task.name in tasks:
                raise ValueError(f"name {task.name!r} is that of an earlier task")
        except (ValueError, FileNotFoundError) as error:
            line = _line(lines, head, str(error))
            raise ValueError(f"{file}, line {line}, task {entry.get('name', '?')!r}: {error}") from None
        tasks[task.name] = task
    return tuple(tasks.values())


def _task(entry: Mapping[str, Any]) -> Task:
    for name in entry:
        if name not in _FIELDS:
            raise ValueError(f"{name} is no field of a task; allowed: {', '.join(sorted(_FIELDS))}")
    for name in ("name", "train"):
        if name not in entry:
            raise ValueError(f"a task needs a {name}")
    if not isinstance(entry["name"], str) or not entry["name"].strip():
        raise ValueError(f"name must be a text, got {entry['name']!r}")
    markets = {where: _markets(entry[where]) for where in ("train", "test") if where in entry}
    return Task(**{"test": markets["train"], **entry, **markets})


def _markets(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list) else (given,)


def _line(lines: list[str], head: int, reason: str) -> int:
    """The line, counted from 1, of the field that a reason begins with, or of the head of the task."""
    words = re.findall(r"\w+", reason)[:4]
    for number in range(head + 1, len(lines)):
        if _TASK.match(lines[number]):
            break
        key = re.match(r"\s*([\w-]+)\s*[=.]", lines[number])
        if key and key[1] in words:
            return number + 1
    return head + 1
