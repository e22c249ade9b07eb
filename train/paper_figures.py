"""Figures of the published study: value curves, dynamics, inefficiency against beta, market against auction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import ttc_env
from train.style import BLUE, GREEN, GREY, ORANGE, STYLE, provider_labels, save
from ttc_env import equilibrium

METHODS = {"majority_voting": BLUE, "best_of_n": ORANGE, "reasoning_effort": GREEN}
OPTIMISTIC = "Reasoning curves leave out truncated answers and are optimistic."
FAMILIES = {"R1-": "Greens", "Llama": "Blues", "Qwen2.5": "Reds", "Qwen2-": "Oranges"}


def draw_curves(path: Path, names: Sequence[str], beta: float = 1000.0) -> None:
    """What users keep at each compute level, and where equilibrium and efficiency put each provider."""
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(3, 3, figsize=(13, 10), layout="constrained")
        for axes, name in zip(panels.flat, names, strict=True):
            market = ttc_env.load_market(name, beta=beta)
            nash, efficient = equilibrium.pure_nash(market)[0], market.welfare_contribution.argmax(axis=1)
            value, positions = 1000 * market.user_value, np.arange(market.num_levels)
            colours = _colours(market.providers)
            for i, colour in enumerate(colours):
                axes.plot(positions, value[i], color=colour, linewidth=1.2)
                axes.plot(efficient[i], value[i, efficient[i]], "o", color=colour, markersize=5)
                axes.plot(nash[i], value[i, nash[i]], "o", color=colour, markersize=7, markerfacecolor="none")
            _label_ends(axes, positions[-1], value[:, -1], provider_labels(market.providers), colours)
            axes.set_xticks(positions, [f"{level:g}" for level in market.levels])
            axes.set(title=_title(name), xlabel="samples per query" if len(positions) == 6 else "effort level")
        for axes in panels[:, 0]:
            axes.set_ylabel("user value, USD per 1,000 queries")
        figure.suptitle(
            f"Providers compute past the efficient level (dot) in the equilibrium of beta = {beta:g} (circle)",
            x=0.01, ha="left", fontsize=12,
        )  # fmt: skip
        _explain(figure, OPTIMISTIC)
        save(figure, path)


def draw_dynamics(path: Path, name: str, betas: Sequence[float]) -> None:
    """Best responses in turn from the lowest levels: the potential climbs, and the shares move."""
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(2, len(betas), figsize=(12, 6), layout="constrained", sharex="col")
        for (above, below), beta in zip(panels.T, betas, strict=True):
            market = ttc_env.load_market(name, beta=beta)
            run = equilibrium.best_response_dynamics(market, np.zeros(market.num_providers, dtype=int))
            turns = np.arange(len(run.profiles))
            potential = market.potential(run.profiles)
            above.step(turns, potential, where="post", color=BLUE)
            above.axhline(potential[-1], color=GREY, linestyle=":", linewidth=1)
            above.set(title=f"beta = {beta:,.0f}")
            colours = _colours(market.providers)
            shares = 100 * market.shares(run.profiles)
            for i, colour in enumerate(colours):
                below.step(turns, shares[:, i], where="post", color=colour, linewidth=1.2)
            large = [i for i in range(market.num_providers) if shares[-1, i] > 0.5]
            _label_ends(
                below, turns[-1], shares[-1, large], [provider_labels(market.providers)[i] for i in large],
                [colours[i] for i in large],
            )  # fmt: skip
            below.set(xlabel="turns")
        panels[0, 0].set_ylabel("potential")
        panels[1, 0].set_ylabel("share of queries, %")
        figure.suptitle(
            f"{_title(name)}: best responses in turn, from the lowest levels, climb the potential",
            x=0.01,
            ha="left",
            fontsize=12,
        )
        save(figure, path)


def draw_inefficiency(path: Path, sweep: pd.DataFrame) -> None:
    """The price of anarchy against beta, and down to the price of stability where there are several equilibria."""
    benchmarks = list(dict.fromkeys(sweep.market.str.split("/").str[0]))
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 3, figsize=(12, 3.8), sharey=True, layout="constrained")
        for axes, benchmark in zip(panels, benchmarks, strict=True):
            for method, colour in METHODS.items():
                rows = sweep[sweep.market == f"{benchmark}/{method}"]
                worst, best = (100 * (1 - 1 / rows[f"price_of_{which}"]) for which in ("anarchy", "stability"))
                axes.plot(rows.beta, worst, color=colour)
                axes.fill_between(rows.beta, worst, best, color=colour, alpha=0.4, linewidth=0)
                if "price_of_anarchy_low" in rows:
                    low, high = (100 * (1 - 1 / rows[f"price_of_anarchy_{end}"]) for end in ("low", "high"))
                    axes.fill_between(rows.beta, low, high, color=colour, alpha=0.15, linewidth=0)
                if axes is panels[0]:
                    start = (rows.beta.iloc[0], worst.iloc[0])
                    place = (0, -12) if method == "majority_voting" else (0, 5)
                    axes.annotate(method.replace("_", " "), start, place, textcoords="offset points", color=colour)
            axes.set(title=benchmark, xlabel="user rationality beta, 1/USD", xscale="log")
            axes.grid(axis="y", alpha=0.3)
        panels[0].set_ylim(0, None)
        panels[0].set_ylabel("welfare lost in equilibrium, % of optimum")
        figure.suptitle("Rational users discipline the providers, though not steadily", x=0.01, ha="left", fontsize=12)
        drawn = "Light: 95 % interval over redrawn curves. " if "price_of_anarchy_low" in sweep else ""
        _explain(
            figure, f"Shaded: from the best to the worst equilibrium, where there are several. {drawn}{OPTIMISTIC}"
        )
        save(figure, path)


def draw_mechanisms(path: Path, tables: pd.DataFrame, auction: pd.DataFrame) -> None:
    """Who gets what under per-token pricing and in the auction."""
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(3, 3, figsize=(12, 7.5), layout="constrained")
        for axes, (_, outcome) in zip(panels.flat, auction.iterrows(), strict=True):
            market = tables[(tables.market == outcome.market) & (tables.mechanism == "per_token")]
            parts = market.pivot(index="beta", columns="quantity", values="ours").astype(float)
            labels = [f"beta {beta:,.0f}" for beta in parts.index] + ["auction"]
            users = 1000 * np.append(parts.user_value, outcome.user_value)
            profit = 1000 * np.append(parts.provider_profit, outcome.provider_profit)
            axes.barh(labels, users, color=BLUE, height=0.7, label="users keep")
            axes.barh(labels, profit, left=users, color=ORANGE, height=0.7, label="providers earn")
            axes.axvline(1000 * outcome.welfare, color=GREY, linestyle="--", linewidth=1, label="most welfare there is")
            axes.invert_yaxis()
            axes.set(title=_title(outcome.market))
        for axes in panels[-1]:
            axes.set_xlabel("USD per 1,000 queries")
        figure.suptitle("Per-token pricing at three values of beta, and the auction", x=0.01, ha="left", fontsize=12)
        handles, names = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles[1:] + handles[:1], names[1:] + names[:1], loc="outside upper right", ncols=3)
        _explain(figure, OPTIMISTIC)
        save(figure, path)


def _label_ends(axes: Any, x: float, heights: Sequence[float], names: Sequence[str], colours: Sequence[Any]) -> None:
    """Write names at the right ends of lines, moved apart where they would overlap."""
    bottom, top = axes.get_ylim()
    gap = 0.055 * (top - bottom)
    order = np.argsort(heights)
    places = np.array(heights, dtype=float)[order]
    for _ in range(200):
        close = np.diff(places) < gap
        if not close.any():
            break
        push = np.where(close, (gap - np.diff(places)) / 2 + 1e-9, 0.0)
        places[:-1] -= push
        places[1:] += push
    for place, i in zip(places, order, strict=True):
        axes.annotate(
            names[i], (x, heights[i]), (1.04, place), textcoords=("axes fraction", "data"), color=colours[i],
            fontsize=7, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colours[i], "linewidth": 0.5, "shrinkA": 1, "shrinkB": 1},
        )  # fmt: skip


def _colours(providers: Sequence[str]) -> list[Any]:
    """A hue per model family, darker for models that come later in it."""
    family = [next(key for key in FAMILIES if key in name) for name in provider_labels(providers)]
    seen = dict.fromkeys(FAMILIES, 0)
    colours = []
    for key in family:
        seen[key] += 1
        colours.append(plt.get_cmap(FAMILIES[key])(0.4 + 0.55 * seen[key] / family.count(key)))
    return colours


def _title(name: str) -> str:
    benchmark, method = name.split("/")
    return f"{benchmark}, {method.replace('_', ' ')}"


def _explain(figure: Any, text: str) -> None:
    figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color=GREY)
