"""A synthetic family of questions that needs no download: sums of a few small numbers, with their running totals."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator


def terms(rng: random.Random, low: int = 2, high: int = 5, largest: int = 9) -> list[int]:
    """Signed terms of one question: `low..high` numbers of up to `largest`, the first one positive."""
    signs = [1] + [rng.choice((1, -1)) for _ in range(rng.randint(low, high) - 1)]
    return [sign * rng.randint(1, largest) for sign in signs]


def other_terms(rng: random.Random, held_out: Container[str]) -> list[int]:
    """Terms of a question that is not one of those held out."""
    while question(of := terms(rng)) in held_out:
        continue
    return of


def question(of: list[int]) -> str:
    """The question as text, for example `7+5-4`."""
    return str(of[0]) + "".join(f"{term:+d}" for term in of[1:])


def running_totals(of: list[int]) -> list[int]:
    """The total after each term; the last one is the answer."""
    totals = [of[0]]
    for term in of[1:]:
        totals.append(totals[-1] + term)
    return totals


def questions(number: int, seed: int) -> Iterator[tuple[str, list[int]]]:
    """`number` distinct questions and their terms; the first ones do not depend on `number`."""
    rng, seen = random.Random(f"arithmetic {seed}"), set[str]()
    while len(seen) < number:
        of = terms(rng)
        text = question(of)
        if text not in seen:
            seen.add(text)
            yield text, of
