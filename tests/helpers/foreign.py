"""A mechanism that only the tests know: a fee per query on a grid, and users who choose by logit."""

from dataclasses import dataclass

from ttc_env.arrays import device, namespace, take
from ttc_env.market import logit_shares
from ttc_env.mechanisms import Bids, Mechanism, Outcome
from ttc_env.mechanisms.serving import query_bounds, serve


@dataclass(frozen=True)
class FlatFee(Mechanism):
    """Each provider chooses a level and a fee.

    Args:
        fees: allowed ones, in units of `answer_value`.
    """

    fees: tuple[float, ...] = (0.0, 0.05, 0.15)

    name = "flat_fee"
    action_type = "multi_discrete"
    private = public = ("level", "ask")

    def action_sizes(self, market):
        return (market.num_levels, len(self.fees))

    def bids(self, market, actions):
        xp, table = namespace(market.quality), market.quality
        fees = xp.asarray(self.fees, dtype=table.dtype, device=device(table))
        level = actions[..., 0]
        return Bids(level, fees[actions[..., 1]] * market.unit, take(table, level + market.rows))

    def clear(self, market, bids, draws=None):
        shares, outside = logit_shares(bids.claim - bids.ask, market.beta, market.outside_value, market.present)
        shares, outside, worth, load = serve(market, bids.level, shares, outside, draws)
        cost = take(market.cost, bids.level + market.rows)
        utility = shares * bids.ask - (shares if load is None else load) * cost
        return Outcome(market, bids, shares, outside, utility, worth, load)

    def utility_bounds(self, market):
        least, most = query_bounds(market, market.cost)
        return min(0.0, min(self.fees) * market.unit - most), max(0.0, max(self.fees) * market.unit - least)
