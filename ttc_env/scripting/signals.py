"""How a script is stopped: SIGINT and SIGTERM end it in good order, whatever handling it inherited.

A script started with `&` from a shell script inherits that SIGINT is ignored, and SIGTERM, which schedulers and
containers send at their time limit, would end it on the spot. Here both raise `Stopped`, a KeyboardInterrupt.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 5.0  # seconds


class Stopped(KeyboardInterrupt):
    """A signal asked the script to end.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


class _Stop:
    """The signal of this process that is still to be obeyed."""

    pending: int | None = None
    """came while something was done that is not divided"""
    held = 0
    """how many such things are being done, one inside the other"""
    answer: Callable[[], None] | None = None
    """what is done about a signal instead of stopping"""


_stop = _Stop()


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise `Stopped` at the first SIGINT or SIGTERM; the second ends the process at once.

    Outside the main thread, where Python takes no signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _stop.pending = None
    before = {number: signal.signal(number, _receive) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def undivided() -> Iterator[None]:
    """Do what is inside wholly: a signal that comes meanwhile stops the script at its end.

    What takes longer than some seconds is cut short after all, where the system has a clock for it.
    """
    _stop.held += 1
    try:
        yield
    finally:
        _stop.held -= 1
        if _stop.pending is not None:
            _clock(0)
    _stop_now()


@contextmanager
def answered_by(answer: Callable[[], None]) -> Iterator[None]:
    """Answer the first signal that comes inside by this, and go on; the second still ends the process at once.

    For a script whose work is done in other processes, which are asked to end.
    """
    before, _stop.answer = _stop.answer, answer
    try:
        yield
    finally:
        _stop.answer = before


def _receive(number: int, frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    if _stop.answer is not None:
        _stop.answer()
        return
    _stop.pending = number
    if _stop.held:
        _clock(PATIENCE)
    _stop_now()


def _stop_now(even_inside: bool = False) -> None:
    if _stop.pending is not None and (even_inside or not _stop.held):
        number, _stop.pending = _stop.pending, None
        raise Stopped(number)


def _clock(seconds: float) -> None:
    """Lose patience after so many seconds; 0 for never. Systems without such a clock have all the patience there is."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda number, frame: _stop_now(even_inside=True))
        signal.setitimer(signal.ITIMER_REAL, seconds)
