"""Many cases for one door, counted."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from gymnasium.error import ResetNeeded
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.doors import Door

REFUSED = (ValueError, FileNotFoundError, ResetNeeded)
"""what docstrings promise for odd arguments; whatever else comes out is a fault"""
LONGEST = 120.0  # seconds of a case, also where much else runs; nothing odd may keep a machine busy


def fuzz(door: Door, cases: int, start: int = 0) -> Counter[str]:
    """Go through a door so often; counts what was right and what was refused.

    Raises:
        Exception: whatever else a call ended with, at its smallest example.
    """
    counts: Counter[str] = Counter()

    @seed(start)
    @settings(
        max_examples=cases, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False,
    )  # fmt: skip
    @given(st.data())
    def go_in(data: st.DataObject) -> None:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                door.call(data, Path(folder))
                counts["right"] += 1
            except REFUSED as error:
                counts["refused"] += 1
                silent = not str(error).strip()
                assert not silent, "an error says what is wrong"
        assert time.monotonic() - began < LONGEST, "too long"

    go_in()
    return counts
