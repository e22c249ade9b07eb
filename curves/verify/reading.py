"""How a task's answers are read: by the name of a kind, or by a function of one's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import cast, get_args

from curves.verify.answers import Extraction, Kind, canonical, extract
from curves.verify.exact import exact_answer, exact_spelling

Reader = Callable[[str], Extraction]
NAMES = (*get_args(Kind), "exact")


@cache
def reader(verifier: str) -> Reader:
    """What reads the answer of a text.

    Args:
        verifier: a kind (`number`, `integer`, `choice`), `exact` for answers that are compared as text, or
            `package.module:function` for a function of one's own, from a text to its answer or None.

    Raises:
        ValueError: no such verifier.
    """
    if verifier in get_args(Kind):
        return lambda text: extract(text, cast(Kind, verifier))
    if verifier == "exact":
        return exact_answer
    own = _function(verifier)
    return lambda text: Extraction(*[own(text)] * 2)


def spelling(verifier: str) -> Callable[[str], str | None]:
    """One spelling for equal right answers, or None for what is none; errors as in `reader`."""
    if verifier in get_args(Kind):
        return lambda answer: canonical(answer, cast(Kind, verifier))
    if verifier == "exact":
        return exact_spelling
    _function(verifier)
    return lambda answer: answer.strip() or None


def _function(verifier: str) -> Callable[[str], str | None]:
    module, mark, name = verifier.partition(":")
    try:
        found = getattr(importlib.import_module(module), name) if mark and module and name else None
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"cannot load verifier {verifier!r}: {error}") from None
    if not callable(found):
        raise ValueError(f"unknown verifier {verifier!r}; allowed: {', '.join(NAMES)}, or package.module:function")
    return cast(Callable[[str], "str | None"], found)
