"""Where a run is written: a folder of its own, that one process writes to, and that replaces another one safely."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ttc_env.scripting.files import remove_drafts
from ttc_env.scripting.locks import try_lock

CONFIG, SUMMARY = "config.json", "summary.json"
FORMER = ".{}.former"
"""name of the finished run that one being made is to replace, until that is finished too"""


@contextmanager
def new_folder(out: Path, name: str, overwrite: bool) -> Iterator[Path]:
    """A folder for a run, named `name` below `out`.

    An error before anything was learnt leaves things as they were. A run that is replaced is set aside until its
    successor is finished, and is still there if that is killed.

    Raises:
        ValueError: it exists and may not be overwritten, or is no run, or a name that is no plain one.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise ValueError(f"name must be a plain name of a folder below {out}, got {name!r}")
    path, former = out / name, out / FORMER.format(name)
    if former.exists() and not path.exists():  # killed between the two renames below
        former.rename(path)
    if path.exists():
        _check_replaceable(path, former, overwrite)
        if not any(path.iterdir()):
            path.rmdir()
        elif former.exists() and not reported(path):
            shutil.rmtree(path)
        else:
            shutil.rmtree(former, ignore_errors=True)
            path.rename(former)
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise ValueError(f"{path} has just been made by another process; choose another --name") from None
    try:
        yield path
    except BaseException:
        if not learnt(path):
            shutil.rmtree(path)
            if former.exists():
                former.rename(path)
        raise
    shutil.rmtree(former, ignore_errors=True)


@contextmanager
def old_folder(path: Path) -> Iterator[Path]:
    """The folder of a run to go on with; the one it was to replace goes when it is finished.

    Raises:
        ValueError: it is none.
    """
    if not (path / CONFIG).is_file():
        raise ValueError(f"{path} is no folder of a run: it has no {CONFIG}")
    os.close(held(path))
    for folder in (path, *path.glob("seed*")):
        remove_drafts(folder)
    yield path
    shutil.rmtree(path.with_name(FORMER.format(path.name)), ignore_errors=True)


def _check_replaceable(path: Path, former: Path, overwrite: bool) -> None:
    if not overwrite:
        aside = f"; the finished run it was to replace is in {former}" if former.exists() else ""
        raise ValueError(f"{path} exists; choose another --name, or replace it with --overwrite{aside}")
    if not path.is_dir() or (any(path.iterdir()) and not (path / CONFIG).is_file()):
        raise ValueError(
            f"{path} is no folder of a run (it has no {CONFIG}) and is not replaced; choose another --name"
        )
    if (path / CONFIG).exists():
        os.close(held(path))


def held(path: Path) -> int:
    """Keep a run's folder from other processes until the handle returned is closed.

    Raises:
        ValueError: another process writes to it.
    """
    handle = os.open(path / CONFIG, os.O_RDWR)
    if not try_lock(handle):
        os.close(handle)
        raise ValueError(f"another process is writing to {path}")
    return handle


def reported(path: Path) -> bool:
    """Whether a run came to its end, or was stopped and said what it had learnt."""
    return (path / SUMMARY).exists()


def finished(path: Path) -> dict[str, Any] | None:
    """The summary of a run that came to its end; None of one that did not."""
    if not reported(path):
        return None
    found: dict[str, Any] = json.loads((path / SUMMARY).read_text(encoding="utf-8"))
    return None if found["interrupted"] else found


def learnt(path: Path) -> bool:
    """Whether there is something in the folder of a run, or of one of its seeds, that is worth keeping."""
    if any(path.rglob(SUMMARY)) or any(path.rglob("checkpoint*")):
        return True
    if any(file.stat().st_size for file in path.rglob("transcript.jsonl")):  # answers that were paid for
        return True
    return any(file.read_bytes().count(b"\n") > 1 for file in path.rglob("metrics.csv"))
