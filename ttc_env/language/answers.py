"""What a provider answers: one JSON object, its schema, and a reader that accepts nothing else and says why not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ttc_env.language.printing import distinct, inside
from ttc_env.mechanisms.wording import SHOWN, UNIT, Number

LONGEST = 2000
"""characters of a note that a player leaves itself"""


class AnswerError(ValueError):
    """An answer that is none, and why."""


class Notes(NamedTuple):
    """What a player tells itself for the next period."""

    plans: str = ""
    insights: str = ""


class Answer(NamedTuple):
    """What was read: the action of one provider, an integer or `(c,)`, and the notes, if it was asked for them."""

    action: np.ndarray
    notes: Notes


class AnswerForm:
    """The answers one provider may give.

    Args:
        numbers: that stand for the components of its action.
        single: whether its action is a number and not an array of them.
        notes: whether it is asked for notes, too.
        digits: significant digits of what is printed, more where choices would look alike.

    Raises:
        ValueError: two numbers of one name.
    """

    def __init__(self, numbers: Sequence[Number], single: bool, notes: bool, digits: int) -> None:
        self.numbers, self.single, self.notes = tuple(numbers), single, notes
        names = [*(number.name for number in numbers), *(Notes._fields if notes else ())]
        if len(set(names)) < len(names):
            raise ValueError(f"the numbers of an answer must have names of their own, got {', '.join(names)}")
        self.names = names
        self._printed = [_printed(number, digits) for number in numbers]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer."""
        shapes: list[dict[str, Any]] = []
        for number, printed in zip(self.numbers, self._printed, strict=True):
            values = [json.loads(text) for text in printed]
            if number.exact:
                shapes.append({"enum": values})
            else:
                shapes.append({"type": "number", "minimum": values[0], "maximum": values[-1]})
        shapes += [{"type": "string", "maxLength": LONGEST}] * (len(self.names) - len(shapes))
        return {
            "type": "object",
            "properties": dict(zip(self.names, shapes, strict=True)),
            "required": self.names,
            "additionalProperties": False,
        }

    @cached_property
    def words(self) -> str:
        """What is to be answered, a line for each key."""
        lines = []
        for number, printed in zip(self.numbers, self._printed, strict=True):
            unit = f" ({UNIT})" if number.money else ""
            allowed = f"one of {', '.join(printed)}" if number.exact else f"from {printed[0]} to {printed[-1]}"
            lines.append(f'"{number.name}": {number.meaning}{unit}; a number, {allowed}')
        if self.notes:
            lines += [
                f'"plans": your plans for the next periods; a text of at most {LONGEST:,} characters',
                f'"insights": what you have learnt about this market; a text of at most {LONGEST:,} characters',
            ]
        return "\n".join(lines)

    def read(self, text: str) -> Answer:
        """The answer in a text that is one JSON object of exactly this form; nothing is rounded, cut or guessed.

        Raises:
            AnswerError: it is not, saying what is wrong in words that its author can act on.
        """
        given = _object(text)
        missing, odd = [name for name in self.names if name not in given], [n for n in given if n not in self.names]
        if missing or odd:
            wrong = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"not asked for: {', '.join(odd)}"] * bool(
                odd
            )
            raise AnswerError(
                f"the object must have the keys {', '.join(self.names)} and no others; {'; '.join(wrong)}"
            )
        parts = [
            _component(number, printed, given[number.name])
            for number, printed in zip(self.numbers, self._printed, strict=True)
        ]
        for name in self.names[len(parts) :]:
            if not isinstance(given[name], str) or len(given[name]) > LONGEST:
                raise AnswerError(f'"{name}" must be a text of at most {LONGEST:,} characters')
        notes = Notes(*(given[name] for name in Notes._fields)) if self.notes else Notes()
        return Answer(np.array(parts[0] if self.single else parts), notes)

    def write(self, action: Any, notes: Notes | None = None) -> str:
        """The answer that stands for an action, an integer or `(c,)`; what `read` reads."""
        parts = np.atleast_1d(np.asarray(action)).tolist()
        content: dict[str, Any] = {}
        for number, printed, part in zip(self.numbers, self._printed, parts, strict=True):
            if number.exact:
                place = int(np.abs(np.asarray(number.actions) - part).argmin())
                content[number.name] = json.loads(printed[place])
            else:
                value = float(np.interp(part, number.actions, number.values)) * _scale(number)
                content[number.name] = min(max(value, float(printed[0])), float(printed[-1]))
        return json.dumps(content | ((notes or Notes())._asdict() if self.notes else {}))


def _scale(number: Number) -> int:
    return SHOWN if number.money else 1


def _printed(number: Number, digits: int) -> list[str]:
    values = [value * _scale(number) for value in number.values]
    return distinct(values, digits) if number.exact else list(inside(values[0], values[-1], digits))


def _component(number: Number, printed: list[str], value: Any) -> float:
    """The component of the action that a value stands for."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    allowed = [float(text) for text in printed]
    if numeric and number.exact and value in allowed:
        return number.actions[allowed.index(value)]
    if numeric and not number.exact and allowed[0] <= value <= allowed[-1]:
        return float(np.interp(value / _scale(number), number.values, number.actions))
    wanted = f"one of {', '.join(printed)}" if number.exact else f"from {printed[0]} to {printed[-1]}"
    raise AnswerError(f'"{number.name}" must be a number, {wanted}, got {shortened(json.dumps(value))}')


def _object(text: str) -> dict[str, Any]:
    """A JSON object, strictly read."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise AnswerError("a key stands twice in the object")
        return dict(pairs)

    def refuse(word: str) -> Any:
        raise AnswerError(f"{word} is no number")

    try:
        given = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except AnswerError:
        raise
    except (ValueError, RecursionError):
        raise AnswerError(f"the answer must be one JSON object and nothing else, got {shortened(text)}") from None
    if not isinstance(given, dict):
        raise AnswerError(f"the answer must be one JSON object, got {shortened(text)}")
    return given


def shortened(text: str, most: int = 80) -> str:
    """A text as an error quotes it."""
    return repr(text if len(text) <= most else text[:most] + "...")
