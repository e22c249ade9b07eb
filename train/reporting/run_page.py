"""The report of a run of run.py, or of several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from train.reporting.meanings import QUANTITIES, USD
from train.reporting.page import Column, Page, Section, Shown, Table
from train.reporting.run_charts import learning, learning_text, providers_of
from train.reporting.runs import Run, read_run

HONEST = {"nash_conv": 0.0, "relative_nash_conv": 0.0, "truthfulness_gap": 0.0, "winner_efficiency": 1.0}
"""what the equilibrium has by its definition, of an auction that of honest bids"""


def run_page(folders: Sequence[Path]) -> Page:
    """The page of these run folders.

    Raises:
        ValueError: one is no folder of run.py, or nothing in it is finished.
    """
    runs = _named([read_run(folder) for folder in folders])
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs side by side"
    sections = [
        Section("Result", "Learned play beside what is known exactly of the game.", list(_results(runs))),
        Section("Learning", learning_text(runs), list(learning(runs))),
        Section("Providers", "Each provider by itself.", list(providers_of(runs))),
        Section("Configuration", "What the run was started with." if len(runs) == 1 else "", [_configuration(runs)]),
    ]
    return Page(title, [_lead(run) for run in runs], sections)


def _named(runs: list[Run]) -> list[Run]:
    """The runs by names that differ, for colours and columns go by name."""
    names = [run.name for run in runs]
    return [
        run if names.count(run.name) == 1 else Run(f"{run.name} #{k + 1}", run.config, run.tables, run.members)
        for k, run in enumerate(runs)
    ]


def _lead(run: Run) -> str:
    first, seeds = run.first, len(run.members)
    reached = sum(member.summary["at_equilibrium"] for member in run.members)
    gap = QUANTITIES["relative_nash_conv"]
    told = Column("", style=gap.style).text(run.learned("relative_nash_conv"))
    carried = "" if first["dynamics"] == "none" else f", {first['dynamics']}"
    where = f"{first['market']}, {first['mechanism']}{carried}, beta {first['beta']:g}, {first['algorithm']}"
    end = "at an equilibrium" if reached == seeds else "not at an equilibrium"
    if seeds > 1:
        end = f"{reached} of {seeds} seeds at an equilibrium"
    stopped = " Stopped before its end." if any(member.summary["interrupted"] for member in run.members) else ""
    return f"{run.name}: {where}; {end}, NashConv / total profit {told}.{stopped}"


def _results(runs: list[Run]) -> Iterator[Table]:
    columns = [Column("quantity")]
    for run in runs:
        learned = "learned" if len(runs) == 1 else f"{run.name}: learned"
        columns += [Column(learned), Column("exact")]
    columns.append(Column("what it means"))
    rows = []
    for key, quantity in QUANTITIES.items():
        column = Column("", style=quantity.style, factor=quantity.factor)
        cells: list[Any] = []
        for run in runs:
            shown: Any = run.learned(key)
            exact: Any = run.analytic(key)
            if key in ("price_of_anarchy", "num_equilibria"):
                shown, exact = None, run.first.get(key)
            if key == "payment" and exact is None:
                exact = run.first.get("analytic_payment")
            if key in HONEST and shown is not None:
                exact = HONEST[key]
            cells += [_shown(column, shown), _shown(column, exact)]
        if any(cell is not None for cell in cells):
            rows.append([quantity.title, *cells, quantity.meaning])
    note = f"Money is in {USD}."
    if any(run.learned("truthfulness_gap") for run in runs):
        note += " Of an auction, exact is the equilibrium of honest bids; there are others, with other payments."
    if any(len(run.members) > 1 for run in runs):
        note += " Learned: mean over seeds [lowest, highest]."
    if any(run.first["dynamics"] != "none" for run in runs):
        note += " Something is carried over between periods: figures are those of the Markov policy, docs/dynamics.md."
    yield Table("Learned and exact", columns, rows, note)
    if any(len(run.members) > 1 for run in runs):
        yield _seeds(runs)


def _shown(column: Column, value: Any) -> Shown | None:
    """A cell of a table whose rows have units of their own; None for None."""
    return (
        None
        if value is None
        else Shown(column.text(value), column.factor * (value[0] if isinstance(value, tuple) else value))
    )


def _seeds(runs: list[Run]) -> Table:
    keys = [key for key in ("relative_nash_conv", "welfare", "user_value", "winner_efficiency", "truthfulness_gap")
            if any(run.learned(key) for run in runs)]  # fmt: skip
    columns = [
        Column("run and seed"),
        Column("at an equilibrium", "Whether nobody gains by any change of its own play."),
    ]
    columns += [Column(q.title, q.meaning, q.style, q.factor) for q in (QUANTITIES[key] for key in keys)]
    rows = [
        [f"{run.name}, seed {seed.summary['seed']}", "yes" if seed.summary["at_equilibrium"] else "no",
         *(seed.summary.get(key) for key in keys)]
        for run in runs for seed in run.members
    ]  # fmt: skip
    return Table("Every seed", columns, rows)


def _configuration(runs: list[Run]) -> Table:
    """Every option; of several runs, first those in which they differ."""
    flat = [dict(_flat(run.config)) for run in runs]
    keys = list(dict.fromkeys(key for config in flat for key in config))
    rows = [[key, *(config.get(key) for config in flat)] for key in keys if key not in ("providers", "level_grid")]
    rows.sort(key=lambda row: len({str(value) for value in row[1:]}) == 1)
    names = ["value"] if len(runs) == 1 else [run.name for run in runs]
    title = "Options" if len(runs) == 1 else "Options, those that differ first"
    return Table(title, [Column("option"), *map(Column, names)], rows)


def _flat(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, _option(value)


def _option(value: Any) -> Any:
    """A value of the configuration as it is read: lists by commas, nothing as a dash."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
