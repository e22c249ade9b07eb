"""What a batch of sessions says: profit gains, tests and responses with their intervals, and whether to believe it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ttc_env.collusion import KINDS
from ttc_env.evaluation.statistics import estimate, mean
from ttc_env.scripting.console import console, say

NEAR = 0.2
"""a control whose profit gain is surely above this shows that collusion is not what is measured; the equilibria of a
grid of prices can themselves be above zero, by up to 0.12 in the published game"""
FIGURES: dict[str, tuple[str, str, Callable[[dict[str, Any]], Any]]] = {
    "gain": ("profit gain Delta", "{:.3f}", lambda r: r["gain"]),
    "generalised_gain": ("its power mean, exponent 1/2", "{:.3f}", lambda r: r["generalised_gain"]),
    "million_periods": ("million periods", "{:.3f}", lambda r: r["periods"] / 1e6),
    "converged": ("converged", "{:.1%}", lambda r: r["converged"]),
    "cycle_length": ("length of the cycle", "{:.2f}", lambda r: None if r["nash"] is None else len(r["cycle"])),
    "nash": ("Nash on the cycle", "{:.1%}", lambda r: r["nash"]),
    "subgame_perfect": ("subgame perfect", "{:.1%}", lambda r: r["subgame_perfect"]),
    "on_path": ("loss on the cycle", "{:.1%}", lambda r: _mean(r["on_path"])),
    "off_path": ("loss elsewhere", "{:.1%}", lambda r: _mean(r["off_path"])),
    "external_regret": ("external regret / profit", "{:.1%}", lambda r: r["external_regret"]),
    "swap_regret": ("swap regret / profit", "{:.1%}", lambda r: r["swap_regret"]),
    "interventions": ("changed by the regulator", "{:.1%}", lambda r: _mean(r["interventions"])),
    "relative_nash_conv": ("NashConv / profit", "{:.1%}", lambda r: r.get("relative_nash_conv")),
    "responsiveness": ("slope on rivals' offers", "{:.3f}", lambda r: r.get("responsiveness")),
    "invalid_share": ("answers that were none", "{:.1%}", lambda r: r.get("invalid_share")),
    "fallback_share": ("last action repeated", "{:.1%}", lambda r: r.get("fallback_share")),
    "cost_usd": ("cost, USD", "{:.4f}", lambda r: r.get("cost_usd")),
}
RESPONSES = {
    "exists": ("there is one", "{:.0%}"),
    "gain": ("gain / value", "{:+.2%}"),
    "profitable": ("pays", "{:.0%}"),
    "punished": ("punished", "{:.0%}"),
    "returned": ("returns", "{:.0%}"),
    "away": ("periods away", "{:.1f}"),
}


def label_of(config: dict[str, Any]) -> str:
    """How the learners of a batch learn, in a few words."""
    if "memory" not in config:
        return f"{config['algorithm']} {config['config'].get('model', '')}".strip()
    if "algorithm" in config:
        against = f" against {config['opponents']}" if config["opponents"] else ""
        return f"{config['algorithm']}{against}, discount {config['discount']:g}"
    return f"rate {config['learning_rate']}, decay {config['decay']:g}"


def summarize(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Every figure of a batch with its 95 % interval over sessions: `[value, low, high]`, low and high None for one."""
    summary: dict[str, Any] = {"sessions": len(records), "equilibrium_gain": records[0]["equilibrium_gain"]}
    for name, (_, _, figure) in FIGURES.items():
        summary[name] = interval([figure(record) for record in records])
    summary["gains"] = [interval(column) for column in zip(*(record["gains"] for record in records), strict=True)]
    if "deviations" in records[0]:
        summary["deviations"] = {
            kind: {
                name: interval([record["deviations"][kind].get(name) for record in records]) for name in RESPONSES
            } | {name: path([record["deviations"][kind].get(name) for record in records]) for name in ("own", "others")}
            for kind in KINDS
        }  # fmt: skip
    return summary


