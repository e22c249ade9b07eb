"""The numbers of the market explorer: every choice a reader has, solved when the site is built."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

import ttc_env
from train.mechanism_study import Cleared, at_levels, average, posted_price, stack, worst_equilibrium
from ttc_env import Mixture
from ttc_env.equilibrium import batched
from ttc_env.markets import Markets
from ttc_env.names import short_names

BETAS = (100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0, 30000.0, 100000.0)
MARKUPS = (0.1, 0.25, 0.5, 1.0)
MOST_LEFT_OUT = 2
MONEY = 1e-7
"""USD per query: what one stands for in the money columns, a ten-thousandth of a dollar per 1,000 queries"""
SHARE = 1e-4
TOTALS = ("user_value", "profit", "welfare", "payment", "optimum")
MECHANISMS = {
    "per_token": "per-token pricing",
    "posted_price": "posted prices",
    "second_price": "second-price auction",
}
BY_BIDS = ("second_price",)
"""mechanisms whose outcome no beta changes; with complete information the first-price auction ends the same way"""


def names() -> list[str]:
    """Markets and mixtures of the explorer."""
    return [*ttc_env.list_markets(), *ttc_env.list_mixtures()]


def solve(name: str) -> dict[str, Any]:
    """Everything the explorer shows of a market or mixture.

    Columns are lists of whole numbers in units of `MONEY` and `SHARE`. Their rows go through who is left out, then
    mark-ups, then (where users choose) betas; `shares` and `profits` have a number for every provider, 0 for those left
    out, and `levels` a string with a digit for each, type after type of a mixture.
    """
    markets = [_types(name, markup) for markup in MARKUPS]
    first = markets[0][0]
    left_out = list(_left_out(first.num_providers))
    weights = _weights(name)
    value = np.tensordot(weights, [part.user_value for part in markets[0]], 1)
    added = [np.tensordot(weights, [part.welfare_contribution for part in parts], 1) for parts in markets]
    return {
        "providers": short_names(first.providers),
        "levels": list(first.levels),
        "types": len(weights),
        "leftOut": [",".join(map(str, some)) for some in left_out],
        "value": _whole(value, MONEY),
        "added": [_whole(table, MONEY) for table in added],
        "efficient": ["".join(_digits(part.welfare_contribution.argmax(-1)) for part in parts) for parts in markets],
        "mechanisms": {mechanism: _columns(mechanism, name, left_out) for mechanism in MECHANISMS},
    }


def _columns(mechanism: str, name: str, left_out: list[tuple[int, ...]]) -> dict[str, Any]:
    betas = (BETAS[0],) if mechanism in BY_BIDS else BETAS
    found, levels, ranks = [], [], []
    for size in range(MOST_LEFT_OUT + 1):
        some = [gone for gone in left_out if len(gone) == size]
        if not some:
            continue
        parts = [_solve(mechanism, markets, some) for markets in _stacked(name, some, betas)]
        found.append(average(stack([cleared for cleared, _, _ in parts]), _weights(name)))
        levels += ["".join(rows) for rows in zip(*(digits for _, digits, _ in parts), strict=True)]
        if len(parts) == 1:
            ranks += parts[0][2]
    joined = Cleared(*(np.concatenate(column) for column in zip(*found, strict=True)))
    profit = joined.profit.sum(axis=-1)
    totals = joined._asdict() | {"profit": profit, "welfare": joined.user_value + profit}
    columns = {key: _whole(totals[key], MONEY) for key in TOTALS if np.isfinite(totals[key]).all()}
    columns |= {"shares": _whole(joined.shares, SHARE), "profits": _whole(joined.profit, MONEY), "levels": levels}
    return columns | ({"ranks": ranks} if ranks and mechanism in BY_BIDS else {})


def _solve(mechanism: str, markets: Markets, left_out: list[tuple[int, ...]]) -> tuple[Cleared, list[str], list[Any]]:
    """The equilibrium of every row, zero for those left out; the levels; in auctions who comes first and second."""
    full = len(left_out[0]) + markets.num_providers
    present = np.array([[i for i in range(full) if i not in gone] for gone in left_out])
    present = present.repeat(len(markets.quality) // len(left_out), axis=0)
    ranks: list[Any] = []
    if mechanism == "per_token":
        levels = worst_equilibrium(markets)
        cleared = at_levels(markets, levels)
    else:
        levels = np.asarray(markets.welfare_contribution).argmax(-1)
        cleared, first_two = (posted_price(markets), None) if mechanism == "posted_price" else _second_price(markets)
        if first_two is not None:
            ranks = np.where(first_two >= 0, np.take_along_axis(present, first_two, 1), -1).tolist()
    return (
        _spread(cleared, present, full),
        [_at(row, where, full) for row, where in zip(levels, present, strict=True)],
        ranks,
    )


def _second_price(markets: Markets) -> tuple[Cleared, np.ndarray]:
    """The outcome in dominant strategies, all rows at once; and winners and runners-up, -1 for nobody."""
    found = batched.second_price_outcome(markets)
    won = (np.arange(markets.num_providers) == found.winner[:, None]) * 1.0
    nothing = np.full(len(won), np.nan)
    left = found.user_value
    cleared = Cleared(won, won * found.provider_profit[:, None], left, left, found.payment, nothing)
    return cleared, np.stack([found.winner, found.runner_up], axis=1)


def _stacked(name: str, left_out: list[tuple[int, ...]], betas: tuple[float, ...]) -> Iterator[Markets]:
    """For each query type, the markets of every choice as rows of one batch; equally many are left out in all."""
    by_markup = [_types(name, markup) for markup in MARKUPS]
    for parts in zip(*by_markup, strict=True):
        keep = [[i for i in range(parts[0].num_providers) if i not in gone] for gone in left_out]
        rows = [(part, some, beta) for some in keep for part in parts for beta in betas]
        tables = {
            key: np.array([getattr(part, key)[some] for part, some, _ in rows]) for key in ("quality", "price", "cost")
        }
        yield Markets(
            providers=[str(i) for i in range(len(keep[0]))],
            levels=parts[0].levels,
            beta=np.array([beta for _, _, beta in rows]),
            outside_value=parts[0].outside_value,
            **tables,
        )


def _spread(cleared: Cleared, present: np.ndarray, full: int) -> Cleared:
    """Shares and profits with a column for everybody, zero for those left out."""

    def wide(table: np.ndarray) -> np.ndarray:
        result = np.zeros((len(table), full))
        np.put_along_axis(result, present, table, 1)
        return result

    return cleared._replace(shares=wide(cleared.shares), profit=wide(cleared.profit))


def _at(levels: np.ndarray, present: np.ndarray, full: int) -> str:
    digits = np.zeros(full, dtype=int)
    digits[present] = levels
    return _digits(digits)


def _digits(levels: np.ndarray) -> str:
    return "".join(np.base_repr(int(k), 36).lower() for k in levels)


def _types(name: str, markup: float) -> list[ttc_env.Market]:
    market = ttc_env.load_market(name, markup=markup)
    return list(market.markets) if isinstance(market, Mixture) else [market]


def _weights(name: str) -> np.ndarray:
    market = ttc_env.load_market(name)
    return market.weights if isinstance(market, Mixture) else np.ones(1)


def _left_out(num_providers: int) -> Iterator[tuple[int, ...]]:
    for size in range(min(MOST_LEFT_OUT, num_providers - 1) + 1):
        yield from combinations(range(num_providers), size)


def _whole(values: np.ndarray, unit: float) -> list[Any]:
    return np.rint(np.asarray(values) / unit).astype(int).tolist()
