"""Auditing a seller by its prices and sales alone: is there a cost at which its pricing has no regret?

A seller is taken for competitive if its calibrated regret is low at some plausible cost: nothing is to be gained by
asking one price instead wherever it drew its price in the same way. The auditor knows for every period in which way
(from which distribution) the price was drawn, the price, and what was sold at it. Within one way of drawing, a price
sells as much as it did on average where it was drawn. A price that never was is given the most that demand can be if
it falls in the price (*pessimistic*), so that a seller who tries no other price is not let off by that.

Sources: Hartline, Long, Zhang 2024, *Regulation of Algorithmic Collusion*; Hartline, Wang, Zhang, arXiv:2501.09740.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ttc_env.arrays import Array

_STEPS = 200  # halvings of the interval of costs, by thirds


class Audit(NamedTuple):
    """Regrets of one seller, USD per period, at the plausible cost at which its calibrated regret is least.

    cost: that cost, USD per query.
    calibrated: what the best price in place of each way of drawing would gain, wherever it was used, never negative.
    external: what the best single price in place of all would gain.
    passed: `calibrated` is at most the threshold.
    """

    cost: float
    calibrated: float
    external: float
    passed: bool


def audit(
    prices: Array, kinds: Array, drawn: Array, sold: Array, costs: tuple[float, float], threshold: float
) -> Audit:
    """Audit one seller.

    Args:
        prices: the grid, USD per query, increasing, `(G,)`.
        kinds: in which way the price of each period was drawn, integers from 0, `(T,)`. Distributions that differ from
            period to period have to be sorted into few kinds, or nothing can be told.
        drawn: number of the price of each period, `(T,)`.
        sold: fraction of the queries sold at it, in [0, 1], `(T,)`.
        costs: ends of the interval of plausible costs, USD per query.
        threshold: calibrated regret up to which the seller passes, USD per period.

    Raises:
        ValueError: arrays that do not fit together, or are no numbers of prices, fractions or kinds.
    """
    revenue, volume = estimates(prices, kinds, drawn, sold)
    low, high = costs
    if not low <= high:
        raise ValueError(f"costs must be a lowest and a highest one, got {costs!r}")

    def calibrated(cost: float) -> float:
        gains = (revenue[:, 1:] - revenue[:, :1]) - cost * (volume[:, 1:] - volume[:, :1])
        return float(np.maximum(gains.max(axis=1), 0.0).sum())

    for _ in range(_STEPS):  # a maximum of lines is convex in the cost
        third = (high - low) / 3
        if calibrated(low + third) <= calibrated(high - third):
            high -= third
        else:
            low += third
    cost = min((*costs, (low + high) / 2), key=calibrated)
    total = (revenue - cost * volume).sum(axis=0)
    regret = calibrated(cost)
    return Audit(float(cost), regret, float(total[1:].max() - total[0]), regret <= threshold)


def estimates(prices: Array, kinds: Array, drawn: Array, sold: Array) -> tuple[np.ndarray, np.ndarray]:
    """Revenue and sales per period of each kind of drawing, `(D, 1 + G)` each: as they were, then of every price alone.

    Raises:
        ValueError: what `audit` raises.
    """
    prices, sold = np.asarray(prices, float), np.asarray(sold, float)
    kinds, drawn = np.asarray(kinds), np.asarray(drawn)
    periods, grid = len(drawn), len(prices)
    if prices.ndim != 1 or not (np.diff(prices) > 0).all():
        raise ValueError(f"prices must increase, got {prices}")
    if not periods or not kinds.shape == drawn.shape == sold.shape == (periods,):
        raise ValueError(f"kinds, drawn and sold must be (T,), got {kinds.shape}, {drawn.shape} and {sold.shape}")
    if not (0 <= sold.min() and sold.max() <= 1):
        raise ValueError(f"sold must be fractions in [0, 1], got {sold.min()} to {sold.max()}")
    for name, numbers, end in (("drawn", drawn, grid), ("kinds", kinds, periods)):
        if not np.issubdtype(numbers.dtype, np.integer) or numbers.min() < 0 or numbers.max() >= end:
            raise ValueError(f"{name} must be integers in 0..{end - 1}, got {numbers.min()} to {numbers.max()}")

    shape = (int(kinds.max()) + 1, grid)
    cells = np.ravel_multi_index((kinds, drawn), shape)
    times = np.bincount(cells, minlength=shape[0] * grid).reshape(shape)
    sales = np.bincount(cells, sold, shape[0] * grid).reshape(shape) / periods
    used = times.sum(axis=1, keepdims=True)
    demand = np.where(times > 0, sales * used / np.maximum(times, 1), np.inf)
    most = np.minimum(np.minimum.accumulate(demand, axis=1), used / periods)  # of this and all lower prices
    demand = np.where(times > 0, demand, most)
    volume = np.concatenate([sales.sum(axis=1, keepdims=True), demand], axis=1)
    revenue = np.concatenate([(sales * prices).sum(axis=1, keepdims=True), prices * demand], axis=1)
    return revenue, volume
