"""Mechanisms by name, as objects, or as `package.module:Class`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from ttc_env.mechanisms.first_price import FirstPrice
from ttc_env.mechanisms.per_token import PerToken
from ttc_env.mechanisms.posted_price import PostedPrice
from ttc_env.mechanisms.protocol import Mechanism
from ttc_env.mechanisms.second_price import SecondPrice

MECHANISMS: dict[str, type[Mechanism]] = {kind.name: kind for kind in (PerToken, SecondPrice, PostedPrice, FirstPrice)}
REQUIRED = ("action_sizes", "bids", "clear", "utility_bounds")
ACTION_TYPES = ("discrete", "multi_discrete", "box")
SHOWN = ("level", "ask", "claim")


def register_mechanism(name: str, mechanism: type[Mechanism]) -> None:
    """Give a mechanism of one's own a name, for everything that takes one.

    Raises:
        ValueError: a name that is taken by another class, or a class that lacks part of the protocol.
    """
    check_class(mechanism)
    if MECHANISMS.get(name, mechanism) is not mechanism:
        raise ValueError(f"the name {name!r} belongs to {MECHANISMS[name].__qualname__}; choose another")
    MECHANISMS[name] = mechanism


def find_mechanism(name: str) -> type[Mechanism]:
    """The class of a mechanism by its name, or as `package.module:Class`.

    Raises:
        ValueError: an unknown name, a path that leads nowhere, or a class that lacks part of the protocol.
    """
    if name in MECHANISMS:
        return MECHANISMS[name]
    module, separator, attribute = name.partition(":")
    if not (module and separator and attribute) or module.startswith("."):
        allowed = ", ".join(MECHANISMS)
        raise ValueError(f"unknown mechanism {name!r}; allowed: {allowed}, or a class of your own as module:Class")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot load the mechanism {name!r}: {error}") from error
    return check_class(found)


def make_mechanism(mechanism: str | Mechanism, **options: Any) -> Mechanism:
    """A mechanism by name or path with its options; an instance passes through.

    Raises:
        ValueError: what `find_mechanism` raises, an option the mechanism does not have, options beside an instance,
            or something that is no mechanism.
    """
    if isinstance(mechanism, str):
        kind = find_mechanism(mechanism)
        known: list[str] = [field.name for field in fields(kind)] if is_dataclass(kind) else []
        for option in options:
            if option not in known:
                allowed = ", ".join(known) or "none"
                raise ValueError(f"unknown option {option!r} of {mechanism}; allowed: {allowed}")
        return kind(**options)
    if inspect.isclass(mechanism):
        raise ValueError(f"a mechanism is an object or a name, got the class {mechanism.__qualname__}; call it")
    check_class(type(mechanism))
    if options:
        raise ValueError(f"options {sorted(options)} belong to a mechanism's name, got the instance {mechanism!r}")
    return mechanism


def check_class(kind: Any) -> type[Mechanism]:
    """The class, if it is a mechanism.

    Raises:
        ValueError: it is not, naming what it lacks.
    """
    if not (inspect.isclass(kind) and issubclass(kind, Mechanism)):
        raise ValueError(
            f"a mechanism subclasses ttc_env.mechanisms.Mechanism; {_described(kind)} does not; by name there are: "
            + ", ".join(MECHANISMS)
        )
    missing = [name for name in REQUIRED if getattr(kind, name) is getattr(Mechanism, name)]
    if not isinstance(getattr(kind, "name", None), str):
        missing.insert(0, "name")
    if missing:
        raise ValueError(f"the mechanism {kind.__qualname__} lacks {', '.join(missing)}")
    if getattr(kind, "action_type", None) not in ACTION_TYPES:
        raise ValueError(f"action_type of {kind.__qualname__} must be one of {', '.join(ACTION_TYPES)}")
    for shown in ("private", "public"):
        if odd := [part for part in getattr(kind, shown) if part not in SHOWN]:
            raise ValueError(f"{shown} of {kind.__qualname__} can show {', '.join(SHOWN)}, got {', '.join(odd)}")
    return kind


def _described(kind: Callable[..., Any] | Any) -> str:
    return kind.__qualname__ if inspect.isclass(kind) else repr(kind)
