"""Charts of reports as Vega-Lite specifications. Colours are variables of the page's style sheet, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RUNS = [f"var(--c{k})" for k in range(8)]
"""Okabe and Ito's palette; a ninth run takes the first colour again"""

DASHES = [[1, 0], [6, 3], [2, 2]]
"""of the first eight runs, the next eight, and so on"""
STEPS = {"format": "~s", "tickCount": 5, "labelExpr": "datum.value ? datum.label : '0'"}
"""an axis of agent steps, or of something else in thousands"""

BESIDE = 24
"""letters of the longest name of a legend whose names stand in two columns"""
Rows = list[dict[str, Any]]


def spec(**parts: Any) -> dict[str, Any]:
    """A chart as wide as its place."""
    return {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}, "height": 240} | parts


def quantitative(field: str, title: str, **more: Any) -> dict[str, Any]:
    """An axis of numbers; zero is on it only where `scale` says so."""
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False, "nice": True}} | more


def colours(field: str, names: Sequence[str]) -> dict[str, Any]:
    """A colour for each name, with a legend where there are several."""
    scale = {"domain": list(names), "range": [RUNS[k % len(RUNS)] for k in range(len(names))]}
    columns = 2 if max(map(len, names), default=0) <= BESIDE else 1
    legend = {"orient": "top", "columns": columns, "title": None} if len(names) > 1 else None
    return {"field": field, "type": "nominal", "scale": scale, "legend": legend}


