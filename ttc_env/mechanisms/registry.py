"""Mechanisms by name, as objects, or as `package.module:Class`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ttc_env.mechanisms.first_price import FirstPrice
from ttc_env.mechanisms.per_token import PerToken
from ttc_env.mechanisms.posted_price import PostedPrice
from ttc_env.mechanisms.protocol import Mechanism
from ttc_env.mechanisms.second_price import SecondPrice
from ttc_env.named import find_class, make_object

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
    return find_class("mechanism", name, MECHANISMS, check_class)


def make_mechanism(mechanism: str | Mechanism, **options: Any) -> Mechanism:
    """A mechanism by name or path with its options; an instance passes through.

    Raises:
        ValueError: what `find_mechanism` raises, an option the mechanism does not have, options beside an instance,
            or something that is no mechanism.
    """
    return make_object("mechanism", mechanism, MECHANISMS, check_class, options)


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
