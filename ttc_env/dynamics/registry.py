"""Dynamics by name, as objects, or as `package.module:Class`."""

from __future__ import annotations

import inspect
from typing import Any

from ttc_env.dynamics.availability import Availability
from ttc_env.dynamics.capacity import Capacity
from ttc_env.dynamics.loyalty import Loyalty
from ttc_env.dynamics.protocol import Dynamics
from ttc_env.dynamics.releases import Releases
from ttc_env.dynamics.reputation import Reputation
from ttc_env.named import find_class, make_object

DYNAMICS: dict[str, type[Dynamics]] = {
    "loyalty": Loyalty, "reputation": Reputation, "capacity": Capacity, "releases": Releases,
    "availability": Availability,
}  # fmt: skip
REQUIRED = ("sizes", "moves")


def find_dynamics(name: str) -> type[Dynamics]:
    """The class of a dynamics by its name, or as `package.module:Class`.

    Raises:
        ValueError: an unknown name, a path that leads nowhere, or a class that lacks part of the protocol.
    """
    return find_class("dynamics", name, DYNAMICS, check_class)


def make_dynamics(dynamics: str | Dynamics, **options: Any) -> Dynamics:
    """A dynamics by name or path with its options; an instance passes through.

    Raises:
        ValueError: what `find_dynamics` raises, an option it does not have, options beside an instance, or something
            that is no dynamics.
    """
    return make_object("dynamics", dynamics, DYNAMICS, check_class, options)


def check_class(kind: Any) -> type[Dynamics]:
    """The class, if it is a dynamics.

    Raises:
        ValueError: it is not, naming what it lacks.
    """
    if not (inspect.isclass(kind) and issubclass(kind, Dynamics)):
        shown = kind.__qualname__ if inspect.isclass(kind) else repr(kind)
        allowed = ", ".join(DYNAMICS)
        raise ValueError(f"a dynamics subclasses ttc_env.dynamics.Dynamics; {shown} does not; by name: {allowed}")
    missing = [name for name in REQUIRED if getattr(kind, name) is getattr(Dynamics, name)]
    if not isinstance(getattr(kind, "name", None), str):
        missing.insert(0, "name")
    if missing:
        raise ValueError(f"the dynamics {kind.__qualname__} lacks {', '.join(missing)}")
    return kind