def interval(values: Any) -> list[float | None]:
    """Mean over the sessions that have the figure, and its bootstrap interval."""
    known = [float(value) for value in values if value is not None and not np.isnan(value)]
    if len(known) < 2:
        return [known[0] if known else None, None, None]
    return [float(end) for end in estimate(mean, [known], seed=0, repetitions=2000)]


def path(paths: list[list[float] | None]) -> list[list[float | None]]:
    """The same for every period of an impulse response; whole responses are drawn."""
    known = np.array([values for values in paths if values is not None]).T  # (periods, sessions)
    if known.ndim < 2 or known.shape[1] < 2:
        return [[float(value), None, None] for value in known.ravel()]
    ends = estimate(lambda scores: scores.mean(axis=-1), known, seed=0, repetitions=2000, stratified=False)
    return [[float(end) for end in period] for period in zip(*ends, strict=True)]


def verdict(summaries: dict[str, dict[str, Any]]) -> str:
    """What may be said: collusion, or none, or why neither can be told.

    Source of the controls: Calvano et al. 2020, section III; that learners without memory reach high prices all the
    same is no collusion but a failure to learn: Asker, Fershtman, Pakes 2022.
    """
    low, high = summaries["learners"]["gain"][1:]
    found = [name for name, each in summaries.items() if name != "learners" and surely_above(each["gain"], NEAR)]
    if found:
        return f"spurious, learners with {' and with '.join(found)} earn it too"
    if low is None or low <= 0 <= high:
        return "not significant"
    if 0 < low <= (summaries["learners"].get("equilibrium_gain") or 0.0):
        return "no more than an equilibrium of one period earns"
    if low > 0 and (len(summaries) == 1 or summaries["learners"].get("nash", [0])[0] is None):
        return "above competition, and nothing here says why"
    return "collusion" if low > 0 else "less than competition"


def surely_above(gain: list[float | None], bound: float) -> bool:
    """Whether the whole interval is above the bound; of a single session, its value."""
    low = gain[0] if gain[1] is None else gain[1]
    return low is not None and low > bound


def print_summaries(title: str, summaries: dict[str, dict[str, Any]]) -> None:
    """The figures of the learners beside the controls, and the deviations."""
    table = Table(title=title)
    table.add_column("mean over sessions\n± half of the 95 % interval")
    for name, summary in summaries.items():
        table.add_column(f"{name}\n({summary['sessions']})", justify="right", no_wrap=True)
    for name, (label, style, _) in FIGURES.items():
        if any(summary[name][0] is not None for summary in summaries.values()):
            table.add_row(label, *(show(summary[name], style) for summary in summaries.values()))
    console.print(table)
    if deviations := summaries["learners"].get("deviations"):
        table = Table(title="Deviations from the cycle, by all providers in all of its states")
        table.add_column("")
        for label, _ in RESPONSES.values():
            table.add_column(label, justify="right")
        for kind, figures in deviations.items():
            cells = (show([figures[name][0], None, None], style) for name, (_, style) in RESPONSES.items())
            table.add_row(kind.replace("_", " "), *cells)
        console.print(table)
    say("verdict: ", (verdict(summaries), "bold"))


def show(figure: list[float | None], style: str) -> str:
    """A figure and half the width of its interval, for people."""
    value, low, high = figure
    if value is None:
        return "-"
    text = style.format(value)
    return text if low is None or high is None else f"{text} ± {style.format((high - low) / 2)}"


def write_sessions(file: Path, records: list[dict[str, Any]]) -> None:
    """A line per session with the figures of the table."""
    with file.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["variant", "learners", "seed", *FIGURES])
        for record in records:
            cell = record["cell"]
            figures = (figure(record) for _, _, figure in FIGURES.values())
            writer.writerow([
                cell["variant"], label_of(cell["config"]), cell["seed"],
                *("" if value is None else f"{float(value):.6g}" for value in figures),
            ])  # fmt: skip


def _mean(values: list[float] | None) -> float | None:
    """The mean; None where nothing is known."""
    return None if values is None or np.isnan(values).any() else float(np.mean(values))
