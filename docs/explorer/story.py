"""The guided story of the explorer: five steps, each a choice of the controls and a few sentences with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import ttc_env
from ttc_env import equilibrium
from ttc_env.names import short_names

MARKET, BETA, MARKUP, STEEP = "gsm8k/majority_voting", 1000.0, 0.25, 1.0


class Step(NamedTuple):
    """A heading, its text, and the state of the controls, as in the address of the page."""

    title: str
    text: str
    state: dict[str, str]


@dataclass(frozen=True)
class Numbers:
    """Per-token pricing at its only equilibrium, and the auction; money in USD per 1,000 queries."""

    market: ttc_env.Market

    @property
    def summary(self) -> equilibrium.Summary:
        """Of the equilibrium of lowest welfare."""
        return equilibrium.summarize(self.market)

    @property
    def auction(self) -> equilibrium.AuctionOutcome:
        """In dominant strategies."""
        return equilibrium.second_price_outcome(self.market)

    @property
    def lost(self) -> float:
        """Part of the best possible welfare that the equilibrium loses."""
        return 1 - 1 / equilibrium.price_of_anarchy(self.market)


def story() -> list[Step]:
    """The five steps, with their numbers from the solver."""
    market = ttc_env.load_market(MARKET, beta=BETA, markup=MARKUP)
    base, steep = Numbers(market), Numbers(ttc_env.load_market(MARKET, beta=BETA, markup=STEEP))
    sharp = Numbers(replace(market, beta=1e5))
    names, levels = short_names(market.providers), market.levels
    (equilibrium_levels,) = equilibrium.pure_nash(market)
    efficient = market.welfare_contribution.argmax(-1)
    over = int((equilibrium_levels > efficient).sum())
    winner, second = base.auction.winner, base.auction.runner_up
    assert winner is not None
    assert second is not None
    best, sold = levels[efficient[winner]], levels[equilibrium_levels[winner]]
    users = 1000 * (base.auction.user_value - base.summary.user_value)
    common = {"market": MARKET, "beta": f"{BETA:g}", "markup": f"{MARKUP:g}", "without": "", "provider": str(winner)}
    per_token, auction = common | {"mechanism": "per_token"}, common | {"mechanism": "second_price"}
    profit, left = 1000 * base.summary.provider_profit, 1000 * base.summary.user_value
    return [
        Step(
            "More compute, better answers, bigger bills",
            f"Here {len(names)} providers sell answers to grade-school mathematics. Each decides how many samples it "
            f"draws before it votes. The first samples help most: for {names[winner]} an answer is worth most, less "
            f"what it costs, at {best:g} samples. Choose another provider above the chart and see where its curve "
            "turns.",
            per_token,
        ),
        Step(
            "Paid per token, they sell more",
            "A provider earns a mark-up on every token. So it goes on past the best level until it would lose more by "
            f"the users who leave than it gains by the bill: in equilibrium {names[winner]} sells {sold:g} samples, "
            f"and {over} of {len(names)} providers sell more than is efficient. The market loses {base.lost:.1%} of "
            "the welfare it could have.",
            per_token,
        ),
        Step(
            "The size of the mark-up is not the reason",
            f"At the same list prices, let the mark-up be {STEEP:.0%} instead of {MARKUP:.0%}. Nobody changes its "
            "level: every margin grows by the same factor, and no level becomes better than another. Providers earn "
            f"{1000 * steep.summary.provider_profit:.2f} instead of {profit:.2f} USD per 1,000 queries, users keep "
            f"{left:.2f} as before. It is being paid per token that moves them, not how much.",
            per_token | {"markup": f"{STEEP:g}"},
        ),
        Step(
            "Users who choose well help",
            "Beta says how well users choose. At 100,000 nearly all go where value is best, so providers must offer "
            f"more of it: users keep {1000 * sharp.summary.user_value:.2f} instead of {left:.2f} USD per 1,000 "
            f"queries, and the market loses {sharp.lost:.1%}. But nobody sets how well users choose. Move beta and "
            "watch the line.",
            per_token | {"beta": "100000"},
        ),
        Step(
            "An auction pays for what an answer adds",
            "Providers bid a price and a quality; the best offer wins, and the user pays what it adds over the second "
            "best. Now the efficient level and the honest bid are best whatever others do: "
            f"{names[winner]} wins with {best:g} samples before {names[second]}. Users keep {users:.2f} USD per 1,000 "
            f"queries more than under per-token pricing. Profits go from {profit:.2f} to "
            f"{1000 * base.auction.provider_profit:.2f}, all to the winner: the other {len(names) - 1} providers earn "
            "nothing. It is not a gain for everybody.",
            auction,
        ),
    ]
