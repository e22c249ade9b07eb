"""What a text answers, in the strict form its prompt asked for and in any recognisable form.

Answers are compared as canonical strings: numbers as reduced fractions, choices as capital letters.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal, NamedTuple

Kind = Literal["number", "integer", "choice"]  # integer: 0..999, as in AIME

_NUMBER = r"[-+]?\$?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:/\d+)?"
_FRACTION = re.compile(r"(-?)\\d?frac\{(\d+)\}\{(\d+)\}")
_HASHES = re.compile(rf"####\s*({_NUMBER})", re.ASCII)
_LAST_NUMBER = re.compile(_NUMBER, re.ASCII)
_STATED = re.compile(rf"(?:answer|result)\s*(?:is|:|=)\s*\**\s*\(?({_NUMBER})", re.ASCII | re.IGNORECASE)
_CHOICE = re.compile(r"answer\s*:\s*\**\s*\(?([A-J])\b", re.IGNORECASE)
_STATED_CHOICE = re.compile(r"answer\s*(?:is|:|=)\s*\**\s*\(?([A-J])\b", re.IGNORECASE)
_LAST_CHOICE = re.compile(r"(?:\(([A-J])\)|\b([B-HJ])\b|\bA\b(?=[.)\s]*$))")


class Extraction(NamedTuple):
    """The answer in the form asked for, and in any form; None where there is none."""

    strict: str | None
    flexible: str | None


def extract(text: str, kind: Kind) -> Extraction:
    r"""The answer a text ends with.

    Strict: `#### x` for numbers, `\boxed{x}` for integers, `Answer: X` for choices. Flexible: the last of any of
    these forms or of "the answer is x", else the last number (or lone choice letter) of the text.
    """
    boxed = last_boxed(text)
    if kind == "choice":
        strict = _last(_CHOICE, text)
        loose = strict or canonical(boxed, kind) or _last(_STATED_CHOICE, text) or _last_letter(text)
        return Extraction(canonical(strict, kind), canonical(loose, kind))
    strict = boxed if kind == "integer" else _last(_HASHES, text)
    forms = (boxed, _last(_HASHES, text), _last(_STATED, text), _last(_LAST_NUMBER, text))
    flexible = next((answer for answer in (canonical(form, kind) for form in forms) if answer is not None), None)
    return Extraction(canonical(strict, kind), flexible)


def canonical(answer: str | None, kind: Kind) -> str | None:
    """One spelling for equal answers, or None for what is no answer of this kind."""
    if answer is None:
        return None
    text = answer.strip().strip("()*").rstrip(".")
    if kind == "choice":
        text = re.sub(r"\\text\{(.*)\}", r"\1", text).strip("() ").upper()
        return text if re.fullmatch("[A-J]", text) else None
    text = re.sub(r"\\[,!;% ]|[$,%\s]|\\text\{.*\}", "", _FRACTION.sub(r"\1\2/\3", text))
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    if kind == "integer" and not (value.denominator == 1 and 0 <= value <= 999):
        return None
    return str(value)


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` with balanced braces."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed{")
    for place in range(begin - 1, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin:place]
    return None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return found[-1] if found else None


def _last_letter(text: str) -> str | None:
    found = list(_LAST_CHOICE.finditer(text))
    return (found[-1][1] or found[-1][2] or "A") if found else None
