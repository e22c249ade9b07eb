"""What a text answers, in the strict form its prompt asked for and in any recognisable form.

Answers are compared as canonical strings: numbers as reduced fractions, choices as capital letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from curves.verify.letters import CALLED_RIGHT, last_letter, read_letter, stated_letter
from curves.verify.numbers import last_number, read_number, stated_number
from curves.verify.plain import after_thinking, plain

Kind = Literal["number", "integer", "choice"]  # integer: 0..999, as in AIME
Form = Callable[[str, Kind], "_Statement | None"]  # the last statement of some form

_BOX = re.compile(r"\\boxed\s*(?=\{)")
_ANY_BOX = re.compile(r"\\(?i:boxed|fbox|framebox)\s*(?=\{)")
_TAGGED = re.compile(r"<(?i:answer)>(?=[^<]{0,500}</(?i:answer)>)")
_HASHES = re.compile(r"####+ ?(?!\d+[.)] ?[A-Za-z])")  # no heading with a number
_IS = r"(?: ?(?:is|are|was|be|equals|becomes)\b(?!(?: not\b|n't| never\b))(?: ?[:=])?| ?[:=])"
_LINKS = "to|for|of|in|from|here|then|thus|therefore|now|would|should|must|will|has|can"
_FOR = rf"(?: (?:{_LINKS})\b[^.:=\n]{{0,80}}?)?"
_LABEL = r"\b(?i:{names})s?\b['\])*]*{of}(?i:{verb})|^[# ]*(?i:the )?(?i:final |correct )?(?i:answer)[ .]*\n"
_NAMES = {"number": "answer|result|solution", "choice": "answer|choice|option|solution|response"}
_LABELS = {
    kind: re.compile(_LABEL.format(names=names, of=_FOR, verb=_IS), re.MULTILINE) for kind, names in _NAMES.items()
}
_COLON = re.compile(r"\banswer\b['\])]*\s*:", re.IGNORECASE)
_END = re.compile(r"(?<=\S)\s*(?:<\|?(?:im_end|eot_id|endoftext|end|eos|end_of_text|end_of_turn)\|?>|</s>)")
_NEXT_WORDS = "Question|Q|Problem|Human|User|Instruction"
_NEXT = re.compile(rf"\n[# ]*(?:{_NEXT_WORDS})\b[ \d]*[:.]")
_SENTENCE = 500  # characters in which a statement has to end
_SHORT = 40  # characters of an answer that is remembered


class Extraction(NamedTuple):
    """The answer in the form asked for, and in any form; None where there is none."""

    strict: str | None
    flexible: str | None


class _Statement(NamedTuple):
    """Where an answer is stated in some form, and the answer, None where it cannot be read."""

    place: int
    answer: str | None


def extract(text: str, kind: Kind) -> Extraction:
    r"""The answer a text ends with, after its thinking and before it goes on to another question.

    Strict: `#### x` for numbers, `\boxed{x}` for integers, `Answer: X` for choices. Flexible: a box, else `####`, else
    "the answer is x" (for choices: `Answer: X` first), the last of its form; only where there is none of these the last
    number, or letter that stands alone. A form that cannot be read is no answer, unless a later one can.
    """
    text = _own_part(plain(after_thinking(text)), kind)
    asked = {"number": _hashes, "integer": _boxes, "choice": _colons}[kind](text, kind)
    return Extraction(asked.answer if asked else None, _flexible(text, kind))


def any_form(text: str, kind: Kind) -> str | None:
    """The answer of `extract` in any form, without asking for the strict one."""
    return _flexible(_own_part(plain(after_thinking(text)), kind), kind)


@lru_cache(maxsize=4096)  # a question's right answer comes again with every sample
def canonical(answer: str | None, kind: Kind) -> str | None:
    """One spelling for equal answers, or None for what is no answer of this kind."""
    return None if answer is None else _read(plain(answer), kind)


def last_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` with balanced braces."""
    places = list(_BOX.finditer(text))
    return _content(text, places[-1].end()) if places else None


