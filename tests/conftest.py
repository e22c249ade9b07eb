"""Settings of the whole test run."""

import pytest
from hypothesis import settings

from ttc_env.scripting.threads import use_threads

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True, print_blob=True)
settings.load_profile("default")
use_threads(1)  # small networks and systems of equations are fastest so, and tests share their cores


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of tests that go through all triples of their parameters, keep a third in which every pair is met.

    The others are slow tests.
    """
    for item in items:
        if item.get_closest_marker("pairs") and sum(item.callspec.indices.values()) % 3:
            item.add_marker("slow")
