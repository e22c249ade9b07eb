"""What a command line says of a market besides its name: the options `--market.NAME` of every script that takes one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

import tyro

from ttc_env.curves import BASELINE
from ttc_env.describing import FIELDS, MarketDescription, describe
from ttc_env.market import Market
from ttc_env.mixtures import Mixture

SPELT = {name: f"--market.{name.replace('_', '-')}" for name in FIELDS} | {"source": "--market", "beta": "--beta"}
"""how each field of a description is given on a command line"""
_FIELD = re.compile(rf"({'|'.join(FIELDS)})\b")


@dataclass(frozen=True)
class MarketOptions:
    """What describes the market besides its name and the users' beta."""

    name: str | None = None
    """BENCHMARK/METHOD, in a table that holds several"""
    providers: tuple[str, ...] = ()
    """those in the market, by index or any part of the name that no other has; by default all"""
    answer_value: float | None = None
    """USD a right answer is worth; needed where none is published"""
    baseline: float = BASELINE
    """fraction of the answer value that a wrong answer is worth"""
    outside_value: float = 0.0
    """USD of not buying"""
    markup: tuple[float, ...] = ()
    """price / cost - 1: one number, or one for each provider in their order; by default 0.25"""
    costs: Literal["markup", "table", "measured"] | None = None
    """by mark-up, or by the table's column cost_usd_per_mtok or measured_usd_per_mtok; by default the table's costs,
    where it has some and no mark-up is given"""
    outcomes: bool = False
    """let sampled demand replay the recorded answers that stand beside the table"""
    questions: bool = False
    """every recorded question is a query type of its own"""
    weights: tuple[float, ...] = ()
    """how often each query type of a mixture arrives; by default equally often"""

    def description(self, source: str, beta: float | None = None) -> MarketDescription:
        """The description of the market named `source`.

        Raises:
            ValueError: a value out of range, naming its option.
        """
        given: dict[str, Any] = {name: value for name, value in asdict(self).items() if value not in ((), None)}
        if len(self.markup) == 1:
            given["markup"] = self.markup[0]
        with options_named():
            if source.lstrip().startswith("{"):
                raise ValueError(f"source must be a name or a path, with more as {SPELT['name']} etc., got {source}")
            return describe(source, **given if beta is None else given | {"beta": beta})

    def load(self, source: str, beta: float | None = None) -> Market | Mixture:
        """The market of that name, or of the table at that path.

        Raises:
            ValueError, FileNotFoundError: what `load_market` refuses, naming the option at fault.
        """
        description = self.description(source, beta)
        with options_named():
            return description.load()

    @classmethod
    def of(cls, description: MarketDescription) -> MarketOptions:
        """The options that give a description back."""
        found = {field.name: getattr(description, field.name) for field in fields(cls)}
        found["providers"] = tuple(map(str, description.providers or ()))
        found["weights"] = description.weights or ()
        if not isinstance(markup := description.markup, tuple):
            found["markup"] = () if markup is None else (markup,)
        return cls(**found)


MarketArgs = Annotated[MarketOptions, tyro.conf.arg(name="market")]
"""type of the field of a script's arguments that holds them"""


@contextmanager
def options_named() -> Iterator[None]:
    """Errors that begin with the field of a description begin with its option instead."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        if not (found := _FIELD.match(text)):
            raise
        raise ValueError(SPELT[found[1]] + text[found.end() :]) from None
