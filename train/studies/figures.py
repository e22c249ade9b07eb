"""Learned play over a swept property, beside the exact equilibrium's line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from train.style import BLUE, GREEN, GREY, ORANGE, RED, STYLE, label, save

COLOURS = (BLUE, ORANGE, GREEN, RED, GREY)
PANELS = {
    "sold_level": ("Compute level of a query that is sold", 1.0, "level"),
    "welfare": ("Welfare", 1000.0, "USD per 1,000 queries"),
    "relative_nash_conv": ("NashConv over profit", 100.0, "%"),
}
MOST = 10
"""lines in a panel that can be told apart"""


def swept(table: pd.DataFrame, axes: tuple[str, ...]) -> list[str]:
    """The axes of numbers that have more than one."""
    return [name for name in axes if pd.api.types.is_numeric_dtype(table[name]) and table[name].nunique() > 1]


def draw_sweep(path: Path, table: pd.DataFrame, axes: tuple[str, ...], x: str) -> None:
    """Level, welfare and NashConv over the axis `x`: means over seeds with their range, and the exact lines.

    Raises:
        ValueError: `x` is no axis of numbers, or too many lines would be drawn.
    """
    if x not in swept(table, axes):
        raise ValueError(f"x must be an axis of two or more numbers, one of {', '.join(swept(table, axes))}, got {x!r}")
    others = [name for name in axes if name != x]
    groups: list[Any] = list(table.groupby(others, sort=False)) if others else [((), table)]
    if len(groups) > MOST:
        raise ValueError(f"{len(groups)} lines over {x} cannot be told apart; at most {MOST} are drawn")
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(PANELS), figsize=(12, 3.6), layout="constrained")
        for k, (place, runs) in enumerate(groups):
            name = ", ".join(map(str, place if isinstance(place, tuple) else (place,))) or "learned"
            style = {"color": COLOURS[k % len(COLOURS)], "linestyle": "-" if k < len(COLOURS) else "--"}
            for axes_, (quantity, (_, factor, _unit)) in zip(panels, PANELS.items(), strict=True):
                _draw(axes_, runs, x, quantity, factor, label(name), style)
        for axes_, (title, _, unit) in zip(panels, PANELS.values(), strict=True):
            axes_.set(title=title, xlabel=label(x), ylabel=unit)
            if (table[x] > 0).all() and table[x].max() >= 20 * table[x].min():
                axes_.set_xscale("log")
        panels[0].plot([], [], color=GREY, linestyle=":", label="exact equilibrium")
        panels[0].legend()
        save(figure, path)


def _draw(
    axes: Any, runs: pd.DataFrame, x: str, quantity: str, factor: float, name: str, style: dict[str, Any]
) -> None:
    found = runs[np.isfinite(runs[quantity])].groupby(x)[quantity]
    mean, low, high = (factor * part for part in (found.mean(), found.min(), found.max()))
    axes.plot(mean.index, mean, marker="o", markersize=3, label=name, **style)
    axes.fill_between(mean.index, low, high, color=style["color"], alpha=0.15, linewidth=0)
    exact = f"nash_{quantity}"
    if exact in runs:
        line = factor * runs.groupby(x)[exact].mean()
        axes.plot(line.index, line, color=style["color"], linestyle=":", linewidth=2)
