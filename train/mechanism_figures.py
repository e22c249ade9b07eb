"""One figure of the comparison: what each mechanism changes for users and providers, with intervals."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from train.figures import BLUE, GREEN, GREY, ORANGE, STYLE

COLOURS = {"posted_price": GREEN, "second_price": ORANGE, "private_second_price": BLUE}
PANELS = {
    "user_value": "User value, noise as mistakes",
    "user_surplus": "User value, noise as tastes",
    "payment": "Payment per served query",
    "profit": "Profit of all providers",
}


def draw_differences(path: Path, differences: pd.DataFrame, beta: float | None = None) -> None:
    """Differences to per-token pricing, in % of the value of a right answer, for every market at one beta.

    The first-price auction with complete information has the outcome of the second-price auction, and is left out.
    """
    betas = sorted(differences.beta.unique())
    beta = betas[len(betas) // 2] if beta is None else beta
    rows = differences[(differences.beta == beta) & differences.mechanism.isin(COLOURS)]
    markets, mechanisms = list(rows.market.unique()), list(rows.mechanism.unique())
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 4, figsize=(14, 6), sharey=True, layout="constrained")
        for axes, (quantity, title) in zip(panels, PANELS.items(), strict=True):
            for k, mechanism in enumerate(mechanisms):
                own = rows[(rows.quantity == quantity) & (rows.mechanism == mechanism)]
                places = np.arange(len(markets)) + 0.22 * (k - (len(mechanisms) - 1) / 2)
                value, low, high = (1000 * own[column].to_numpy() for column in ("value", "low", "high"))
                axes.hlines(places, low, high, color=COLOURS[mechanism], linewidth=2, alpha=0.5)
                axes.plot(value, places, "o", color=COLOURS[mechanism], markersize=4, label=mechanism.replace("_", " "))
            axes.axvline(0, color=GREY, linewidth=1)
            axes.set(title=title, xscale="symlog", xlabel="USD per 1,000 queries")
            axes.grid(axis="x", alpha=0.3)
        panels[0].set_yticks(range(len(markets)), markets)
        panels[0].invert_yaxis()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(mechanisms))
        figure.suptitle(f"Against per-token pricing at beta = {beta:,.0f}, with 95 % intervals", x=0.01, ha="left")
        figure.supxlabel(
            "Private information is recorded for nano markets, and a model elsewhere. Points: curves as measured.",
            x=0.01, ha="left", fontsize=8, color=GREY,
        )  # fmt: skip
        figure.savefig(path)
        plt.close(figure)
