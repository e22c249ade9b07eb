"""How many threads arithmetic takes in this process, in torch and in the BLAS behind NumPy.

Small systems of equations gain nothing by a second thread, and lose a great deal where another process wants that core:
threads of a BLAS wait for each other spinning. With one thread sums are also the same to the last bit everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def use_threads(number: int) -> None:
    """Take so many threads from now on."""
    threadpool_limits(number)
    import torch  # takes seconds to load

    torch.set_num_threads(number)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Take so many threads, and as many as before in the end."""
    import torch

    before = torch.get_num_threads()
    with threadpool_limits(number):
        torch.set_num_threads(number)
        try:
            yield
        finally:
            torch.set_num_threads(before)
