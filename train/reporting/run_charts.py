"""Charts of a run, or of several side by side: how it learnt, and each of its providers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from train.reporting import charts
from train.reporting.meanings import PROVIDER, QUANTITIES, USD
from train.reporting.page import Chart, Choice, Column, Table
from train.reporting.runs import Run, thinned

COURSES = ("relative_nash_conv", "welfare", "user_value", "provider_profit", "winner_efficiency", "truthfulness_gap")
FLOOR = 1e-4
"""relative NashConv at or below this is drawn here: a logarithmic axis has no zero"""
VALUES = {
    "user value": ("quality", "price"),
    "added to welfare": ("quality", "cost"),
    "margin": ("price", "cost"),
}


def learning_text(runs: list[Run]) -> str:
    """What the lines and bands of `learning` are."""
    text = "Greedy play, judged while it learnt. Dotted: the equilibrium; dashed: the optimum of welfare."
    if any(len(run.members) > 1 for run in runs):
        text += " Line: median over seeds; band: from the lowest seed to the highest."
    return text


def learning(runs: list[Run]) -> Iterator[Chart]:
    """A chart per quantity over agent steps, and of a single run the levels of its providers."""
    names = [run.name for run in runs]
    for key in COURSES:
        quantity, log = QUANTITIES[key], key == "relative_nash_conv"
        rows, lines = [], []
        for run in runs:
            for steps, *values in run.course(key):
                middle, low, high = (max(v, FLOOR) if log else quantity.factor * v for v in values)
                rows.append({"run": run.name, "steps": steps, "middle": middle, "low": low, "high": high})
            exact = [("equilibrium", None if log else run.analytic(key))]
            exact += [("optimum", run.first.get("welfare_optimum"))] if key == "welfare" else []
            lines += [
                {"run": run.name, "what": what, "value": quantity.factor * value}
                for what, value in exact
                if value is not None
            ]
        if rows:
            unit = USD if quantity.factor == 1000 else quantity.title
            meaning = quantity.meaning + (f" At or below {FLOOR:.2%}: drawn there." if log else "")
            yield Chart(quantity.title, meaning, charts.courses(rows, names, lines, unit, log=log))
    if len(runs) == 1:
        yield _levels(runs[0])


def _levels(run: Run) -> Chart:
    member, grid, providers = run.members[0], run.config["level_grid"], run.providers
    steps = [int(row["agent_steps"]) for row in member.rows]
    kept = thinned(list(range(len(steps))), 60)
    edges = [steps[t] for t in kept] + [steps[-1] + (steps[-1] - steps[0] or 1) // max(len(kept) - 1, 1)]
    rows: list[dict[str, Any]] = []
    for i, provider in enumerate(providers):
        for level, same in groupby(range(len(kept)), key=lambda j: member.levels[kept[j], i]):
            first, *others = same
            last = others[-1] if others else first
            rows.append({"provider": provider, "from": edges[first], "to": edges[last + 1], "level": grid[level]})
    width = max(edges[-1], 1)
    rows += [
        {"provider": provider, "from": round(1.03 * width), "to": round(1.1 * width), "level": grid[k]}
        for provider, k in zip(providers, member.summary.get("nash_levels", ()), strict=False)
    ]
    seed = f" of seed {member.summary['seed']}" if len(run.members) > 1 else ""
    return Chart(
        f"Level of each provider{seed}",
        "What each would sell at every evaluation; the narrow column at the right is the equilibrium.",
        charts.levels_over_time(rows, grid, _height(len(providers), 1)),
        wide=True,
    )


def providers_of(runs: list[Run]) -> Iterator[Chart | Table]:
    """Shares and profits beside the equilibrium, what levels are worth, and a table."""
    for markets in _by_providers(runs):
        names = [run.name for run in markets]
        for key, title, factor, unit in (("shares", "Share", 100, "% of queries"), ("profits", "Profit", 1000, USD)):
            rows = []
            for run in markets:
                exact = run.first.get(f"nash_{key}", [None] * len(run.providers))
                rows += [
                    {"provider": provider, "run": run.name, "value": factor * own,
                     "equilibrium": None if beside is None else factor * beside}
                    for provider, own, beside in zip(run.providers, run.means(key), exact, strict=True)
                ]  # fmt: skip
            height = _height(len(markets[0].providers), len(markets))
            meaning = f"{PROVIDER[key[:-1]]} Bars: learned; strokes: the equilibrium."
            yield Chart(f"{title} of each provider", meaning, charts.beside_equilibrium(rows, names, unit, height))
        for run in markets:
            if run.tables is not None:
                yield _curves(run, several=len(runs) > 1)
    for run in runs:
        yield _provider_table(run, several=len(runs) > 1)


def _by_providers(runs: list[Run]) -> Iterator[list[Run]]:
    """Runs with the same providers together."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(tuple(run.config["providers"]), []).append(run)
    yield from groups.values()


def _curves(run: Run, several: bool) -> Chart:
    grid, tables = run.config["level_grid"], run.tables or {}
    value = {
        what: [
            [1000 * (a - b) for a, b in zip(*row, strict=True)] for row in zip(tables[plus], tables[less], strict=True)
        ]
        for what, (plus, less) in VALUES.items()
    }
    rows = [
        {"provider": i, "level": level, "what": what, "value": table[i][k]}
        for what, table in value.items()
        for i in range(len(run.providers))
        for k, level in enumerate(grid)
    ]
    chosen = {"learned": run.first["levels"]}
    if "nash_levels" in run.first:
        chosen["equilibrium"] = run.first["nash_levels"]
    marked = [
        {"provider": i, "level": grid[k], "what": what, "value": table[i][k], "chosen": who}
        for who, levels in chosen.items()
        for i, k in enumerate(levels)
        for what, table in value.items()
    ]
    seed = f", seed {run.first['seed']}" if len(run.members) > 1 else ""
    mean = " Means over the query types." if tables["query_types"] > 1 else ""
    return Chart(
        f"What each level is worth{f', {run.name}' if several else ''}",
        "User value is quality less list price, what is added to welfare is quality less cost, margin is list price "
        f"less cost. Marks: the level learned{seed}, and the equilibrium's.{mean}",
        charts.curves(rows, marked, grid),
        Choice("Provider", "provider", run.providers),
        wide=True,
    )


def _provider_table(run: Run, several: bool) -> Table:
    known, grid = "nash_levels" in run.first, run.config["level_grid"]
    columns = [Column("provider")]
    styles = {"level": ("{:g}", 1), "share": ("{:.2%}", 1), "profit": ("{:.4f}", 1000)}
    for key, (style, factor) in styles.items():
        columns.append(Column(key, PROVIDER[key], style, factor))
        if known:
            columns.append(Column(f"{key}, equilibrium", "", style, factor))
    rows = []
    for i, provider in enumerate(run.providers):
        row: list[Any] = [provider]
        for key in ("levels", "shares", "profits"):
            own = run.first[key][i] if key == "levels" else run.means(key)[i]
            row += [own, run.first[f"nash_{key}"][i]] if known else [own]
        for j in (1, 2) if known else (1,):
            row[j] = grid[row[j]]
        rows.append(row)
    title = f"Providers of {run.name}" if several else "Every provider"
    note = (
        f"Levels are those of seed {run.first['seed']}, the rest are means over seeds." if len(run.members) > 1 else ""
    )
    return Table(title, columns, rows, note)


def _height(providers: int, runs: int) -> int:
    return max(120, 24 * providers * max(1, runs // 2 + runs % 2))
