"""Checks of hyper-parameters, which every `Config` runs when it is made: one clear error that names the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ttc_env.checks import finite, is_integer, whole


def counts(config: Any, *names: str) -> None:
    """Whole numbers of at least 1.

    Raises:
        ValueError: one that is not, naming it; so in all functions here.
    """
    for name in names:
        whole(name, getattr(config, name))


def between(config: Any, low: float, high: float, *names: str) -> None:
    """Numbers from `low` to `high`, these included."""
    for name in names:
        if not low <= finite(name, getattr(config, name)) <= high:
            raise ValueError(f"{name} must be from {low:g} to {high:g}, got {getattr(config, name)!r}")


def discounts(config: Any, *names: str) -> None:
    """Numbers from 0 to below 1: values are sums without an end, as markets go on past every truncation."""
    for name in names:
        if not 0 <= finite(name, getattr(config, name)) < 1:
            raise ValueError(f"{name} must be from 0 to below 1, got {getattr(config, name)!r}")


def positive(config: Any, *names: str) -> None:
    """Finite numbers above 0."""
    for name in names:
        if not finite(name, getattr(config, name)) > 0:
            raise ValueError(f"{name} must be above 0, got {getattr(config, name)!r}")


def not_negative(config: Any, *names: str) -> None:
    """Finite numbers of at least 0."""
    for name in names:
        if not finite(name, getattr(config, name)) >= 0:
            raise ValueError(f"{name} must be at least 0, got {getattr(config, name)!r}")


def unless_none(check: Callable[..., None], config: Any, *names: str) -> None:
    """What another check asks of numbers that may be None as well."""
    check(config, *(name for name in names if getattr(config, name) is not None))


def switches(config: Any, *names: str) -> None:
    """True or False."""
    for name in names:
        if not isinstance(getattr(config, name), bool):
            raise ValueError(f"{name} must be True or False, got {getattr(config, name)!r}")


def layers(config: Any, name: str = "hidden") -> None:
    """Units of each hidden layer."""
    units = getattr(config, name)
    if not isinstance(units, tuple | list) or not all(is_integer(width) and width >= 1 for width in units):
        raise ValueError(f"{name} must hold whole numbers >= 1, the units of each layer, got {units!r}")


def ranges(config: Any, *names: str) -> None:
    """Pairs of finite numbers, the first at most the second."""
    for name in names:
        pair = getattr(config, name)
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not finite(name, pair[0]) <= finite(name, pair[1]):
            raise ValueError(f"{name} must be two numbers, the least and the greatest, got {pair!r}")


def device(config: Any, name: str = "device") -> None:
    """The name of a torch device that can compute."""
    check_device(getattr(config, name), name)


def check_device(value: Any, name: str = "device") -> None:
    """Refuse what is no name of a torch device that can compute, without asking torch, which takes seconds to load.

    Raises:
        ValueError: another name.
    """
    kind, _, number = str(value).partition(":")
    if kind not in ("cpu", "cuda", "mps", "xpu") or (":" in str(value) and not (number.isascii() and number.isdigit())):
        raise ValueError(f"{name} must be cpu, cuda, mps or xpu, with a number as in cuda:1 if need be, got {value!r}")
