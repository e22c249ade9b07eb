"""One period as a text table."""

from __future__ import annotations

from typing import Any

from ttc_env.envs.vector import VectorMarket


def render_period(engine: VectorMarket, info: dict[str, Any], render_mode: str | None) -> str | None:
    """The last period of market 0: returned in mode `"ansi"`, printed in mode `"human"`."""
    text = period_table(engine, info) if info else "no period has been played"
    if render_mode == "human":
        print(text)
    return text if render_mode == "ansi" else None


def period_table(engine: VectorMarket, info: dict[str, Any]) -> str:
    """A line per provider and one for the whole market; USD per 1,000 queries."""
    outcome, bids, market = info["outcome"], info["bids"], engine.market
    width = max(map(len, market.providers))
    period = int(engine.record().period[0])
    lines = [
        f"period {period}, {engine.game.mechanism.name}, USD per 1,000 queries",
        f"{'provider':{width}}  level      ask    claim   share   profit",
    ]
    for i, name in enumerate(market.providers):
        ask, claim, profit = (1000 * float(x[0, i]) for x in (bids.ask, bids.claim, outcome.utility))
        share, level = float(outcome.shares[0, i]), market.levels[int(bids.level[0, i])]
        lines.append(f"{name:{width}} {level:6g} {ask:8.4f} {claim:8.4f} {share:7.1%} {profit:8.4f}")
    lines.append(
        f"welfare {1000 * float(outcome.welfare[0]):.4f}, user value {1000 * float(outcome.user_value[0]):.4f}, "
        f"no sale {float(outcome.outside_share[0]):.1%}"
    )
    return "\n".join(lines)
