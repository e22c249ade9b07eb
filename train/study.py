"""The published study beside ours: equilibria, optima and auctions of nine markets, and their sweep over beta."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from rich.table import Table
from rich.text import Text

import ttc_env
from train.comparison.workers import run_all
from train.paper_figures import draw_curves, draw_dynamics, draw_inefficiency, draw_mechanisms
from train.reporting.kinds import write_report
from ttc_env import equilibrium
from ttc_env.names import short_names
from ttc_env.scripting.console import console, progress_bar, say
from ttc_env.scripting.files import replacing

PUBLISHED = Path(__file__).resolve().parents[1] / "tests" / "data" / "paper_tables.csv"
RESOLUTION = 1e-5  # USD per query, of the printed tables
BETAS = (200.0, 1000.0, 100000.0)
LABELS = {
    "welfare_optimum": "welfare optimum",
    "joint_profit_optimum": "cartel profit",
    "welfare": "welfare",
    "user_value": "user value",
    "price": "price",
    "provider_profit": "provider profit",
    "mean_value": "mean value",
    "mean_price": "mean price",
    "mean_margin": "mean margin",
    "runner_up_welfare": "runner-up adds",
}


def study(out: Path, num_betas: int, num_draws: int, num_questions: int, jobs: int) -> pd.DataFrame:
    """Compute, print and write everything below `out`; returns the tables, published numbers beside ours."""
    out.mkdir(parents=True, exist_ok=True)
    names = [name for name in ttc_env.list_markets() if not name.startswith("nano/")]
    tables, auction = compare(names), auctions(names)
    betas, sweeps = np.geomspace(10, 1e5, num_betas), []
    with progress_bar("{task.fields[name]}") as progress:
        bar = progress.add_task("sweeping beta", total=len(names), name="")
        for name in names:
            sweeps.append(sweep_betas(name, betas))
            progress.update(bar, advance=1, name=name)
    sweep = pd.concat(sweeps)
    if num_draws:
        drawn = intervals(names, betas, num_draws, num_questions, jobs)
        sweep = sweep.merge(drawn, on=["market", "beta"], validate="1:1")
    for title, frame in (("tables", tables), ("auction", auction), ("sweep", sweep)):
        with replacing(out / f"{title}.csv") as draft:
            frame.to_csv(draft, index=False)
    draw_curves(out / "value_curves.png", names)
    draw_dynamics(out / "dynamics.png", names[0], BETAS)
    draw_inefficiency(out / "inefficiency.png", sweep)
    draw_mechanisms(out / "market_against_auction.png", tables, auction)
    write_report([out])
    for market, rows in tables.groupby("market", sort=False):
        print_market(str(market), rows)
    return tables


def compare(names: list[str]) -> pd.DataFrame:
    """Our value of every quantity of the published tables, beside the published one where there is one."""
    rows = []
    for name in names:
        for beta in BETAS:
            summary = equilibrium.summarize(ttc_env.load_market(name, beta=beta))
            rows += [(name, "per_token", beta, quantity, float(value)) for quantity, value in summary._asdict().items()]
        outcome = auctions([name]).iloc[0].drop("market")
        rows += [(name, "second_price", np.nan, quantity, value) for quantity, value in outcome.items()]
    ours = pd.DataFrame(rows, columns=["market", "mechanism", "beta", "quantity", "ours"])
    published = pd.read_csv(PUBLISHED)
    published.insert(0, "market", published.benchmark + "/" + published.method)
    published = published.drop(columns=["benchmark", "method"]).rename(columns={"value": "published"})
    tables = ours.merge(published, how="left", on=["market", "mechanism", "beta", "quantity"], validate="1:1")
    if tables.published.notna().sum() != len(published):
        raise ValueError(f"{PUBLISHED} holds quantities or markets that are not computed here")
    tables["difference"] = pd.to_numeric(tables.ours, errors="coerce") - pd.to_numeric(
        tables.published, errors="coerce"
    )
    return tables


def auctions(names: list[str]) -> pd.DataFrame:
    """The auction's outcome in every market, USD per query."""
    rows = []
    for name in names:
        market = ttc_env.load_market(name)
        outcome = equilibrium.second_price_outcome(market)
        row = {"market": name}
        for role in ("winner", "runner_up"):
            provider = getattr(outcome, role)
            row[role] = "" if provider is None else market.providers[provider]
        rows.append(
            row
            | {
                "welfare": outcome.welfare,
                "runner_up_welfare": outcome.user_value,  # what the runner-up would add is left to the user
                "user_value": outcome.user_value,
                "price": outcome.payment,
                "provider_profit": outcome.provider_profit,
            }
        )
    return pd.DataFrame(rows)


