"""The faults of `faults.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10; pytest brings this there
    import tomli as tomllib


class Fault(NamedTuple):
    """One fault: what it is, where, the text and what takes its place, the tests, and why none of them can notice."""

    what: str
    file: str
    before: str
    after: str
    tests: str
    why: str = ""


FAULTS = [
    Fault(**fault) for fault in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["fault"]
]
