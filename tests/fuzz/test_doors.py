"""Some odd calls of every public door; `make fuzz` makes thousands."""

import pytest

from tests.fuzz.doors import DOORS
from tests.fuzz.fuzzing import fuzz


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_odd_arguments_are_refused_by_a_documented_error_or_answered_rightly(door):
    cases = 30 // door.every
    counts = fuzz(door, cases)
    assert counts["right"] + counts["refused"] >= cases
