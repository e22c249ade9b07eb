r"""Numbers in plain text (see `curves.verify.plain`), read exactly or not at all.

A number is a decimal, with or without thousands, a fraction, a mixed number or a power of ten, with its sign, and
perhaps a unit. A root, a sum, a pair, a ratio, a list or a choice between numbers is none, and nothing is picked out.
"""

from __future__ import annotations

import re
from fractions import Fraction

_LONGEST = 400  # digits; what is longer is no answer, and would take long to add up

_WHOLE = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?!\d)|[1-9]\d{0,2}(?: \d{3})+(?!\d|[/.,]\d)|\d+)"
_DECIMAL = rf"(?:{_WHOLE}(?:\.\d+)?|(?<![\d.])\.\d+)"
_POWER = r" ?(?:\^|\*\*) ?(?:\{{ ?(?P<{0}>[-+]?\d+) ?\}}|(?P<{0}_>[-+]?\d+))"
_NUMBER = re.compile(
    rf"(?:(?P<sign>[-+])(?P<gap> ?))?(?:"
    rf"(?P<whole>\d{{1,3}}(?:,\d{{3}})+|\d+)(?: and | )(?P<part>\d+) ?/ ?(?P<of>\d+)"
    rf"|(?P<over>{_DECIMAL}) ?/ ?(?P<under>-?{_DECIMAL})"
    rf"|10{_POWER.format('ten')}"
    rf"|(?P<value>{_DECIMAL})(?:[eE](?P<e>[-+]?\d+)| ?[×*xX] ?10{_POWER.format('times')})?"
    rf")(?: (?P<many>hundred|thousand|million|billion|trillion)\b)?",
    re.ASCII,
)
_MANY = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}  # powers of ten

_JOINS = r"(?:or|and|to|plus|minus|times|over|by|of|than|mod|not|less|more|between|if|is|when|where|hundred|pi)"
_WORD = rf"(?!{_JOINS}\b)[A-Za-z]+\.?(?:\^\{{?-?\d\}}?)?"
_UNIT = re.compile(rf"(?: ?(?:%|°|\({_WORD}(?: {_WORD})*\)|[/*-]?{_WORD}))* ?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z](?![A-Za-z])| [a-zA-Z](?<![mgshLlNJWVKCF])(?![A-Za-z])")  # a factor, and no unit
_NAMED = re.compile(rf"(?:(?!{_JOINS}\b)[A-Za-z]{{2,}}[: ] ?)+(?=[-+.\d])", re.ASCII)

_LEAD = re.compile(
    r"(?:[\s({'\[|:;=*]|\\boxed)*(?:(?:about|approximately|roughly|around|exactly|simply|just|only|therefore|thus|then|indeed"
    r"|equal to|clearly|a total of|USD)\b(?:[\s({'\[|:;=*]|\\boxed)*)*",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"(?<![<>!])=+")
# What goes on so is more than a number, and so is what begins so.
_PART = re.compile(r" ?[\\^]|[_({]|[A-Za-z](?<![mgshL])(?![A-Za-z])|[.,:/]\d", re.ASCII)
_TERM = re.compile(r" ?[×*÷±/+] ?[\d\\(.]| [xX] \d| ?- ?\d", re.ASCII)
_LIST = re.compile(
    r" ?(?:[:&]|\bor\b|\band\b|\bto\b|\bthrough\b) ?\(?[-+]?[\d.\\]"
    r"|, ?(?:and |or )?[-+]?[\d.\\][^\s,;)]*(?: ?(?:$|[,;)\]])| (?:and|or)\b)",
    re.ASCII,
)
_INSIDE = re.compile(
    r"[\d)}\]] ?\^ ?\{?$|\\[A-Za-z]+ ?(?:\[[^\]]*\])? ?\{?$|[\d)][.,:/]$|\}\{$|\\\{ ?$|[\w)] ?[/+×*÷±] ?$|\d [xX] $",
    re.ASCII,
)
_IN_A_WORD = re.compile(r"[A-Za-z_](?:\^ ?\{?|\{)?$")  # an index, the exponent of a unit, H2O


