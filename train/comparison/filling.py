"""Filling a store: what is missing runs, under a bar that says how long it takes, and is stored as soon as known.

Several processes may fill one store. What one of them runs it claims, and the others leave it alone; what is claimed by
a process that ends is claimed no longer, and those that wait for it take it over.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from train.together import TOGETHER
from ttc_env import __version__
from ttc_env.scripting.console import console, fail, progress_bar
from ttc_env.scripting.jsonl import JsonLines, read_lines, whole_lines
from ttc_env.scripting.locks import Claims

Item = TypeVar("Item")
Record = dict[str, Any]
Key = Callable[[Record], Hashable]
Work = Callable[[list[Item]], list[Record]]
PAUSE = 0.5  # seconds between two looks at what other processes have done


def finished(store: Path, key: Key) -> dict[Any, Record]:
    """The records of a store by what `key` makes of them; of one that two processes made, the first.

    Raises:
        ValueError: a line that is no record, one of another version of the suite's code, or a damaged one.
    """
    records: dict[Any, Record] = {}
    for number, record in enumerate(read_lines(store), start=1):
        try:
            version, name = record["version"], key(record)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{store}, line {number}: no record of this store, it lacks {error}") from None
        if version != __version__:
            raise ValueError(
                f"{store} holds results of version {version}, this is {__version__}; choose another --name"
            )
        records.setdefault(name, record)
    return records


def fill_store(
    work: Work[Item],
    items: Sequence[Item],
    store: Path,
    key: Key,
    title: str,
    name: Callable[[Item], str],
    jobs: int,
    backend: str,
    address: str | None = None,
    kind: Callable[[Item], Hashable] = lambda item: None,
) -> int:
    """Do what is missing and append each record as it ends; returns how many failed, each named with its traceback.

    Args:
        work: makes the records of some items; see `run_all` for it and for `backend` and `address`.
        items: all that there shall be records of; each is, or has as its `key`, what `key` makes of its record.
        store: file of JSON lines.
        key: of a record.
        title: stands before the bar.
        name: of an item, for people.
        jobs: how many at a time, if so many are missing.
        kind: of an item; those of one kind may be worked on together, those of the kind None are alone.
    """
    from train.comparison.workers import run_all  # takes a second to load

    missing = Missing(store, items, key)
    total, failed = missing.left, 0
    if not total:
        return 0
    with closing(missing), closing(JsonLines(store)) as file, progress_bar("{task.fields[last]}") as progress:
        bar = progress.add_task(title, total=total, last="")
        while missing.items:
            jobs = min(jobs, len(missing.items))
            groups = missing.claimed(min(TOGETHER, -(-len(missing.items) // jobs)), kind)
            with closing(run_all(partial(_attempts, work), groups, jobs, backend, address)) as results:
                for group, attempts, lost in results:
                    for item, (record, error) in zip(group, attempts or [(None, lost)] * len(group), strict=True):
                        if record is None:
                            failed += 1
                            fail(f"{name(item)} failed")
                            console.print(error)
                        else:
                            file.append([record])
                        missing.release(item)
                    progress.update(bar, completed=total - missing.left, last=name(group[-1]))
            if missing.items:
                progress.update(bar, completed=total - missing.left, last="waiting for another process")
                time.sleep(PAUSE)
    return failed


def _grouped(items: Sequence[Item], most: int, kind: Callable[[Item], Hashable]) -> list[list[Item]]:
    """The items in groups of up to so many of a kind, in the order of their first ones; each of the kind None alone."""
    groups: list[list[Item]] = []
    last: dict[Hashable, list[Item]] = {}  # group of every kind
    for item in items:
        own = kind(item)
        group = None if own is None else last.get(own)
        if group is None or len(group) == most:
            groups.append(group := [])
            last[own] = group
        group.append(item)
    return groups


def one_by_one(work: Callable[[Item], Record], items: list[Item]) -> list[Record]:
    """The records of items, where work is done on one at a time."""
    return [work(item) for item in items]


def _attempts(work: Work[Item], items: list[Item]) -> list[tuple[Record | None, str | None]]:
    """The record of each, or the traceback of its error; where it fails together, each alone."""
    try:
        return [(record, None) for record in work(items)]
    except Exception:
        told = traceback.format_exc()
    if len(items) == 1:
        return [(None, told)]
    return [attempt for item in items for attempt in _attempts(work, [item])]


class Missing(Generic[Item]):
    """The items without a record; those of them that other processes run are left to them.

    Args:
        store: of the records; the claims are in a file beside it.
        items: all that there shall be records of.
        key: of a record.

    Attributes:
        items: those that are neither recorded nor given out here.
    """

    def __init__(self, store: Path, items: Sequence[Item], key: Key) -> None:
        self._store, self._key = store, key
        self._there = set(finished(store, key))
        self._read = whole_lines(store.read_bytes()) if store.exists() else 0
        self._claims = Claims(store.with_name(".claims"))
        self._running = 0
        self.items = [item for item in items if _key(item) not in self._there]

    @property
    def left(self) -> int:
        """How many are not recorded, as far as is known."""
        return len(self.items) + self._running

    def claimed(self, most: int = 1, kind: Callable[[Item], Hashable] = lambda item: None) -> Iterator[list[Item]]:
        """The items that no other process runs or has run, each claimed as it is taken: up to so many of a kind."""
        for group in _grouped(self.items, most, kind):
            if mine := [item for item in group if self._claim(item)]:
                yield mine

    def _claim(self, item: Item) -> bool:
        """Whether it is to be done here."""
        if not self._claims.claim(repr(_key(item))):
            return False
        self.items.remove(item)
        self._look()
        if _key(item) in self._there:  # another process has just ended it
            self._claims.release(repr(_key(item)))
            return False
        self._running += 1
        return True

    def release(self, item: Item) -> None:
        """It is recorded, or has failed."""
        self._running -= 1
        self._claims.release(repr(_key(item)))

    def close(self) -> None:
        """Leave everything to others."""
        self._claims.close()

    def _look(self) -> None:
        """Read what has been recorded since the last time."""
        if not self._store.exists():
            return
        with self._store.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        end = whole_lines(content)
        self._there |= {self._key(json.loads(line)) for line in content[:end].splitlines()}
        self._read += end


def _key(item: Any) -> Hashable:
    return getattr(item, "key", item)
