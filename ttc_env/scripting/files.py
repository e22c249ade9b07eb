"""Files that are whole or not there: nothing that replaces another file ever leaves half of one."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft beside `path` to write to; it takes the place of `path` at the end, on disk and all at once.

    On an error, or if the process is killed, `path` is what it was.
    """
    draft = path.with_name(f".{os.getpid()}.part.{path.name}")  # the same suffix, which tells some writers the format
    try:
        yield draft
        _on_disk(draft)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        _on_disk(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, all of it or nothing."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="")


def write_columns(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write columns of equal length as a CSV file, all of it or nothing."""
    with replacing(path) as draft, open(draft, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def remove_drafts(folder: Path) -> None:
    """Remove what killed writers left in a folder that nobody writes to."""
    for draft in folder.glob(".*.part.*"):
        draft.unlink()


def file_name(text: str) -> str:
    """The text as the name of a file on any system; what had to be changed ends in a hash, so that no two are alike."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._=+-") else "-" for c in text).lstrip(".-")[:100]
    return (
        kept
        if text and kept == text
        else f"{kept}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"
    )


def _on_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
