"""Figures of sessions: impulse responses with bands, and the profit gain over a map of learning rates and decays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from train.style import BLUE, GREY, ORANGE, STYLE, save


def draw_responses(path: Path, deviations: dict[str, Any]) -> None:
    """Profits after each kind of deviation, of the deviator and of a rival; bands are 95 % intervals over sessions."""
    kinds = [kind for kind, figures in deviations.items() if figures["own"]]
    if not kinds:
        return
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(kinds), figsize=(3.6 * len(kinds), 3.2), sharey=True, layout="constrained", squeeze=False
        )
        for axes, kind in zip(panels[0], kinds, strict=True):
            axes.axhline(0, color=GREY, linewidth=1)
            for name, label, colour in (("own", "deviator", BLUE), ("others", "rival", ORANGE)):
                value, low, high = np.array(deviations[kind][name], dtype=float).T
                periods = np.arange(len(value))
                axes.plot(periods, value, color=colour, marker="o", markersize=3, label=label)
                axes.fill_between(periods, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.set(title=kind.replace("_", " ").capitalize(), xlabel="periods after the deviation")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        panels[0][0].set_ylabel("profit against the cycle,\nin widths of cartel - competition")
        panels[0][0].legend()
        save(figure, path)


def draw_map(path: Path, rates: list[float], decays: list[float], gains: np.ndarray) -> None:
    """Mean profit gain `(rates, decays)` of the cells that are there."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.2, 4), layout="constrained")
        image = axes.imshow(gains.T, origin="lower", aspect="auto", cmap="viridis")
        axes.set_xticks(range(len(rates)), [f"{rate:.3g}" for rate in rates], rotation=90)
        axes.set_yticks(range(len(decays)), [f"{decay:.2g}" for decay in decays])
        axes.set(title="Profit gain", xlabel="learning rate", ylabel="decay of exploration per period")
        figure.colorbar(image, ax=axes)
        save(figure, path)
