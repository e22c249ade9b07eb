"""The terminal of all scripts: one console, and one way to say what went wrong.

What is printed is taken as it stands: brackets are brackets, a colon is a colon, and characters that a terminal would
obey are shown as escapes. Where words shall stand out, `say` takes them as a pair of text and style.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ttc_env.names import printable
from ttc_env.scripting.signals import Stopped, stop_on_signals


class PlainConsole(Console):
    """Prints every string as it stands, those in tables included."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as text, without markup, emoji codes, highlighting or terminal escapes."""
        plain = {"markup": False, "emoji": False, "highlight": False, "highlighter": None}
        return super().render_str(printable(text), **options | plain)


console = PlainConsole(markup=False, emoji=False, highlight=False)


def say(*parts: object | tuple[object, str]) -> None:
    """Print one line of parts, each as it stands or a pair `(part, style)`; a long line is not broken."""
    line = Text()
    for part in parts:
        words, style = part if isinstance(part, tuple) else (part, "")
        line.append(printable(str(words)), style)
    console.print(line, soft_wrap=True)


def fail(error: object) -> None:
    """Say in one line what went wrong."""
    say(("error:", "red"), " ", printable(str(error), keep=""))


class PlainColumn(TextColumn):
    """A column of a progress bar that takes its text as it stands."""

    def render(self, task: Task) -> Text:
        """The format filled in from the task."""
        return Text(printable(self.text_format.format(task=task), keep=""), style=self.style)


def progress_bar(last: str = "", counted: bool = True) -> Progress:
    """A progress bar: description, how far, what was last, and the time that is left; at the end, that it took.

    Args:
        last: a format of `task.fields`, for what is said of the last step.
        counted: say how many of how many; otherwise per cent.
    """
    return Progress(
        PlainColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn() if counted else PlainColumn("{task.percentage:>3.0f}%"),
        PlainColumn(last),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
    )


@contextmanager
def errors_in_one_line(*also: type[Exception], resumable: bool = False) -> Iterator[None]:
    """End a script with status 2 and one clear line where its user's input or disk is at fault.

    SIGINT (Ctrl-C) and SIGTERM stop it with one line too and status 128 + signal, whatever handling it inherited; a
    second one ends it at once. A script that has something to save catches KeyboardInterrupt itself.

    Args:
        *also: further kinds of errors that are no fault of the script, besides ValueError and OSError.
        resumable: when it is stopped, say that the same command goes on from here.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to end
    try:
        with stop_on_signals():
            yield
    except KeyboardInterrupt as stop:
        say(("stopped; the same command goes on from here" if resumable else "stopped", "yellow"))
        raise SystemExit(128 + (stop.signal if isinstance(stop, Stopped) else 2)) from None
    except (ValueError, OSError, *also) as error:  # type: ignore[misc]  # mypy does not see into the unpacking
        fail(error)
        raise SystemExit(2) from None
