"""math-verify as a second opinion on whether two mathematical answers are equal.

It runs in a process of its own, because computer algebra on what a model wrote may never end.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType


class SecondOpinion:
    """A context manager that answers `agrees(truth, text)` within `timeout` seconds."""

    def __init__(self, timeout: float = 5.0) -> None:
        self.timeout = timeout
        self._start()

    def agrees(self, truth: str, text: str) -> bool | None:
        """Whether math-verify reads the truth out of the text; None if it took too long or failed."""
        self._pipe.send((truth, text))
        try:
            if self._pipe.poll(self.timeout):
                verdict: bool | None = self._pipe.recv()
                return verdict
        except EOFError:
            pass
        self.close()
        self._start()
        return None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()
        if not self._pipe.poll(60) or self._pipe.recv() != "ready":
            raise RuntimeError("the math-verify process did not start within 60 s")

    def __enter__(self) -> SecondOpinion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(pipe: Connection) -> None:
    from math_verify import parse, verify

    pipe.send("ready")
    while True:
        truth, text = pipe.recv()
        try:
            pipe.send(bool(verify(parse(truth), parse(text))))
        except Exception:  # whatever a library does with a model's text, the measurement goes on
            pipe.send(None)
