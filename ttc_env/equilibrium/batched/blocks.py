"""Markets in blocks of one shape, small enough for the processor's cache and for any memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ttc_env.equilibrium.log_space import in_numpy
from ttc_env.market import Market
from ttc_env.markets import Markets, stack

ENTRIES = 2**16  # of a table in a block; a solver holds about a dozen arrays of that size


def blocks(markets: Sequence[Market]) -> Iterator[tuple[np.ndarray, Markets]]:
    """Which markets are in a block, `(b,)` indices, and the block, with the batch innermost in memory.

    Raises:
        ValueError: no markets.
    """
    if not len(markets):
        raise ValueError("there must be at least one market, got none")
    for rows in _alike(markets):
        n, m = markets[rows[0]].quality.shape
        size = max(1, ENTRIES // (n * m))
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            yield some, _block(markets, some)


def _alike(markets: Sequence[Market]) -> list[np.ndarray]:
    if isinstance(markets, Markets):
        return [np.arange(len(markets))]
    kinds = defaultdict(list)
    for row, market in enumerate(markets):
        kinds[tuple(market.quality.shape), str(market.quality.dtype)].append(row)
    return [np.array(rows) for rows in kinds.values()]


def _block(markets: Sequence[Market], rows: np.ndarray) -> Markets:
    if isinstance(markets, Markets):
        return markets[rows[0] : rows[-1] + 1]
    return stack([in_numpy(markets[row]) for row in rows])[:]


def solve(kernel: Callable[..., Any], markets: Sequence[Market], *columns: np.ndarray) -> Any:
    """What a kernel makes of every block, row by row: an array or a named tuple of arrays, `(B, ...)`.

    Args:
        kernel: from a block, and the rows of each column that belong to it, to arrays with a row per market.
        markets: the markets.
        columns: arrays with a row per market.
    """
    found = [(rows, kernel(block, *(column[rows] for column in columns))) for rows, block in blocks(markets)]
    order = np.argsort(np.concatenate([rows for rows, _ in found]))
    results = [result for _, result in found]
    if isinstance(results[0], tuple):
        return type(results[0])(*(join(parts)[order] for parts in zip(*results, strict=True)))
    return join(results)[order]


def join(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of several blocks under each other; missing providers get the level -1, and 0 of anything else."""
    width = max(part.shape[1:] for part in parts)
    fill = -1 if np.issubdtype(parts[0].dtype, np.integer) else 0
    return np.concatenate(
        [
            np.pad(
                part, [(0, 0), *((0, w - s) for w, s in zip(width, part.shape[1:], strict=True))], constant_values=fill
            )
            if part.shape[1:] != width
            else part
            for part in parts
        ]
    )