def sweep_betas(name: str, betas: np.ndarray) -> pd.DataFrame:
    """All quantities of one market against beta, with the prices of anarchy and stability."""
    summary = equilibrium.sweep(ttc_env.load_market(name, beta=beta) for beta in betas)
    frame = pd.DataFrame({"market": name, "beta": betas} | summary._asdict())
    frame["price_of_anarchy"] = frame.welfare_optimum / frame.welfare
    frame["price_of_stability"] = frame.welfare_optimum / frame.best_welfare
    return frame


def intervals(names: list[str], betas: np.ndarray, num_draws: int, num_questions: int, jobs: int) -> pd.DataFrame:
    """The central 95 % of the price of anarchy of redrawn markets against beta."""
    work = partial(redraw, betas=betas, num_questions=num_questions, num_draws=num_draws)
    found = {}
    with (
        closing(run_all(work, names, jobs, "processes" if jobs > 1 else "serial")) as running,
        progress_bar("{task.fields[name]}") as progress,
    ):
        bar = progress.add_task("redrawing curves", total=len(names), name="")
        for name, frame, error in running:
            if error:
                raise RuntimeError(error)
            found[name] = frame
            progress.update(bar, advance=1, name=name)
    return pd.concat([found[name] for name in names])


def redraw(name: str, betas: np.ndarray, num_questions: int, num_draws: int) -> pd.DataFrame:
    """The interval of one market at every beta, from the same redrawn curves at all of them."""
    market = ttc_env.load_market(name)
    drawn = equilibrium.draw_markets(market, num_questions, num_draws, np.random.default_rng(0))
    rows = [equilibrium.interval(equilibrium.price_of_anarchy, replace(drawn, beta=beta)) for beta in betas]
    ends = {f"price_of_anarchy_{end}": [getattr(row, end) for row in rows] for end in ("low", "high")}
    return pd.DataFrame({"market": name, "beta": betas} | ends)


def print_market(name: str, rows: pd.DataFrame) -> None:
    """The table of one market: for each beta the published number, ours and their difference; then the auction."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("per-token, beta", no_wrap=True)
    for beta in BETAS:
        for column in (f"{beta:g}", "ours", "diff"):
            table.add_column(column, justify="right", no_wrap=True)
    per_token = rows[(rows.mechanism == "per_token") & rows.quantity.isin(LABELS)]
    for quantity, cells in per_token.groupby("quantity", sort=False):
        table.add_row(LABELS[str(quantity)], *(text for _, cell in cells.iterrows() for text in _texts(cell)))
    table.add_row(Text("auction", "bold"))
    auction = rows[rows.mechanism == "second_price"].set_index("quantity")
    for quantity, cell in auction.drop(["winner", "runner_up"]).iterrows():
        table.add_row(LABELS[str(quantity)], *_texts(cell))
    say("\n", (name, "bold"), ": USD per 1,000 queries, differences in thousandths")
    console.print(table)
    providers = ttc_env.load_market(name).providers
    short = dict(zip(providers, short_names(providers), strict=True))
    say(f"{short[auction.ours.winner]} wins before {short[auction.ours.runner_up]}")


def _texts(cell: pd.Series) -> tuple[str, str, str]:
    """Published number, ours and the difference as they are printed; blanks for what was not published."""
    ours = f"{1000 * cell.ours:.4f}"
    if pd.isna(cell.published):
        return "", ours, ""
    return f"{1000 * float(cell.published):.2f}", ours, f"{1e6 * cell.difference:+.1f}"


def conclude(tables: pd.DataFrame, out: Path, seconds: float) -> float:
    """Print how well the published numbers are reproduced; returns the largest difference, USD per query."""
    published = tables.dropna(subset="published")
    named = published[published.difference.isna()]
    largest = float(published.difference.abs().max())
    say(
        f"\n{len(published) - len(named)} published numbers: largest difference {largest:.2g} USD per query "
        f"(the print resolves {RESOLUTION:g})\n"
        f"{len(named)} published winners and runners-up: {int((named.ours == named.published).sum())} the same\n"
        "written to ",
        (out, "bold"),
        f" in {seconds:.1f} s",
    )
    return largest if (named.ours == named.published).all() else float("inf")
