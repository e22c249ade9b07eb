"""The numbers of observations as tables of text, field by field of their layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ttc_env.language.printing import plain
from ttc_env.market import Market
from ttc_env.mechanisms.wording import SHOWN, UNIT
from ttc_env.observing import CURVES, Layout, layout
from ttc_env.repeated import RepeatedMarket

TITLES = {"own.quality": "quality", "own.price": "list price", "own.cost": "cost", "reward": "profit"}


class Seen(NamedTuple):
    """What a provider saw before a period, counted from 1: `observation`, `(d,)`."""

    period: int
    observation: np.ndarray


def curve_table(game: RepeatedMarket, observation: np.ndarray, digits: int) -> str:
    """Quality, list price and cost of the provider at each level."""
    market, fields = _market(game), layout(game)
    columns = [fields.read(observation, name) * market.unit * SHOWN for name in CURVES]
    rows = [["level", *(TITLES[name] for name in CURVES)]]
    for k, level in enumerate(market.levels):
        rows.append([plain(float(level), digits), *(plain(float(column[k]), digits) for column in columns)])
    return f"Your provider by compute level, {UNIT}:\n" + _lines(rows)


def record_table(game: RepeatedMarket, past: Sequence[Seen], digits: int) -> str:
    """A line for each period that was played: the provider's own side of it, and what everybody saw.

    What was seen before period `t` tells of period `t - 1`.
    """
    fields, played = layout(game), [seen for seen in past if layout(game).read(seen.observation, "played")[0]]
    if not played:
        return "No period has been played yet."
    columns = _columns(game, fields)
    rows = [["period", *(title for title, _, _ in columns)]]
    for seen in played:
        values = (float(seen.observation[place]) for _, place, _ in columns)
        shown = (
            plain(_level(game, v) if scale is None else v * scale, digits)
            for v, (_, _, scale) in zip(values, columns, strict=True)
        )
        rows.append([str(seen.period - 1), *shown])
    return f"Periods so far, money in {UNIT}, shares of all queries from 0 to 1:\n" + _lines(rows)


def state_lines(game: RepeatedMarket, observation: np.ndarray, digits: int) -> str:
    """What is carried over into the period that begins, a line for each part of it; nothing where there is none."""
    fields = layout(game)
    lines = [
        f"{field.name}: {' '.join(plain(float(value), digits) for value in fields.read(observation, field.name))}"
        for field in fields.public
        if field.name.startswith("state.")
    ]
    return "\n".join(["Carried over into the period that begins, each number from 0 to 1:", *lines]) if lines else ""


def _columns(game: RepeatedMarket, fields: Layout) -> list[tuple[str, int, float | None]]:
    """Title, place in an observation, and scale of every number of the record; None for levels."""
    market, columns = _market(game), []
    scales: dict[str, float | None] = {"level": None, "share": 1.0, "reward": float(game.usd_per_reward) * SHOWN}
    for field in (*fields.own, *fields.public):
        whose, _, part = field.name.partition(".")
        if field.name in CURVES or whose not in ("own", "public"):
            continue
        scale = scales.get(part, market.unit * SHOWN)
        place = fields.places[field.name].start
        if whose == "own":
            columns.append((f"your {TITLES.get(part, part)}", place, scale))
        else:
            columns += [(f"{part} of provider {j}", place + j, scale) for j in range(field.size)]
    return columns


def _level(game: RepeatedMarket, value: float) -> float:
    """The compute of a level shown from 0 to 1."""
    levels = _market(game).levels
    return float(levels[round(value * max(len(levels) - 1, 1))])


def _market(game: RepeatedMarket) -> Market:
    assert isinstance(game.market, Market)
    return game.market


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(", ".join(row) for row in rows)
