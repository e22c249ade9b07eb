"""Curves by name: those that come with the package, and those of a CSV file."""

from __future__ import annotations

import difflib
import os
from functools import cache
from pathlib import Path

from ttc_env.curves.measured import Curves
from ttc_env.curves.reading import read_curves

TABLES = ("llm_curves.csv", "nano_curves.csv")  # of published models, and of the nano models of curves/nano.py
MIXED = ("gsm8k", "gpqa", "aime")  # benchmarks whose queries a mixed market holds
DATA = Path(__file__).parents[1] / "data"


def list_markets() -> list[str]:
    """Names of the measured markets that come with the package."""
    return list(_shipped())


def list_mixtures() -> list[str]:
    """Names of the mixtures of these: the same providers on queries of several benchmarks."""
    return [f"mixed/{name.split('/')[1]}" for name in _shipped() if name.startswith(f"{MIXED[0]}/")]


def load_curves(source: str | os.PathLike[str], *, name: str | None = None) -> Curves:
    """Measured curves by name, or from a CSV file; see `load_market`."""
    if not is_path(source):
        assert isinstance(source, str)
        if name is not None:
            raise ValueError(f"name is one of the tables of a CSV file, got {name!r} for {source}")
        return _pick(_shipped(), source, "market")
    tables = read_curves(source)
    if name is None and len(tables) > 1:
        raise ValueError(f"name must be given: {os.fspath(source)} holds the tables {', '.join(tables)}")
    return _pick(tables, next(iter(tables)) if name is None else name, f"table of {os.fspath(source)}", "name: ")


def is_path(source: str | os.PathLike[str]) -> bool:
    """Whether this is a path: names of markets have no ending, no `~` and no dot at the beginning.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(source, str | os.PathLike):
        raise ValueError(f"source must be the name of a market or the path of a table, got {source!r}")
    if not isinstance(source, str):
        return True
    path = Path(source)
    return source not in _shipped() and (
        source[:1] in ("~", ".")
        or path.suffix != ""
        or path.is_absolute()
        or os.path.isfile(source)  # a name may be too long for a file
    )


def _pick(tables: dict[str, Curves], name: str, kind: str, field: str = "") -> Curves:
    if name not in tables:
        close = difflib.get_close_matches(name, tables, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(f"{field}unknown {kind} {name!r}{hint}; allowed: {', '.join(tables)}")
    return tables[name]


@cache
def _shipped() -> dict[str, Curves]:
    return {name: table for file in TABLES for name, table in read_curves(DATA / file).items()}
