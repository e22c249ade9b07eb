"""Figures of a benchmark: performance profiles, learning curves, and who earns what against whom (cross-play).

The best learners have a colour, all others are grey, so that twenty remain readable; bands are 95 % bootstrap intervals
over runs and are absent with a single run.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator

from train.comparison.leaderboard import BOOTSTRAP_SEED, Leaderboard
from train.style import BLUE, GREEN, GREY, ORANGE, RED, STYLE, label, provider_labels, save
from ttc_env.evaluation.statistics import estimate, iqm_of_tasks, performance_profile
from ttc_env.names import clip
from ttc_env.scripting.files import file_name

COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9")  # the rest of Okabe and Ito's palette
PALE = "#C8C8C8"
REPETITIONS = 1000
GRID = 61
LONGEST = 40
"""columns of a learner's name in a legend"""
FLOOR, CEILING = 1e-4, 10.0
"""distances from equilibrium beyond these are drawn as these; without profit the relative one is infinite"""


def draw_all(
    folder: Path,
    board: Leaderboard,
    cross_play: Mapping[str, tuple[Sequence[str], np.ndarray]] | None = None,
    highlight: Sequence[str] | None = None,
) -> list[Path]:
    """All figures of a benchmark with at least one complete learner; returns the files.

    Args:
        folder: profiles.png, learning_curves.png, nash_conv_curves.png and cross_play_NAME.png go there.
        board: what `train.leaderboard.summarize` returned.
        cross_play: by the name of a task, or of what else was played, the names and the matrix of `draw_cross_play`.
        highlight: learners drawn in colour, at most six; by default the best that are not scripted.

    Raises:
        ValueError: a learner to highlight that is not among the complete ones, or too many of them.
    """
    colours = _colours(board, highlight)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("profiles.png", "learning_curves.png", "nash_conv_curves.png")]
    draw_profiles(paths[0], board, colours)
    draw_curves(paths[1], board, colours, "score")
    draw_curves(paths[2], board, colours, "relative_nash_conv")
    for name, (players, matrix) in (cross_play or {}).items():
        paths.append(folder / f"cross_play_{file_name(name.replace('/', '_'))}.png")
        draw_cross_play(paths[-1], players, matrix, title=f"Cross-play, {name}")
    return paths


def _colours(board: Leaderboard, highlight: Sequence[str] | None) -> dict[str, str]:
    """Colours of the highlighted learners."""
    if highlight is None:
        learners = [name for name in board.ranking if name not in board.scripted] or board.ranking
        highlight = learners[: len(COLOURS)]
    if not highlight or len(highlight) > len(COLOURS) or not set(highlight) <= set(board.ranking):
        allowed = (
            f"1 to {len(COLOURS)} of {', '.join(board.ranking) or 'the complete learners, of which there are none'}"
        )
        raise ValueError(f"cannot highlight {list(highlight)}; allowed: {allowed}")
    return dict(zip(highlight, COLOURS, strict=False))


def draw_profiles(path: Path, board: Leaderboard, colours: Mapping[str, str]) -> None:
    """Fraction of runs above each score, and the same seen from the equilibrium: within each distance of it."""
    distance = np.geomspace(FLOOR, 1, 4 * GRID)
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), sharey=True, layout="constrained")
        for axes, places, thresholds in (
            (left, np.linspace(0, 1, 4 * GRID), np.linspace(0, 1, 4 * GRID)),
            (right, distance, 1 - distance),
        ):
            statistic = partial(performance_profile, thresholds=thresholds)
            for name, style in _styles(board, colours):
                _line_with_band(axes, places, statistic, board.cells.scores(name), style, stratified=True)
        left.set(title="Runs above a score", xlabel="score (0 random play, 1 equilibrium)", ylabel="fraction of runs")
        right.set(title="Runs this close to equilibrium", xlabel="1 - score", xscale="log", xlim=(1, FLOOR))
        right.set_xticks([1, 0.1, 0.01, 0.001, FLOOR], ["1", "0.1", "0.01", "0.001", "0.0001"])
        left.set(xlim=(0, 1), ylim=(0, 1.02))
        for axes in (left, right):
            axes.grid(alpha=0.3)
        _legend(figure, board, colours)
        save(figure, path)


