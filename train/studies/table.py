"""The tidy table of a study, a row for each run, and its means in the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.table import Table

from train.studies.cells import FIGURES, Cell
from train.studies.reading import Study
from ttc_env.scripting.console import console

if TYPE_CHECKING:
    import pandas as pd


def tidy(study: Study, records: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """A row for each finished run: its place on every axis, seed, figures (USD per query) and seconds."""
    import pandas as pd

    rows = []
    for point in study.points:
        for seed in study.seeds:
            record = records.get(Cell.of(point, seed).key)
            if record is None:
                continue
            row = {name: _cell(value) for name, value in zip(study.axes, point.place, strict=True)} | {"seed": seed}
            rows.append(row | record["figures"] | {"seconds": record["seconds"]})
    known = ["sold_level", "nash_sold_level", *FIGURES, "seconds"]
    columns = [*study.axes, "seed", *(name for name in known if any(name in row for row in rows))]
    return pd.DataFrame(rows, columns=columns)


def _cell(value: Any) -> Any:
    """A value of an axis as a cell; lists and tables as text."""
    return value if isinstance(value, str | int | float) else str(value)


def print_means(study: Study, table: pd.DataFrame) -> None:
    """A line for each point of the grid: means over seeds, USD per 1,000 queries."""
    shown = Table(title="means over seeds; USD per 1,000 queries")
    for name in study.axes:
        shown.add_column(name, overflow="fold", min_width=min(len(name), 12))
    for name in ("runs", "Nash", "level", "exact", "NashConv", "welfare", "exact"):
        shown.add_column(name, justify="right", no_wrap=True)
    groups: Any = table.groupby(list(study.axes), sort=False) if study.axes else [((), table)]
    for place, runs in groups:
        cells = [str(value) for value in (place if isinstance(place, tuple) else (place,))]
        means = [_mean(runs, name) for name in ("sold_level", "nash_sold_level")]
        gap = _mean(runs, "relative_nash_conv")
        welfare = [1000 * _mean(runs, name) for name in ("welfare", "nash_welfare")]
        shown.add_row(
            *cells,
            str(len(runs)),
            str(int(runs["at_equilibrium"].sum())),
            *(_shown(mean, "{:.1f}") for mean in means),
            _shown(gap, "{:.2%}"),
            *(_shown(mean, "{:.4f}") for mean in welfare),
        )
    console.print(shown)


def _mean(runs: pd.DataFrame, name: str) -> float:
    return float(runs[name].mean()) if name in runs else math.nan


def _shown(value: float, style: str) -> str:
    return "" if math.isnan(value) else style.format(value)