def _flexible(text: str, kind: Kind) -> str | None:
    unread = -1
    for form in _ranked(kind):
        statement = form(text, kind)
        if statement is not None and statement.place > unread:
            if statement.answer is not None:
                return statement.answer
            unread = statement.place
    if unread >= 0:
        return None
    return last_letter(text) if kind == "choice" else _spelt(last_number(text), kind)


def _ranked(kind: Kind) -> tuple[Form, ...]:
    return (_colons, _any_boxes, _labels) if kind == "choice" else (_any_boxes, _hashes, _labels)


def _boxes(text: str, kind: Kind, pattern: re.Pattern[str] = _BOX) -> _Statement | None:
    places = list(pattern.finditer(text))
    return _within(text, kind, places[-1]) if places else None


def _any_boxes(text: str, kind: Kind) -> _Statement | None:
    tags = list(_TAGGED.finditer(text)) if "<" in text else []
    box = _boxes(text, kind, _ANY_BOX)
    return _within(text, kind, tags[-1]) if tags and (box is None or tags[-1].start() > box.place) else box


def _within(text: str, kind: Kind, opened: re.Match[str]) -> _Statement:
    """What stands between the mark that opens a box, or a tag, and the one that closes it."""
    begin = opened.end()
    content = _content(text, begin) if text[begin : begin + 1] == "{" else text[begin:].partition("<")[0]
    return _Statement(opened.start(), None if content is None else _read(content, kind))


def _hashes(text: str, kind: Kind) -> _Statement | None:
    return _after(_HASHES, text, kind)


def _colons(text: str, kind: Kind) -> _Statement | None:
    return _after(_COLON, text, kind)


def _labels(text: str, kind: Kind) -> _Statement | None:
    stated = _after(_LABELS["choice" if kind == "choice" else "number"], text, kind)
    right = list(CALLED_RIGHT.finditer(text)) if kind == "choice" else []
    if right and (stated is None or right[-1].start() > stated.place):
        return _Statement(right[-1].start(), right[-1]["letter"].upper())
    return stated


def _after(label: re.Pattern[str], text: str, kind: Kind) -> _Statement | None:
    """What is stated after the last label that states anything."""
    for found in reversed(list(label.finditer(text))):
        place = found.end()
        sentence = text[place : place + _SENTENCE]
        there, answer = stated_letter(sentence) if kind == "choice" else _number(sentence, kind)
        if there:
            return _Statement(place, answer)
    return None


def _number(sentence: str, kind: Kind) -> tuple[bool, str | None]:
    there, number = stated_number(sentence)
    return there, _spelt(number, kind)


def _own_part(text: str, kind: Kind) -> str:
    """The text up to where it ends, or goes on to a question of its own after it has answered."""
    if "<" in text and (end := _END.search(text)):
        text = text[: end.start()]
    begin = 0
    for other in _NEXT.finditer(text):
        head = text[begin : other.start()]
        if any(form(head, kind) for form in _ranked(kind)) or _read(head.strip().rpartition("\n")[2], kind):
            return text[: other.start()]
        begin = other.start()
    return text


def _read(content: str, kind: Kind) -> str | None:
    return _read_short(content, kind) if len(content) <= _SHORT else _read_any(content, kind)


def _read_any(content: str, kind: Kind) -> str | None:
    return read_letter(content) if kind == "choice" else _spelt(read_number(content), kind)


_read_short = lru_cache(maxsize=65536)(_read_any)  # the answers to a question come again and again


def _spelt(number: Fraction | None, kind: Kind) -> str | None:
    """A number as a reduced fraction, if it is of the kind."""
    if number is None or (kind == "integer" and not (number.denominator == 1 and 0 <= number <= 999)):
        return None
    return str(number)


def _content(text: str, begin: int) -> str | None:
    """What stands between the brace at `begin` and its partner; None if that never comes."""
    depth = 0
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin + 1 : place]
    return None
