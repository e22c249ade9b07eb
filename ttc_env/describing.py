"""A market described by plain values, so that it can be written down, sent on, and loaded again the same.

>>> from ttc_env.describing import describe
>>> cheap = describe({"source": "gsm8k/majority_voting", "markup": 0.1, "providers": ["Qwen2-7B", "Qwen2.5-7B"]})
>>> cheap.load().num_providers
2
>>> describe(cheap.to_dict()) == cheap == describe(str(cheap))
True
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ttc_env.checks import finite, is_integer, listed, within
from ttc_env.curves import BASELINE, COSTS, list_markets, list_mixtures, load_market
from ttc_env.market import Market
from ttc_env.mixtures import Mixture

SHORT = {"answer_value": "value", "outside_value": "outside", "name": "table"}
"""how fields are called in the name of a folder, where not by their own name"""


@dataclass(frozen=True)
class MarketDescription:
    """The keywords of `load_market`, kept as plain values of JSON.

    Args:
        source: name of a market or mixture, or path of a table; `load_market` explains all fields.
        name: which table of a file that holds several.
        providers: who is in the market, and in which order; all by default.
        beta: user rationality, 1/USD.
        answer_value: USD a correct answer is worth.
        baseline: fraction of `answer_value` that a wrong answer is worth.
        outside_value: value of not buying, USD.
        markup: `price / cost - 1`, one number, or one for each provider.
        costs: what providers pay.
        outcomes: whether recorded outcomes are replayed.
        questions: whether the recorded questions are the types of a mixture.
        weights: of the types of a mixture.

    Raises:
        ValueError: a value of another type or out of range; the message begins with the name of the field.
    """

    source: str = "gsm8k/majority_voting"
    name: str | None = None
    providers: tuple[str | int, ...] | None = None
    beta: float = 1000.0
    answer_value: float | None = None
    baseline: float = BASELINE
    outside_value: float = 0.0
    markup: float | tuple[float, ...] | None = None
    costs: str | None = None
    outcomes: bool = False
    questions: bool = False
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        force = object.__setattr__  # the dataclass is frozen; this is its constructor
        force(self, "source", _text("source", self.source))
        if self.name is not None:
            _text("name", self.name)
        force(self, "providers", _several("providers", self.providers, _provider))
        force(self, "beta", finite("beta", self.beta))
        if self.beta <= 0:
            raise ValueError(f"beta must be positive (1/USD), got {self.beta!r}")
        force(self, "baseline", within("baseline", self.baseline, 0, 1, closed="left"))
        force(self, "outside_value", finite("outside_value", self.outside_value))
        if self.answer_value is not None:
            force(self, "answer_value", within("answer_value", self.answer_value, 0, closed="neither"))
        if isinstance(self.markup, Sequence) and not isinstance(self.markup, str):
            force(self, "markup", _several("markup", self.markup, _markup))
        elif self.markup is not None:
            force(self, "markup", _markup("markup", self.markup))
        if self.costs is not None and self.costs not in COSTS:
            raise ValueError(f"costs must be one of {', '.join(COSTS)}, got {self.costs!r}")
        for name in ("outcomes", "questions"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        force(self, "weights", _several("weights", self.weights, _weight))

    def load(self) -> Market | Mixture:
        """The market; equal descriptions of equal tables give the same to the last bit.

        Raises:
            ValueError, FileNotFoundError: what `load_market` says.
        """
        return load_market(**asdict(self))

    def to_dict(self) -> dict[str, Any]:
        """The source and what differs from the defaults, in types that JSON has: `load_market(**it)` is the market."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        kept = {name: value for name, value in found.items() if name == "source" or value != _default(name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}

    def plain(self) -> str | dict[str, Any]:
        """The name alone where all else is as by default, otherwise `to_dict`; `describe` takes both."""
        found = self.to_dict()
        return self.source if len(found) == 1 else found

    def __str__(self) -> str:
        """`plain` as text, which `describe` reads as well."""
        plain = self.plain()
        return plain if isinstance(plain, str) else json.dumps(plain)

    def label(self, *without: str) -> str:
        """A short name for files and folders, the same for no two descriptions of markets of one file.

        Args:
            without: fields that the caller names otherwise.
        """
        shown = {name: value for name, value in self.to_dict().items() if name not in ("source", *without)}
        return "+".join([_source_label(self.source), *(_part(name, value) for name, value in shown.items())])


