"""One period of a market as a text table."""

from __future__ import annotations

from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.names import printable


def period_table(market: Market, mechanism: Mechanism, period: int, outcome: Outcome, row: int = 0) -> str:
    """A line per provider and one for the whole market, of a row of a batch; USD per 1,000 queries."""
    bids, names = outcome.bids, [printable(name, keep="") for name in market.providers]
    width = max(map(len, names))
    lines = [
        f"period {period}, {mechanism.name}, USD per 1,000 queries",
        f"{'provider':{width}}  level      ask    claim   share   profit",
    ]
    for i, name in enumerate(names):
        ask, claim, profit = (1000 * float(x[row, i]) for x in (bids.ask, bids.claim, outcome.utility))
        share, level = float(outcome.shares[row, i]), market.levels[int(bids.level[row, i])]
        lines.append(f"{name:{width}} {level:6g} {ask:8.4f} {claim:8.4f} {share:7.1%} {profit:8.4f}")
    lines.append(
        f"welfare {1000 * float(outcome.welfare[row]):.4f}, user value {1000 * float(outcome.user_value[row]):.4f}, "
        f"no sale {float(outcome.outside_share[row]):.1%}"
    )
    return "\n".join(lines)
