"""What the processes of a run with several seeds tell each other: how far each seed is, and to stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np


class Board:
    """Numbers in a file that several processes of one machine see at once.

    Args:
        path: of the file.
        seeds: how many, for the process that makes it.
    """

    def __init__(self, path: Path, seeds: int | None = None) -> None:
        shape, mode = (None, "r+") if seeds is None else ((seeds + 1,), "w+")
        self._numbers: np.memmap = np.memmap(path, np.int64, mode, shape=shape)  # type: ignore[call-overload]

    def tell(self, seeds: list[int], steps: int) -> None:
        """These seeds, counted from 0, have done so many agent steps.

        Raises:
            KeyboardInterrupt: all shall stop.
        """
        self._numbers[[seed + 1 for seed in seeds]] = steps
        if self.stopped:
            raise KeyboardInterrupt

    @property
    def steps(self) -> int:
        """Agent steps of all seeds."""
        return int(self._numbers[1:].sum())

    @property
    def stopped(self) -> bool:
        """Whether all shall stop."""
        return bool(self._numbers[0])

    def stop(self) -> None:
        """Ask all to stop; each says what it has learnt."""
        self._numbers[0] = 1