def read_number(text: str) -> Fraction | None:
    """The number that the whole text is, apart from a unit and a name before it."""
    *names, text = _EQUALS.split(text)
    if any(re.search(r"[,;<>]|\b(?:or|and)\b", name) for name in names):
        return None
    text = text.strip(" \n'*")
    while text[:1] + text[-1:] in ("()", "{}") and not re.search(r"[(){}]", text[1:-1]):
        text = text[1:-1].strip()
    text = text.rstrip(".,;: ")
    named = _NAMED.match(text)
    found = _NUMBER.match(text, named.end() if named else 0)
    if found is None or not _UNIT.fullmatch(text, found.end()) or _VARIABLE.match(text, found.end()):
        return None
    return _value(found)


def stated_number(text: str) -> tuple[bool, Fraction | None]:
    """Whether the sentence that begins here begins with something like a number, and which number it is.

    An equation is worth its right side; "5, out of 12" is 5; "12 or 13", "3 + 4" and "(3, 4)" are none.
    """
    lead = _LEAD.match(text)
    sentence = re.split(r"\n|[.!?](?=\s|$)", text[lead.end() if lead else 0 :], maxsplit=1)[0]
    found = _NUMBER.match(sentence)
    if _EQUALS.search(sentence) and (found is None or _goes_on(sentence, found.end())):
        sentence = _EQUALS.split(sentence)[-1].lstrip(" ('{*")
        found = _NUMBER.match(sentence)
    if found is None:
        return bool(re.match(r"[-+]? ?(?:\\|\()", sentence)), None
    return True, None if _goes_on(sentence, found.end()) else _value(found)


def last_number(text: str) -> Fraction | None:
    """The last number of a text; None where what looks like one is a part of something else."""
    for found in reversed(list(_NUMBER.finditer(text))):
        before = text[max(0, found.start() - 40) : found.start()]
        if not found["sign"] and _IN_A_WORD.search(before) and not _INSIDE.search(before):
            continue
        if _INSIDE.search(before) or _PART.match(text, found.end()):
            return None
        return _value(found, signed=_is_sign(found, before))
    return None


def _goes_on(text: str, end: int) -> bool:
    return any(more.match(text, end) for more in (_PART, _TERM, _LIST, _EQUALS))


def _is_sign(found: re.Match[str], before: str) -> bool:
    """Whether what stands before a number is its sign; not the hyphen of a range or word, nor a minus or dash."""
    if found["gap"]:
        return bool(re.search(r"(?:^|[=(:#]) ?$", before))
    return not re.search(r"[\w)}\]%]$|[\d)}\]%] $", before)


def _value(found: re.Match[str], signed: bool = True) -> Fraction | None:
    """The number of a match; None for a division by zero, an improper mixed number, or an endless one."""
    part = found.groupdict()
    exponent = int(part["e"] or part["times"] or part["times_"] or part["ten"] or part["ten_"] or 0)
    if len(found[0]) > _LONGEST or abs(exponent) > _LONGEST:
        return None
    part = {name: re.sub("[, ]", "", text) for name, text in part.items() if text is not None}
    if int(part.get("of", 1)) == 0 or int(part.get("part", 0)) > int(part.get("of", 0)) or _zero(part.get("under")):
        return None
    if "whole" in part:
        value = int(part["whole"]) + Fraction(int(part["part"]), int(part["of"]))
    elif "over" in part:
        value = Fraction(part["over"]) / Fraction(part["under"])
    else:
        value = Fraction(part.get("value", "1")) * Fraction(10) ** exponent
    value *= 10 ** _MANY.get(part.get("many", ""), 0)
    return -value if signed and part.get("sign") == "-" else value


def _zero(text: str | None) -> bool:
    return text is not None and Fraction(text) == 0
