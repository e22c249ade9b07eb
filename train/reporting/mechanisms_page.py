"""The report of a comparison of mechanisms: who gains against per-token pricing, in every market."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from train.reporting import charts
from train.reporting.meanings import USD
from train.reporting.page import Chart, Choice, Column, Page, Section, Table
from ttc_env.names import short_names

SHOWN_BETA = 1000.0
TITLES = {
    "user_value": ("user value", "What answers are worth less what users pay; noise in choices is mistakes.", 1000),
    "user_surplus": ("user surplus", "The same, noise in choices being tastes: a log-sum.", 1000),
    "payment": ("payment", "What a served query costs the user.", 1000),
    "profit": ("profit", "Of all providers, a query that arrives.", 1000),
    "welfare": ("welfare", "User value (mistakes) and profit together.", 1000),
    "served": ("served", "Part of the queries that are answered.", 1),
    "sellers": ("sellers", "Providers with more than 1 % of the queries.", 1),
    "earners": ("earners", "Providers with more than 1 % of all profit.", 1),
}  # fmt: skip


def mechanisms_page(folders: Sequence[Path]) -> Page:
    """The page of one folder of compare_mechanisms.py, from its three tables."""
    (folder,) = folders
    differences, quantities, providers = (
        pd.read_csv(folder / f"{name}.csv") for name in ("differences", "quantities", "providers")
    )
    betas = list(differences.beta.unique())
    beta = SHOWN_BETA if SHOWN_BETA in betas else betas[0]
    markets = list(differences.market.unique())
    told = ", ".join(f"{each:g}" for each in betas)
    lead = f"{len(markets)} markets at beta {told}, every mechanism at its exact equilibrium."
    sections = [
        Section("Against per-token pricing", f"Charts: beta {beta:g}.", [_differences(differences, markets, beta)]),
        Section("Every market", "", [_table(quantities)]),
        Section("Providers", f"Profit under each mechanism, beta {beta:g}.", [_providers(providers, beta)]),
    ]
    return Page(
        "Who gains from which mechanism", [lead, "Brackets and lines: 95 % intervals over redrawn markets."], sections
    )


def _differences(frame: pd.DataFrame, markets: list[str], beta: float) -> Chart:
    some = frame[frame.beta == beta]
    rules = [name.replace("_", " ") for name in some.mechanism.unique()]
    rows = [
        {"market": markets.index(row.market), "what": TITLES[row.quantity][0], "run": row.mechanism.replace("_", " ")}
        | {end: 1000 * getattr(row, end) for end in ("value", "low", "high")}
        for row in some.itertuples()
    ]
    spec = charts.ranges(rows, rules, f"difference, {USD}", 360, choose="market")
    meaning = "What a mechanism gives more (right of 0) or less than per-token pricing in the market chosen."
    return Chart("Differences", meaning, spec, Choice("Market", "market", markets), wide=True)


def _table(frame: pd.DataFrame) -> Table:
    kept = frame[frame.quantity.isin(TITLES)]
    columns = [Column("market"), Column("beta"), Column("mechanism")]
    columns += [
        Column(title, meaning, "{:.4f}" if factor > 1 else "{:.2g}", factor)
        for title, meaning, factor in TITLES.values()
    ]
    rows = []
    for (market, beta, mechanism), cells in kept.groupby(["market", "beta", "mechanism"], sort=False):
        found = dict(zip(cells.quantity, cells.value, strict=True))
        rows.append([market, float(beta), str(mechanism).replace("_", " "), *(found.get(key) for key in TITLES)])
    return Table("Every market under every mechanism", columns, rows, f"Money in {USD}, as measured.")


def _providers(frame: pd.DataFrame, beta: float) -> Chart:
    some = frame[(frame.quantity == "profit") & (frame.beta == beta)]
    markets, rules = list(some.market.unique()), [name.replace("_", " ") for name in some.mechanism.unique()]
    short = {name: dict(zip(rows.provider.unique(), short_names(rows.provider.unique()), strict=True))
             for name, rows in some.groupby("market")}  # fmt: skip
    rows = [
        {
            "market": markets.index(row.market),
            "what": short[row.market][row.provider],
            "run": row.mechanism.replace("_", " "),
        }
        | {end: float(f"{1000 * getattr(row, end):.5g}") for end in ("value", "low", "high")}
        for row in some.itertuples()
    ]
    spec = charts.ranges(rows, rules, f"profit, {USD}", 480, choose="market")
    return Chart(
        "Profit of each provider", "Payments less costs.", spec, Choice("Market", "market", markets), wide=True
    )
