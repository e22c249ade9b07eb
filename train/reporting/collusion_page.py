"""The report of sessions of pricing algorithms: profit gains beside the controls, and what follows a deviation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from train.reporting import charts
from train.reporting.page import Chart, Column, Page, Section, Shown, Table
from train.reporting.runs import read_json
from train.sessions.cell import VARIANTS
from train.sessions.report import FIGURES, RESPONSES, label_of

MEANINGS = {
    "gain": "Profit between competition (0) and the cartel (1), mean over providers.",
    "generalised_gain": "The same with a power mean, which a provider that earns little pulls down.",
    "million_periods": "How long learners played until their strategies stood still.",
    "converged": "Sessions whose strategies stood still before the limit.",
    "cycle_length": "Periods until prices repeat, once strategies stand still.",
    "nash": "Sessions in which nobody gains by another strategy, from where play stands.",
    "subgame_perfect": "The same from every state.",
    "on_path": "What a provider loses against its best strategy, where play stands.",
    "off_path": "The same in the other states.",
    "external_regret": "What the best single action in hindsight would have added, where play stands.",
    "swap_regret": "The same of the best other action in place of each one that was played.",
    "relative_nash_conv": "What all could gain by their best deviation in a period, over all profit, at the end.",
    "responsiveness": "By how much offers follow those of the rivals in the period before, mean over seats.",
    "invalid_share": "Answers that could not be read, of all.",
    "fallback_share": "Periods of a seat in which no answer could be read, so that it repeated its last action.",
    "cost_usd": "Of a session, by the prices that were given.",
    "interventions": "How often the regulator changes, or with a log alone would change, an action where play stands.",
}


def collusion_page(folders: Sequence[Path]) -> Page:
    """The page of one folder of collusion.py, from its summary.json.

    Raises:
        ValueError: it has none.
    """
    (folder,) = folders
    batches = read_json(folder / "summary.json")
    verdicts = {batch["verdict"]: None for batch in batches}
    lead = f"{sum(batch['learners']['sessions'] for batch in batches)} sessions; verdict: {'; '.join(verdicts)}."
    sections = [Section("Batches", "High profit that a control reaches as well is no collusion.", [_batches(batches)])]
    for batch in batches if len(batches) <= 3 else batches[:1]:
        parts: list[Table | Chart] = [_figures(batch), *_responses(batch), *_deviations(batch)]
        sections.append(Section(label_of(batch["config"]), f"Verdict: {batch['verdict']}.", parts))
    options = [[key, str(value)] for key, value in batches[0]["config"].items()]
    sections.append(
        Section(
            "Configuration", "Of the first batch.", [Table("Options", [Column("option"), Column("value")], options)]
        )
    )
    return Page(f"Sessions {folder.resolve().name}", [lead], sections)


def _batches(batches: list[dict[str, Any]]) -> Table:
    columns = [Column("batch"), Column("sessions", style="{:.0f}")]
    columns += [Column(f"gain, {variant}", MEANINGS["gain"], "{:.3f}") for variant in VARIANTS]
    columns.append(Column("verdict", "What may be said: intervals of 95 % over sessions decide."))
    rows = []
    for batch in batches:
        gains = [_value(batch.get(variant, {}).get("gain")) for variant in VARIANTS]
        rows.append([label_of(batch["config"]), batch["learners"]["sessions"], *gains, batch["verdict"]])
    return Table("All batches", columns, rows, "Brackets: 95 % bootstrap intervals over sessions.")


def _figures(batch: dict[str, Any]) -> Table:
    there = [variant for variant in VARIANTS if variant in batch]
    rows: list[list[Any]] = []
    for key, (title, style, _) in FIGURES.items():
        column = Column("", style=style)
        if all(batch[variant][key][0] is None for variant in there):
            continue
        rows.append([title, *(_shown(column, batch[variant][key]) for variant in there), MEANINGS[key]])
    return Table("Learners and controls", [Column("figure"), *map(Column, there), Column("what it means")], rows)


def _responses(batch: dict[str, Any]) -> Iterator[Chart]:
    for kind, figures in batch["learners"].get("deviations", {}).items():
        rows = [
            {"run": who, "steps": period, "middle": value, "low": value if low is None else low,
             "high": value if high is None else high}
            for key, who in (("own", "deviator"), ("others", "rival"))
            for period, (value, low, high) in enumerate(figures[key])
        ]  # fmt: skip
        if rows:
            x = charts.quantitative("steps", "periods after the deviation")
            spec = charts.courses(rows, ["deviator", "rival"], [], "profit against the cycle", x=x)
            meaning = "Profits after one provider deviates once, in widths of cartel less competition; band: 95 %."
            yield Chart(f"Deviation: {kind.replace('_', ' ')}", meaning, spec)


def _deviations(batch: dict[str, Any]) -> Iterator[Table]:
    deviations = batch["learners"].get("deviations", {})
    if deviations:
        columns = [Column("deviation"), *(Column(title, style=style) for title, style in RESPONSES.values())]
        rows = [
            [kind.replace("_", " "), *(_value(each[key]) for key in RESPONSES)] for kind, each in deviations.items()
        ]
        yield Table("What follows a deviation", columns, rows)


def _value(found: list[float | None] | None) -> tuple[float | None, ...] | None:
    return None if found is None or found[0] is None else tuple(found)


def _shown(column: Column, found: list[float | None]) -> Shown | None:
    value = _value(found)
    return None if value is None or value[0] is None else Shown(column.text(value), value[0])
