"""One period of a market as a text table."""

from __future__ import annotations

from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.names import printable


def period_table(market: Market, mechanism: Mechanism, period: int, outcome: Outcome) -> str:
    """A line per provider and one for the whole market, of row 0 of a batch; USD per 1,000 queries."""
    bids, names = outcome.bids, [printable(name, keep="") for name in market.providers]
    width = max(map(len, names))
    lines = [
        f"period {period}, {mechanism.name}, USD per 1,000 queries",
        f"{'provider':{width}}  level      ask    claim   share   profit",
    ]
    for i, name in enumerate(names):
        ask, claim, profit = (1000 * float(x[0, i]) for x in (bids.ask, bids.claim, outcome.utility))
        share, level = float(outcome.shares[0, i]), market.levels[int(bids.level[0, i])]
        lines.append(f"{name:{width}} {level:6g} {ask:8.4f} {claim:8.4f} {share:7.1%} {profit:8.4f}")
    lines.append(
        f"welfare {1000 * float(outcome.welfare[0]):.4f}, user value {1000 * float(outcome.user_value[0]):.4f}, "
        f"no sale {float(outcome.outside_share[0]):.1%}"
    )
    return "\n".join(lines)
