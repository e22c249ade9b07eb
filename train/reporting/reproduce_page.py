"""The report of the published study, reproduced: printed numbers beside ours, and everything against beta."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from train.reporting import charts
from train.reporting.meanings import QUANTITIES, USD
from train.reporting.page import Chart, Choice, Column, Page, Section, Table
from train.reporting.runs import thinned

WORST = "In equilibrium; of several the one of lowest welfare."
OVER_BETA = {
    "price_of_anarchy": ("price of anarchy", QUANTITIES["price_of_anarchy"].meaning),
    "user_value": ("user value", f"{QUANTITIES['user_value'].meaning} {WORST}"),
    "provider_profit": ("provider profit", f"{QUANTITIES['provider_profit'].meaning} {WORST}"),
    "welfare": ("welfare", f"{QUANTITIES['welfare'].meaning} {WORST}"),
}


def reproduce_page(folders: Sequence[Path]) -> Page:
    """The page of one folder of reproduce.py, from its three tables."""
    (folder,) = folders
    tables, sweep, auction = (pd.read_csv(folder / f"{name}.csv") for name in ("tables", "sweep", "auction"))
    named = tables[tables.difference.isna() & tables.published.notna()]
    known = tables.dropna(subset=["difference"])
    lead = (
        f"{len(known)} published numbers, largest difference {1000 * known.difference.abs().max():.2g} {USD}, "
        "of which the print resolves 0.01; "
        f"{int((named.ours == named.published).sum())} of {len(named)} published winners and runners-up the same."
    )
    sections = [
        Section("Against beta", "Every market at its exact equilibrium.", list(_sweeps(sweep))),
        Section("Auction", "Efficient levels and honest bids.", [_auction(auction)]),
        Section("Published numbers", "Printed in arXiv:2601.21839, and ours.", [_tables(known)]),
    ]
    return Page("The published study, reproduced", [lead], sections)


def _sweeps(sweep: pd.DataFrame) -> Iterator[Chart]:
    markets = list(sweep.market.unique())
    x = charts.quantitative("steps", "beta, 1/USD", scale={"type": "log"}, axis={"format": "~s", "tickCount": 5})
    for key, (title, meaning) in OVER_BETA.items():
        factor = 1 if key == "price_of_anarchy" else 1000
        rows = []
        for number, market in enumerate(markets):
            for row in thinned(list(sweep[sweep.market == market].itertuples()), 60):
                value = factor * getattr(row, key)
                low, high = (factor * getattr(row, f"{key}_{end}", value / factor) for end in ("low", "high"))
                rows.append(
                    {"market": number, "run": title, "steps": row.beta, "middle": value, "low": low, "high": high}
                )
        spec = charts.courses(rows, [title], [], title if factor == 1 else USD, x=x, choose="market")
        yield Chart(title, meaning, spec, Choice("Market", "market", markets))


def _auction(frame: pd.DataFrame) -> Table:
    columns = [Column("market"), Column("winner"), Column("runner-up")]
    for key in ("welfare", "user_value", "payment", "provider_profit"):
        columns.append(Column(QUANTITIES[key].title, QUANTITIES[key].meaning, "{:.4f}", 1000))
    fields = ("market", "winner", "runner_up", "welfare", "user_value", "price", "provider_profit")
    return Table("The auction in every market", columns, [[row[key] for key in fields] for _, row in frame.iterrows()])


def _tables(known: pd.DataFrame) -> Table:
    columns = [Column("market"), Column("mechanism"), Column("beta"), Column("quantity")]
    columns += [Column("published", "As printed.", "{:.2f}", 1000), Column("ours", "Exact.", "{:.4f}", 1000)]
    columns.append(Column("difference", "Ours less the published one; the print resolves 0.01.", "{:+.4f}", 1000))
    rows = [
        [row.market, row.mechanism, None if pd.isna(row.beta) else float(row.beta), row.quantity.replace("_", " "),
         float(row.published), float(row.ours), float(row.difference)]
        for row in known.itertuples()
    ]  # fmt: skip
    return Table("Published numbers beside ours", columns, rows, f"Money in {USD}.")
