"""What each number of a run means, in a sentence; reports and the glossary of the documentation show these."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """A number of summary.json: its title, how it is written, and what it means."""

    title: str
    style: str
    factor: float
    meaning: str


USD = "USD per 1,000 queries"
QUANTITIES = {
    "relative_nash_conv": Quantity(
        "NashConv / total profit",
        "{:.3%}",
        1,
        "NashConv as a part of the profit of all providers: how far the play is from an equilibrium. 0 at one; "
        "below 1 % nobody has much to gain.",
    ),
    "nash_conv": Quantity(
        "NashConv",
        "{:.4f}",
        1000,
        f"What the providers could gain in all, each by changing its own play alone, {USD}; 0 at an equilibrium.",
    ),
    "welfare": Quantity(
        "welfare",
        "{:.4f}",
        1000,
        f"What answers are worth less what they cost to make, whoever gets it, {USD}: user value and profits together.",
    ),
    "welfare_ratio": Quantity(
        "welfare / optimum",
        "{:.2%}",
        1,
        "Welfare as a part of the most that any choice of levels gives under the same users.",
    ),
    "user_value": Quantity("user value", "{:.4f}", 1000, f"What answers are worth to users less what they pay, {USD}."),
    "payment": Quantity("paid by users", "{:.4f}", 1000, f"What users pay, {USD}."),
    "provider_profit": Quantity(
        "provider profit", "{:.4f}", 1000, f"Payments less the cost of compute, all providers together, {USD}."
    ),
    "price_of_anarchy": Quantity(
        "price of anarchy",
        "{:.4f}",
        1,
        "The optimum over the welfare of the worst equilibrium: 1 where selfish play loses nothing.",
    ),
    "num_equilibria": Quantity("pure equilibria", "{:.0f}", 1, "How many pure equilibria the game of a period has."),
    "winner_efficiency": Quantity(
        "efficient provider wins", "{:.1%}", 1, "How often the auction is won by the provider that adds most welfare."
    ),
    "truthfulness_gap": Quantity(
        "truthfulness gap",
        "{:.4f}",
        1000,
        f"How far bids are from what the provider's best answer adds to welfare, on average, {USD}; 0 for honest bids. "
        "Who loses anyway loses nothing by a dishonest bid, so play can be at an equilibrium without being honest.",
    ),
    "profit_gain": Quantity(
        "profit gain",
        "{:.3f}",
        1,
        "Profit between the equilibrium (0) and the cartel of all providers (1).",
    ),
    "agent_steps": Quantity(
        "agent steps", "{:,.0f}", 1, "Decisions learnt from: periods times markets times providers."
    ),
}
PROVIDER = {
    "level": "Compute sold: samples per query, or the level of effort; learned, and in the equilibrium.",
    "share": "Part of the queries that go to this provider.",
    "profit": f"Its payments less its costs, {USD}.",
}
