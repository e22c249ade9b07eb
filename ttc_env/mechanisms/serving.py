"""How queries are served: expected, drawn one by one, or replayed from recorded answers."""

from __future__ import annotations

from ttc_env.arrays import Array, namespace, take
from ttc_env.batch import MarketBatch
from ttc_env.market import Market
from ttc_env.mechanisms.protocol import Bids, Draws


def serve(
    market: Market | MarketBatch, level: Array, shares: Array, outside: Array, draws: Draws | None
) -> tuple[Array, Array, Array | None, Array | None]:
    """Shares, outside share, worth of the answers and load: of the N queries, or expectations (None; see `Outcome`)."""
    if draws is None or draws.correct is None:
        return shares, outside, None, None
    xp = namespace(shares)
    if market.outcomes is None:
        accuracy, tokens = market.chance_right(level)[..., None], None
    elif draws.question is None:
        raise ValueError("a market with recorded outcomes replays them: draws must have a question for each query")
    else:
        accuracy, tokens = market.outcomes.on(level, draws.question)
    right = draws.correct[..., None, :] < accuracy
    if draws.choice is None:
        frequency = xp.mean(xp.astype(right, shares.dtype), axis=-1) * shares
        load = None if tokens is None else xp.mean(tokens, axis=-1) * shares
    else:
        upper = xp.cumulative_sum(shares, axis=-1)
        lower = xp.concat([xp.zeros_like(upper[..., :1]), upper[..., :-1]], axis=-1)
        choice = draws.choice[..., None, :]
        picks = (choice >= lower[..., None]) & (choice < upper[..., None])
        shares = xp.mean(xp.astype(picks, shares.dtype), axis=-1)
        frequency = xp.mean(xp.astype(picks & right, shares.dtype), axis=-1)
        outside = xp.mean(xp.astype(draws.choice >= upper[..., -1:], shares.dtype), axis=-1)
        load = None if tokens is None else xp.mean(picks * tokens, axis=-1)
    baseline = market.baseline
    worth = market.unit * (baseline * shares + (1 - baseline) * frequency)
    return shares, outside, worth if market.extra is None else worth + market.extra * shares, load


def price_profit(market: Market | MarketBatch, bids: Bids, shares: Array, load: Array | None) -> Array:
    """Profit of providers who are paid their ask for a query, whatever it costs, USD per arriving query, `(..., n)`."""
    cost = take(market.cost, bids.level + market.rows)
    utility = shares * (bids.ask - cost)
    return utility if load is None else utility - (load - shares) * cost


def query_bounds(market: Market, table: Array) -> tuple[float, float]:
    """Least and most of a table of USD per query, of single queries where outcomes are replayed."""
    if market.outcomes is not None:
        table = table[..., None] * market.outcomes.tokens
    return float(table.min()), float(table.max())


def worth_bounds(market: Market) -> tuple[float, float]:
    """Worst and best answer there is, USD: of the curves, and of a wrong and a right answer drawn from them."""
    low, high = float(market.quality.min()), float(market.quality.max())
    return min(low, market.baseline * market.unit), max(high, market.unit)
