"""The terminal of all scripts: one console, and one way to say what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

console = Console()


@contextmanager
def errors_in_one_line(*also: type[Exception], resumable: bool = False) -> Iterator[None]:
    """End a script with status 2 and one clear line where its user's input or disk is at fault.

    Args:
        *also: further kinds of errors that are no fault of the script, besides ValueError and OSError.
        resumable: on Ctrl-C, say that the same command goes on from here, and end with status 130.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not resumable:
            raise
        console.print("[yellow]stopped; the same command goes on from here[/yellow]")
        raise SystemExit(130) from None
    except (ValueError, OSError, *also) as error:  # type: ignore[misc]  # mypy does not see into the unpacking
        console.print(f"[red]error:[/red] {error}", highlight=False)
        raise SystemExit(2) from None
