"""Choices in plain text (see `curves.verify.plain`): one of the letters A to J, every one of them treated alike.

"a combination" and "I think" are no choices, and neither is "B or C".
"""

from __future__ import annotations

import re

_VERBS = "think|believe|am|was|do|did|don|can|cannot|could|will|would|have|had|know|guess|see|get|got|need|hope|used"
_LETTER = rf"(?P<letter>[A-J](?![A-Za-z0-9]|['’][a-z]| (?:{_VERBS})\b)|[a-j](?=[)\]}}' ]*(?:[.,;:!?\n]|$)))"
_OPEN = r"(?:[\s({'\[|*:=]|\\boxed)*"
_CALLED = r"(?:the )?(?:correct |right |final |best )?(?:option|choice|answer|letter)(?: is)?"
_SURELY = "therefore|thus|clearly|indeed|definitely|probably|most likely"
_CLOSE = r"[)}\]']*"
_STOP = rf"{_CLOSE}[.:)] ?\S.*|[)}}\]']+ \S.*| ?=.*|[)}}\]'. ]*$"
_MORE = "because|since|as|is|was|due|by|and|or|but|with|which|for|once|given|must|has|seems|looks"
_STATED = re.compile(rf"{_OPEN}(?:(?:{_CALLED}|{_SURELY})\b{_OPEN})*{_LETTER}")
_WHOLE = re.compile(rf"{_OPEN}(?:(?i:{_CALLED})\b{_OPEN})?{_LETTER}(?:{_STOP})", re.DOTALL)
_ALONE = re.compile(
    rf"(?<![A-Za-z0-9])(?<![A-Za-z0-9]['.&-]){_LETTER}(?={_CLOSE}(?: ?(?:$|[\n.,;:!?)\]])| (?:{_MORE})\b))"
)
_LISTED = re.compile(
    rf"[)}}\]' ]*(?:,|/|&|-|\bor\b|\band\b)(?: ?(?:or|and))?{_OPEN}[A-J]{_CLOSE}(?=\s*(?:$|[.,;:!?]|or\b|and\b))"
)
_LIST_BEFORE = re.compile(r"\b[A-J][)\]}' ]*(?:,|/|&|\bor\b|\band\b)[(\[' ]*$")
_ITEM = re.compile(r"^ ?\(?([A-J])\)?[).:] ", re.MULTILINE)

CALLED_RIGHT = re.compile(rf"(?<![A-Za-z0-9]){_LETTER}\)? (?:is|was) (?:the )?(?:correct|right|best|answer)\b")


def read_letter(text: str) -> str | None:
    """The choice that the whole text is, or names before its wording."""
    found = _WHOLE.match(text)
    return None if found is None or _LISTED.match(text, found.end("letter")) else found["letter"].upper()


def stated_letter(text: str) -> tuple[bool, str | None]:
    """Whether a choice stands where the text begins, and which one; "B or C" is none, "B, not (C)" is B."""
    found = _STATED.match(text)
    if found is None:
        return False, None
    return True, None if _LISTED.match(text, found.end()) else found["letter"].upper()


def last_letter(text: str) -> str | None:
    """The last letter that stands alone and ends no list; choices repeated at the beginnings of lines do not count."""
    items = list(_ITEM.finditer(text))
    listed = {item.start(1) for item in items} if len({item[1] for item in items}) > 1 else set()
    found = [letter for letter in _ALONE.finditer(text) if letter.start() not in listed]
    if not found or _LIST_BEFORE.search(text, max(0, found[-1].start() - 20), found[-1].start()):
        return None
    return found[-1]["letter"].upper()
