"""Things of a kind by name with options, as objects, or as `package.module:Class`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def find_class(kind: str, name: str, known: Mapping[str, type[T]], check: Callable[[Any], type[T]]) -> type[T]:
    """The class of a name, or at `package.module:Class`, checked.

    Raises:
        ValueError: an unknown name, a path that leads nowhere, or what `check` refuses.
    """
    if name in known:
        return known[name]
    module, separator, attribute = name.partition(":")
    if not (module and separator and attribute) or module.startswith("."):
        allowed = ", ".join(known)
        raise ValueError(f"unknown {kind} {name!r}; allowed: {allowed}, or a class of your own as module:Class")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the module of a user does when it is imported
        raise ValueError(f"cannot load the {kind} {name!r}: {type(error).__name__}: {error}") from error
    return check(found)


def make_object(
    kind: str, given: str | T, known: Mapping[str, type[T]], check: Callable[[Any], type[T]], options: Mapping[str, Any]
) -> T:
    """An object by the name or path of its class, with options; an object of the kind passes through.

    Raises:
        ValueError: what `find_class` raises, an option the class does not have, options beside an object, or a class.
    """
    if isinstance(given, str):
        found = find_class(kind, given, known, check)
        has: list[str] = [field.name for field in fields(found)] if is_dataclass(found) else []
        for option in options:
            if option not in has:
                raise ValueError(f"unknown option {option!r} of {given}; allowed: {', '.join(has) or 'none'}")
        return found(**options)
    if inspect.isclass(given):
        raise ValueError(f"a {kind} is an object or a name, got the class {given.__qualname__}; call it")
    check(type(given))
    if options:
        raise ValueError(f"options {sorted(options)} belong to a {kind}'s name, got the instance {given!r}")
    return given
