"""Answers that are compared as text, without regard to case, decoration and blanks."""

from __future__ import annotations

import re

from curves.verify.answers import Extraction, last_boxed
from curves.verify.plain import after_thinking, plain

_STATED = re.compile(r"\banswer\b['\])]*\s*:\s*([^\n]+)", re.IGNORECASE)


def exact_answer(text: str) -> Extraction:
    """Strict: what follows the last `Answer:` on its line. Flexible: that, else the last box, else the last line."""
    text = plain(after_thinking(text))
    stated = _STATED.findall(text)
    strict = exact_spelling(stated[-1]) if stated else None
    lines = text.split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return Extraction(strict, strict or exact_spelling(last_boxed(text) or last))


def exact_spelling(answer: str) -> str | None:
    """Lower case, single blanks, without a full stop or quotes at the ends; None if nothing is left."""
    return " ".join(plain(answer).casefold().split()).strip(" .\"'") or None
