"""Figures of a run: training against the analytic lines, and the outcome beside the equilibrium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from train.style import BLUE, GREEN, GREY, ORANGE, RED, STYLE, label, provider_labels, save
from ttc_env import Market
from ttc_env.names import clip


def draw_training(path: Path, market: Market, rows: list[dict[str, Any]], final: dict[str, Any]) -> None:
    """Levels, welfare, user value and NashConv over training, with the analytic values."""
    steps = np.array([row["agent_steps"] for row in rows])
    levels = np.array([[int(k) for k in row["levels"].split()] for row in rows]).T
    with plt.rc_context(STYLE):
        figure, (left, middle, right) = plt.subplots(
            1, 3, figsize=(12, 3.4), width_ratios=(1.5, 1, 1), layout="constrained"
        )
        _draw_levels(left, market, steps, levels, final)
        for key, name, colour in (("welfare", "welfare", BLUE), ("user_value", "user value", GREEN)):
            middle.plot(steps, [1000 * row[key] for row in rows], color=colour, label=name)
            if f"nash_{key}" in final:
                middle.axhline(1000 * final[f"nash_{key}"], color=colour, linestyle=":", linewidth=1)
        if "welfare_optimum" in final:
            middle.axhline(1000 * final["welfare_optimum"], color=GREY, linewidth=1, label="welfare optimum")
        if "nash_welfare" in final:
            middle.plot([], [], color=GREY, linestyle=":", linewidth=1, label="at the equilibrium")
        middle.set(title="Welfare and user value", xlabel="agent steps", ylabel="USD per 1,000 queries")
        middle.legend()
        gap = np.array([row["relative_nash_conv"] for row in rows])
        floor = 1e-4
        right.plot(steps, np.clip(np.where(np.isfinite(gap), gap, np.nan), floor, None), color=RED)
        right.axhline(0.01, color=GREY, linewidth=1, linestyle="--")
        right.annotate("1 %", (steps[-1], 0.01), (0, 3), textcoords="offset points", ha="right", color=GREY)
        right.set_yscale("log")
        right.set_ylim(floor / 1.5, None)
        right.set_yticks([1e-4, 1e-3, 1e-2, 1e-1, 1], ["0 to 0.01 %", "0.1 %", "1 %", "10 %", "100 %"])
        right.set(title="NashConv / total profit", xlabel="agent steps")
        for axes in (left, middle, right):
            axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 0), useMathText=True)
        save(figure, path)


def _draw_levels(axes: Any, market: Market, steps: np.ndarray, levels: np.ndarray, final: dict[str, Any]) -> None:
    """A row per provider: its greedy level over training, and in a column of its own the analytic one."""
    last, m = steps[-1] if len(steps) > 1 else 1, market.num_levels
    edges = np.append(steps, last + (steps[-1] - steps[-2] if len(steps) > 1 else 1))
    colours = plt.get_cmap("viridis", m)
    rows = np.arange(market.num_providers + 1) - 0.5
    axes.pcolormesh(edges, rows, levels, cmap=colours, vmin=-0.5, vmax=m - 0.5)
    if "nash_levels" in final:
        width = 0.08 * edges[-1]
        nash, start = np.array(final["nash_levels"])[:, None], edges[-1] + 0.4 * width
        axes.pcolormesh([start, start + width], rows, nash, cmap=colours, vmin=-0.5, vmax=m - 0.5)
        axes.text(start + width / 2, -0.65, "Nash", ha="center", va="bottom")
    axes.set_yticks(range(market.num_providers), provider_labels(market.providers))
    axes.invert_yaxis()
    axes.set(xlabel="agent steps", title="Compute level of each provider")
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(
        plt.cm.ScalarMappable(plt.Normalize(-0.5, m - 0.5), colours), ax=axes, ticks=range(m), pad=0.01
    )
    bar.ax.set_yticklabels([f"{level:g}" for level in market.levels])
    bar.outline.set_visible(False)


def draw_outcome(path: Path, market: Market, final: dict[str, Any]) -> None:
    """Share and profit of each provider, learned beside the equilibrium."""
    positions = np.arange(market.num_providers)
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
        for axes, key, factor, unit in zip(
            panels, ("shares", "profits"), (100, 1000), ("% of queries", "USD per 1,000 queries"), strict=True
        ):
            axes.barh(positions - 0.2, factor * np.array(final[key]), 0.36, color=BLUE, label="learned")
            if f"nash_{key}" in final:
                beside = factor * np.array(final[f"nash_{key}"])
                axes.barh(positions + 0.2, beside, 0.36, color=ORANGE, label="equilibrium")
            axes.set(title=key.capitalize(), xlabel=unit)
            axes.grid(axis="x", alpha=0.3)
            axes.set_axisbelow(True)
        panels[0].set_yticks(positions, provider_labels(market.providers))
        panels[0].invert_yaxis()
        panels[1].legend(loc="best")
        save(figure, path)


SHOWN = 24  # states in a figure, those visited most


def draw_policy(path: Path, market: Market, final: dict[str, Any]) -> None:
    """Where something is carried over: the levels in each state, learned and at the equilibrium, and how often it is.

    Args:
        path: PNG to write.
        market: the base market.
        final: `ttc_env.judging.figures`.
    """
    visited = np.array(final["stationary"])
    shown = np.sort(np.argsort(-visited, kind="stable")[:SHOWN])
    short = dict(zip(market.providers, provider_labels(market.providers), strict=True))
    words = [_in_words(final["states"][state]) for state in shown]
    names = [short.get(word) or label(clip(word, 28)) for word in words]
    both = (("Learned", ""), ("Equilibrium", "nash_"))
    parts = [(title, key) for title, key in both if f"{key}levels_by_state" in final]
    height = 1.6 + 0.24 * len(shown)
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(parts) + 1, figsize=(4.2 * len(parts) + 3.4, height), sharey=True, layout="constrained"
        )
        colours = plt.get_cmap("viridis", market.num_levels)
        for axes, (title, key) in zip(panels, parts, strict=False):
            levels = np.array(final[f"{key}levels_by_state"])[shown]
            image = axes.imshow(levels, cmap=colours, vmin=-0.5, vmax=market.num_levels - 0.5, aspect="auto")
            axes.set_xticks(range(market.num_providers), provider_labels(market.providers), rotation=60, ha="right")
            axes.set_title(f"{title}: level in each state")
            axes.spines[:].set_visible(False)
        panels[0].set_yticks(range(len(shown)), names)
        panels[-1].barh(range(len(shown)), 100 * visited[shown], color=BLUE)
        panels[-1].set(title="How often, in the long run", xlabel="% of periods")
        bar = figure.colorbar(image, ax=panels[:-1], ticks=range(market.num_levels), pad=0.01)
        bar.ax.set_yticklabels([f"{level:g}" for level in market.levels])
        bar.outline.set_visible(False)
        save(figure, path)


def _in_words(state: Any) -> str:
    return " ".join(f"{part:g}" for part in state) if isinstance(state, tuple | list) else str(state)
