"""Settings of the whole test run."""

from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True, print_blob=True)
settings.load_profile("default")
