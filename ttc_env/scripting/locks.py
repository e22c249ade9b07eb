"""Locks on open files, which the system lifts when their process ends, however it ends."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

PIECES = 2**62  # of a file that can be claimed one by one; none of them need exist


@contextmanager
def locked(handle: int) -> Iterator[None]:
    """Wait for the file to be free, and keep other processes from it.

    Raises:
        OSError: this system has no such locks.
    """
    fcntl = _fcntl()
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def try_lock(handle: int) -> bool:
    """Keep other processes from the file until it is closed; False if another one has it."""
    fcntl = _fcntl()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Claims:
    """Who does which piece of work, among the processes that share a folder; a process that dies claims nothing.

    Args:
        path: an empty file, created if need be.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def claim(self, work: str) -> bool:
        """Whether this process may do this work: no other one does."""
        fcntl = _fcntl()
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._piece(work))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def release(self, work: str) -> None:
        """The work is done, or given up."""
        fcntl = _fcntl()
        fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, self._piece(work))

    def close(self) -> None:
        """Give up all claims."""
        os.close(self._handle)

    @staticmethod
    def _piece(work: str) -> int:
        return int.from_bytes(hashlib.sha256(work.encode()).digest()[:8], "big") % PIECES


def _fcntl() -> ModuleType:
    try:
        import fcntl
    except ImportError:
        raise OSError("files are locked by fcntl, which Linux and macOS have; on Windows, use WSL") from None
    return fcntl