def draw_curves(path: Path, board: Leaderboard, colours: Mapping[str, str], metric: str) -> None:
    """Learning curves, a panel per task: the interquartile mean over runs against agent steps.

    Args:
        path: PNG to write.
        board: the benchmark.
        colours: of the highlighted learners.
        metric: "score", or "relative_nash_conv" on a logarithmic axis.
    """
    tasks = board.cells.tasks
    columns = min(len(tasks), 4)
    rows = -(-len(tasks) // columns)
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            rows, columns, figsize=(max(3.1 * columns, 6.5), 2.5 * rows + 1), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for axes in panels.flat[len(tasks) :]:
            axes.set_axis_off()
        for axes, task in zip(panels.flat, tasks, strict=False):
            for name, style in _styles(board, colours):
                curves = [record["curve"] for record in board.cells.of(name, task)]
                grid, values = _on_common_grid(curves, metric)
                if len(grid) > 1:
                    _line_with_band(axes, grid, iqm_of_tasks, values, style, stratified=False)
                else:
                    axes.axhline(iqm_of_tasks(values)[0], **style | {"linestyle": ":"})
            axes.set_title(label("\n".join(textwrap.wrap(task, 32))))
            axes.grid(alpha=0.3)
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
            axes.set_xlim(0, None)
        for axes in panels.flat[len(tasks) - columns : len(tasks)]:
            axes.set_xlabel("agent steps")
        _value_axis(panels, metric)
        _legend(figure, board, colours)
        save(figure, path)


def _value_axis(panels: np.ndarray, metric: str) -> None:
    for axes in panels[:, 0]:
        axes.set_ylabel("score" if metric == "score" else "NashConv / profit")
    if metric == "score":
        panels[0, 0].set_ylim(-0.02, 1.02)
        return
    for axes in panels.flat:
        axes.axhline(0.01, color="black", linewidth=0.8, linestyle="--", zorder=1)
    first = panels[0, 0]
    first.set_yscale("log")
    first.set_ylim(FLOOR / 1.3, None)
    first.set_yticks([FLOOR, 1e-3, 1e-2, 1e-1, 1], ["0 to 0.01 %", "0.1 %", "1 %", "10 %", "100 %"])
    first.yaxis.set_minor_locator(NullLocator())


def _on_common_grid(curves: Sequence[Mapping[str, Any]], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Agent steps that all curves span `(grid,)` and their values there `(grid, num_runs)`, between points linearly."""
    steps = [np.array(curve["steps"], dtype=float) for curve in curves]
    start, end = max(s[0] for s in steps), min(s[-1] for s in steps)
    grid = np.linspace(start, end, GRID) if end > start else np.array([end])
    lowest, highest = (FLOOR, CEILING) if metric == "relative_nash_conv" else (0.0, 1.0)
    heights = [
        np.clip([highest if height is None else height for height in curve[metric]], lowest, highest)
        for curve in curves  # None: there was no profit to compare with
    ]
    values = [np.interp(grid, s, height) for s, height in zip(steps, heights, strict=True)]
    return grid, np.stack(values, axis=-1)


def _styles(board: Leaderboard, colours: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Complete learners and how their lines look, from the background to the foreground."""
    pale = {"color": PALE, "linewidth": 0.9, "zorder": 2}
    others = [(name, pale) for name in board.ranking if name not in colours]
    best = {name: {"color": colour, "linewidth": 1.6, "zorder": 3} for name, colour in colours.items()}
    return others + list(best.items())[::-1]


def _line_with_band(
    axes: Any,
    places: np.ndarray,
    statistic: Callable[..., Any],
    scores: np.ndarray,
    style: dict[str, Any],
    stratified: bool,
) -> None:
    """A line, and around a coloured one its band."""
    axes.plot(places, statistic(scores), **style)
    if scores.shape[1] > 1 and style["color"] != PALE:
        found = estimate(statistic, scores, seed=BOOTSTRAP_SEED, repetitions=REPETITIONS, stratified=stratified)
        axes.fill_between(places, found.low, found.high, color=style["color"], alpha=0.18, linewidth=0)


def _legend(figure: Any, board: Leaderboard, colours: Mapping[str, str]) -> None:
    """The coloured learners by name above the panels, the grey ones together below them."""
    handles = [
        Line2D([], [], color=colour, linewidth=1.6, label=label(clip(name, LONGEST)))
        for name, colour in colours.items()
    ]
    others = [name for name in board.ranking if name not in colours]
    columns = max(1, int(12 * figure.get_figwidth() / (6 + max(min(len(name), LONGEST) for name in colours))))
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, columnspacing=1.4, handlelength=1.6)
    if others:
        width = int(15 * figure.get_figwidth())
        names = f"others, from the best: {', '.join(clip(name, LONGEST) for name in others)}"
        text = label("\n".join(textwrap.wrap(names, width, break_on_hyphens=False)))
        figure.legend(
            handles=[Line2D([], [], color=PALE, linewidth=1.6, label=text)], loc="outside lower left", labelcolor=GREY,
            fontsize=8, handlelength=1.6,
        )  # fmt: skip


def draw_cross_play(
    path: Path,
    names: Sequence[str],
    matrix: np.ndarray,
    title: str = "Cross-play",
    meaning: str = "profit in one seat relative to best response",
) -> None:
    """A heat map of cross-play: row, who sits in one seat; column, who sits in all others.

    Args:
        path: PNG to write.
        names: of the `K` players.
        matrix: `(K, K)`, 1 where the row does as well as a best response. Colours end at 0; NaN, not played, is grey.
        title: of the figure.
        meaning: what the numbers are.

    Raises:
        ValueError: a matrix of another shape.
    """
    matrix = np.asarray(matrix, dtype=float)
    k = len(names)
    if matrix.shape != (k, k) or not k:
        raise ValueError(f"the matrix of {k} players must have shape ({k}, {k}), got {matrix.shape}")
    size = 2.8 + 0.4 * k
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(size + 1, size), layout="constrained")
        image = axes.imshow(np.clip(matrix, -1, None), cmap="viridis", vmin=0, vmax=1)
        colour: Any = image.to_rgba
        for i, j in np.argwhere(~np.isnan(matrix)):
            red, green, blue, _ = colour(max(matrix[i, j], -1))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            text = f"{matrix[i, j]:.2f}".replace("0.", ".", 1) if abs(matrix[i, j]) < 9.995 else f"{matrix[i, j]:.0f}"
            axes.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")
        names = provider_labels(names)
        axes.set_xticks(range(k), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(k), names)
        axes.set(xlabel="in all other seats", ylabel="in one seat", title=label(title))
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_facecolor(PALE)
        extend = "min" if (matrix < 0).any() else "neither"
        title = "\n".join(textwrap.wrap(meaning, int(7 * size)))
        bar = figure.colorbar(image, ax=axes, label=title, pad=0.02, extend=extend)
        bar.outline.set_visible(False)
        save(figure, path)