def courses(
    rows: Rows,
    runs: Sequence[str],
    levels: Rows,
    unit: str,
    *,
    log: bool = False,
    x: dict[str, Any] | None = None,
    choose: str = "",
) -> dict[str, Any]:
    """A quantity over agent steps or something else: a line with a band for each run, and analytic lines.

    Args:
        rows: of `run`, `steps`, `middle`, `low` and `high`.
        runs: their names, in the order of their colours.
        levels: analytic values, of `run`, `what` and `value`.
        unit: of the quantity, the title of its axis.
        log: a logarithmic scale; values must be positive.
        x: the axis of `steps`, by default agent steps.
        choose: a field of the rows by whose value, a number, the reader chooses what is shown.
    """
    y = quantitative("middle", unit)
    if log:
        y |= {"scale": {"type": "log", "nice": False}, "axis": {"format": ".2~%", "tickCount": 5}}
    colour = colours("run", runs)
    x = x or quantitative("steps", "agent steps", axis=STEPS)
    tooltip = [
        {"field": "run", "title": "run"},
        {"field": "steps", "title": x["title"], "format": ",~r"},
        {"field": "middle", "title": unit, "format": ".3~%" if log else ".5~g"},
    ]
    drawn: dict[str, Any] = {"x": x, "y": y, "color": colour}
    line = {"mark": {"type": "line", "strokeWidth": 2}, "encoding": drawn}
    if len(runs) > len(RUNS):
        dashes = {"domain": list(runs), "range": [DASHES[k // len(RUNS) % len(DASHES)] for k in range(len(runs))]}
        drawn["strokeDash"] = {"field": "run", "type": "nominal", "scale": dashes, "legend": None}
    points = {
        "mark": {"type": "point", "opacity": 0, "filled": True, "size": 80},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
    }
    layers: list[dict[str, Any]] = [line, points]
    if any(row["low"] != row["high"] for row in rows):
        ends = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
        layers.insert(0, {"mark": {"type": "area", "opacity": 0.25}, "encoding": {"x": x, "color": colour} | ends})
    layered: dict[str, Any] = {"data": {"values": rows}, "layer": layers}
    if levels:
        strokes = {"equilibrium": [2, 3], "optimum": [8, 4]}
        shown = [what for what in strokes if any(row["what"] == what for row in levels)]
        layered["layer"].append(
            {
                "data": {"values": levels},
                "mark": {"type": "rule", "strokeWidth": 1.5},
                "encoding": {
                    "y": y | {"field": "value"},
                    "color": colour,
                    "strokeDash": {
                        "field": "what",
                        "type": "nominal",
                        "scale": {"domain": shown, "range": [strokes[what] for what in shown]},
                        "legend": {"orient": "top", "title": None, "symbolStrokeColor": "var(--text)"},
                    },
                    "tooltip": [{"field": "what"}, {"field": "value", "title": unit, "format": ".5~g"}],
                },
            }
        )
    return spec(**layered | chosen_by(choose))


def chosen_by(field: str) -> dict[str, Any]:
    """Parts of a chart of which only the rows are shown whose `field` has the value of the parameter `field`."""
    if not field:
        return {}
    return {"params": [{"name": field, "value": 0}], "transform": [{"filter": f"datum.{field} == {field}"}]}


def ranges(rows: Rows, runs: Sequence[str], unit: str, height: int, choose: str = "") -> dict[str, Any]:
    """Values with their intervals, a line for each `what` and run.

    Args:
        rows: of `what`, `run`, `value`, `low` and `high` (None: no interval).
        runs: their names, in the order of their colours.
        unit: title of the axis.
        height: of the chart, pixels.
        choose: see `courses`.
    """
    shared = {
        "y": {"field": "what", "type": "nominal", "sort": None, "title": None},
        "yOffset": {"field": "run", "type": "nominal", "sort": list(runs)},
        "color": colours("run", runs),
        "tooltip": [{"field": "what"}, {"field": "run"}]
        + [{"field": name, "type": "quantitative", "format": ".4~g"} for name in ("value", "low", "high")],
    }
    x = {"type": "quantitative", "title": unit, "scale": {"zero": False}}
    rule = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": shared | {"x": x | {"field": "low"}, "x2": {"field": "high"}},
    }
    point = {"mark": {"type": "point", "filled": True, "size": 60}, "encoding": shared | {"x": x | {"field": "value"}}}
    return spec(height=height, data={"values": rows}, layer=[rule, point], **chosen_by(choose))


def levels_over_time(rows: Rows, levels: Sequence[float], height: int) -> dict[str, Any]:
    """A row per provider, coloured by its greedy level at each evaluation, the equilibrium's in a column at the end.

    Args:
        rows: of `provider`, `from`, `to` (agent steps) and `level`.
        levels: the grid, lowest first.
        height: of the chart, pixels.
    """
    return spec(
        height=height,
        data={"values": rows},
        mark={"type": "rect", "strokeWidth": 0},
        encoding={
            "x": quantitative(
                "from",
                "agent steps",
                axis=STEPS,
                scale={"nice": False, "domain": [0, max(row["to"] for row in rows)]},
            ),
            "x2": {"field": "to"},
            "y": {"field": "provider", "type": "nominal", "sort": None, "title": None},
            "color": {
                "field": "level",
                "type": "ordinal",
                "scale": {"domain": list(levels), "scheme": "viridis"},
                "legend": {"orient": "top", "title": "level"},
            },
            "tooltip": [{"field": name} for name in ("provider", "level", "from", "to")],
        },
    )


def beside_equilibrium(rows: Rows, runs: Sequence[str], unit: str, height: int) -> dict[str, Any]:
    """Bars of a quantity per provider and run, and a stroke where the equilibrium has it.

    Args:
        rows: of `provider`, `run`, `value` and `equilibrium` (None where none is known).
        runs: their names, in the order of their colours.
        unit: title of the axis.
        height: of the chart, pixels.
    """
    y = {"field": "provider", "type": "nominal", "sort": None, "title": None}
    offset = {"field": "run", "type": "nominal", "sort": None}
    number = {"format": ".4~g"}
    tooltip = [
        {"field": "provider"},
        {"field": "run"},
        {"field": "value", "title": unit} | number,
        {"field": "equilibrium", "type": "quantitative"} | number,
    ]
    shared = {"y": y, "yOffset": offset, "tooltip": tooltip}
    x = {"type": "quantitative", "title": unit}
    return spec(
        height=height,
        data={"values": rows},
        layer=[
            {
                "mark": {"type": "bar"},
                "encoding": shared | {"x": {"field": "value"} | x, "color": colours("run", runs)},
            },
            {
                "transform": [{"filter": "isValid(datum.equilibrium)"}],
                "mark": {"type": "tick", "thickness": 3, "color": "var(--text)"},
                "encoding": shared | {"x": {"field": "equilibrium"} | x},
            },
        ],
    )


def curves(rows: Rows, marked: Rows, levels: Sequence[float]) -> dict[str, Any]:
    """What one provider's levels are worth, with the levels chosen; the parameter `provider` is its index.

    Args:
        rows: of `provider` (index), `level`, `what` and `value`.
        marked: the same, and `chosen` by whom, for the levels that are.
        levels: the grid.
    """
    kinds = list(dict.fromkeys(row["what"] for row in rows))
    who = list(dict.fromkeys(row["chosen"] for row in marked))
    x = {"field": "level", "type": "ordinal", "sort": list(levels), "title": "level", "axis": {"labelAngle": 0}}
    y = quantitative("value", "USD per 1,000 queries")
    colour = colours("what", kinds)
    chosen = {
        "field": "chosen",
        "type": "nominal",
        "scale": {"domain": who, "range": ["circle", "diamond", "square", "triangle-up", "cross"][: len(who)]},
        "legend": {"orient": "bottom", "title": None},
    }
    tooltip = [{"field": "what"}, {"field": "level"}, {"field": "value", "format": ".4~f"}]
    mine = [{"filter": "datum.provider == provider"}]
    return spec(
        height=280,
        params=[{"name": "provider", "value": 0}],
        layer=[
            {
                "data": {"values": rows},
                "transform": mine,
                "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 25}},
                "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
            },
            {
                "data": {"values": marked},
                "transform": mine,
                "mark": {"type": "point", "size": 160, "strokeWidth": 2, "color": "var(--text)"},
                "encoding": {"x": x, "y": y, "shape": chosen, "tooltip": [{"field": "chosen"}, *tooltip]},
            },
        ],
    )
