"""Settings of the whole test run."""

import torch
from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=60, derandomize=True, print_blob=True)
settings.load_profile("default")
torch.set_num_threads(1)  # small networks are fastest so, and tests may share their cores
