"""Names as they are printed: short, never two alike, and nothing in them is obeyed by a terminal."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ttc_env.checks import is_integer

WIDTH = 20
"""columns of a terminal that a name takes at most"""
ABBREVIATIONS = (("-Instruct", ""), ("DeepSeek-R1-Distill-", "R1-"), ("Meta-", ""))
"""words that the names of the published markets share"""


def printable(text: str, keep: str = "\n\t") -> str:
    """The text with every character that a terminal may obey, and every invisible one, shown as an escape."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def short_names(names: Sequence[str], width: int = WIDTH) -> list[str]:
    """The providers of a market by short names, no two the same, at most `width` columns wide each.

    A name loses its organisation and words that say little, as long as no two become one; one that is still too long
    loses its middle. Names that only differ there end in `#` and their index, by which scripts take them too.
    """
    forms = [_forms(name) for name in names]
    stage = [0] * len(names)
    while True:
        texts = [form[k] for form, k in zip(forms, stage, strict=True)]
        longer = [i for i in _doubles(texts) if stage[i] + 1 < len(forms[i])]
        if not longer:
            break
        for i in longer:
            stage[i] += 1
    numbered: set[int] = set()
    while True:
        short = [_numbered(text, i, width) if i in numbered else clip(text, width) for i, text in enumerate(texts)]
        if not (doubles := _doubles(short) - numbered):
            return short
        numbered |= doubles


def find_provider(given: str | int, names: Sequence[str]) -> int:
    """Position of a provider given in full, as `short_names` prints it, by index, or by a part that only one name has.

    Raises:
        ValueError: no provider is meant, or several may be; which ones.
    """
    if isinstance(given, str):
        for known in (list(names), short_names(names)):
            if given in known:
                return known.index(given)
    index = int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else given
    if is_integer(index) and 0 <= index < len(names):
        return int(index)
    if isinstance(given, str):
        found = [i for i, name in enumerate(names) if given.strip() and given.strip().casefold() in name.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"provider {given!r} may be any of {', '.join(names[i] for i in found)}")
    forms = [form for name in names for form in _forms(name)]
    close = difflib.get_close_matches(given, forms, n=1) if isinstance(given, str) else []
    hint = f" (did you mean {close[0]}?)" if close else ""
    allowed = f"an index 0..{len(names) - 1} or one of {', '.join(names)}"
    raise ValueError(f"unknown provider {given!r}{hint}; allowed: {allowed}")


def clip(text: str, width: int) -> str:
    """The text in at most `width` columns, its middle left out where it is longer."""
    if columns(text) <= width:
        return text
    tail = ""
    while columns(text[-len(tail) - 1 :]) <= (width - 1) // 3:
        tail = text[-len(tail) - 1 :]
    head = ""
    while columns(text[: len(head) + 1]) <= width - 1 - columns(tail):
        head = text[: len(head) + 1]
    return f"{head}…{tail}"


def columns(text: str) -> int:
    """Columns of a terminal that the text takes: two for a wide character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def _forms(name: str) -> list[str]:
    """What a name may be printed as, from the shortest on."""
    model = name.rstrip("/").rsplit("/", 1)[-1]
    brief = model
    for word, instead in ABBREVIATIONS:
        brief = brief.replace(word, instead)
    return list(dict.fromkeys(printable(form, keep="") for form in (brief, model, name) if form.strip())) or ["?"]


def _doubles(texts: Sequence[str]) -> set[int]:
    counts = Counter(texts)
    return {i for i, text in enumerate(texts) if counts[text] > 1}


def _numbered(text: str, index: int, width: int) -> str:
    mark = f" #{index}"
    return clip(text, width - len(mark)) + mark