FIELDS: dict[str, Field[Any]] = {field.name: field for field in fields(MarketDescription)}


def describe(market: str | os.PathLike[str] | Mapping[str, Any] | MarketDescription, **changes: Any) -> Any:
    """The description of a market that is given by name, path, as a mapping, as text of one, or as it is.

    Args:
        market: what is described.
        changes: fields that replace those given.

    Raises:
        ValueError: a field that there is none of, or a value out of range, naming it.
    """
    if isinstance(market, MarketDescription):
        return replace(market, **_known(changes))
    if isinstance(market, str) and market.lstrip().startswith("{"):
        market = _read(market)
    if isinstance(market, Mapping):
        if "source" not in market:
            raise ValueError(f"source must be given: a name of a market or the path of a table, got {dict(market)!r}")
        return MarketDescription(**_known(market) | _known(changes))
    if not isinstance(market, str | os.PathLike):
        raise ValueError(f"a market is a name, a path, or a mapping of {', '.join(FIELDS)}, got {market!r}")
    return MarketDescription(os.fspath(market), **_known(changes))


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in FIELDS:
            raise ValueError(f"unknown field {name!r} of a market; allowed: {', '.join(FIELDS)}")
    return dict(given)


def _read(text: str) -> dict[str, Any]:
    """A mapping from JSON in which no key is given twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise ValueError(f"{', '.join(twice)} must be given once in the description of a market")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ValueError(f"{text!r} describes no market: {error}") from None


def _default(name: str) -> Any:
    default = FIELDS[name].default
    assert default is not MISSING
    return default


def _text(name: str, value: Any) -> str:
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(text, str) or not text:
        raise ValueError(f"{name} must be a text that is not empty, got {value!r}")
    return text


def _several(name: str, values: Any, check: Any) -> tuple[Any, ...] | None:
    if values is None:
        return None
    if isinstance(values, str):
        raise ValueError(f"{name} must be a sequence, got {values!r}")
    found = tuple(check(name, value) for value in listed(name, values))
    if not found:
        raise ValueError(f"{name} must be at least one, got {values!r}")
    return found


def _provider(name: str, value: Any) -> str | int:
    if is_integer(value):
        return int(value)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be names or indices, got {value!r}")
    return value


def _markup(name: str, value: Any) -> float:
    return within(name, value, 0)


def _weight(name: str, value: Any) -> float:
    return within(name, value, 0, closed="neither")


def _source_label(source: str) -> str:
    """A shipped market's name, a table's stem; with a hash where that does not say which one it is."""
    if source in (*list_markets(), *list_mixtures()):
        return source.replace("/", "-")
    stem = Path(source).stem
    shipped = {name.replace("/", "-") for name in (*list_markets(), *list_mixtures())}
    plain = source == f"{stem}.csv" and "+" not in stem and stem not in shipped
    return stem if plain else f"{stem}+{_hash(source)}"


def _part(name: str, value: Any) -> str:
    word = SHORT.get(name, name)
    if value is True:
        return word
    if isinstance(value, list):
        return f"{len(value)}{word}-{_hash(json.dumps(value))}"
    if isinstance(value, float):
        short = f"{value:g}"
        return word + (short if float(short) == value else repr(value))
    text = str(value)
    return f"{word}-" + (text if "+" not in text and "=" not in text else _hash(text)).replace("/", "=")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
