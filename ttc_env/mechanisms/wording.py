"""What a mechanism says to players who read and write: the numbers of an answer, and words for its rule.

Money is shown in USD per 1,000 queries, so that it comes in plain numbers; the core counts in USD per query.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from ttc_env.batch import MarketBatch
from ttc_env.market import Market

SHOWN = 1000
"""queries whose money is shown together"""
UNIT = f"USD per {SHOWN:,} queries"


@dataclass(frozen=True)
class Number:
    """One number of a provider's answer, which stands for one component of its action.

    Args:
        name: its key in the answer.
        meaning: in words.
        values: the allowed ones in rising order; USD per query if they are money.
        actions: the component of the action that stands for each of these values.
        money: whether the values are money.
        exact: only these values are allowed; otherwise all from the first to the last, linear between neighbours.
    """

    name: str
    meaning: str
    values: tuple[float, ...]
    actions: tuple[float, ...]
    money: bool = False
    exact: bool = True


def level_number(market: Market | MarketBatch, continuous: bool = False) -> Number:
    """The level: a whole number in the action, or the middle of its bin where actions are continuous."""
    m = market.num_levels
    actions = tuple((2 * k + 1) / m - 1 if continuous else k for k in range(m))
    return Number("level", "compute level", tuple(map(float, market.levels)), actions)


def plain_number(place: int, size: int, continuous: bool = False) -> Number:
    """A component of which no more is known than how many choices it has."""
    if continuous:
        return Number(f"choice_{place}", f"component {place} of the action", (-1.0, 1.0), (-1.0, 1.0), exact=False)
    choices = tuple(range(size))
    return Number(f"choice_{place}", f"component {place} of the action, by its index", choices, choices)


def described(kind: type) -> str:
    """What the docstring of a class says before its lists of arguments; its name where there is none."""
    text = inspect.cleandoc(kind.__doc__ or "")
    words = re.split(r"^\w+:\s*$", text, maxsplit=1, flags=re.MULTILINE)[0].strip()
    return words or f"{getattr(kind, 'name', kind.__name__)}."


def usd(value: float) -> str:
    """Money as it is shown."""
    return f"{SHOWN * value:.6g}"


def choice_rule(market: Market) -> str:
    """How users choose by logit among offers and not buying, in words."""
    return (
        "Each query picks an offer by a logit rule: with V the value of an offer, the share of the queries that it "
        f"gets is exp(b V) over the sum of exp(b V) of all offers and of not buying, b = {market.beta / SHOWN:.6g} per "
        f"{UNIT}. Not buying has V = {usd(market.outside_value)}."
    )
