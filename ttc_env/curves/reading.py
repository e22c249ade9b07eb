"""Tables of curves in CSV files, read with one clear error for whatever is wrong with them."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ttc_env.curves.measured import COST_COLUMNS, Curves
from ttc_env.curves.surcharges import Surcharge

COLUMNS = ("benchmark", "method", "model", "theta", "accuracy", "tokens", "price_usd_per_mtok")
AMOUNTS = ("input_tokens", "cached_tokens")  # per query and level; columns that a table may have or lack
TARIFF = ("input_price_usd_per_mtok", "cached_price_usd_per_mtok", "fee_usd")  # of a model, likewise


def read_curves(path: str | os.PathLike[str]) -> dict[str, Curves]:
    """All tables of a CSV file, by `"benchmark/method"`, in order of appearance.

    Raises:
        ValueError: the first fault found, with file and row (the header is row 1).
    """
    path = os.path.expanduser(os.fspath(path))
    cells: dict[str, dict[str, dict[float, _Point]]] = {}
    for row, record in _records(path):
        benchmark, method, model = (_text(path, row, record, key) for key in COLUMNS[:3])
        if "/" in benchmark + method:
            raise ValueError(
                f"{path}, row {row}: a benchmark or method must not contain '/', got {benchmark!r}, {method!r}"
            )
        theta = _number(path, row, record, "theta", low=0)
        values = {"accuracy": _number(path, row, record, "accuracy", low=0, high=1)}
        for column in (*COLUMNS[5:], *AMOUNTS, *TARIFF):
            if column in record:
                values[column] = _number(path, row, record, column, low=0)
        values |= {column: _number_or_nan(path, row, record, column) for column in COST_COLUMNS.values()}
        curve = cells.setdefault(f"{benchmark}/{method}", {}).setdefault(model, {})
        if theta in curve:
            raise ValueError(f"{path}, row {row}: duplicate of row {curve[theta].row} ({model}, theta {theta:g})")
        curve[theta] = _Point(row, values)
    if not cells:
        raise ValueError(f"{path}, row 2: the table is empty")
    return {name: _curves(path, name, models) for name, models in cells.items()}


class _Point(NamedTuple):
    """A row of a table: its number, and what its columns of numbers hold; costs are NaN where there are none."""

    row: int
    values: dict[str, float]


def _records(path: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Number and cells of each row below the header."""
    lines = csv.reader(io.StringIO(_read_text(path), newline=""))
    try:
        header = next(lines, [])
        _check_header(path, header)
        for line in lines:
            if len(line) > len(header):
                raise ValueError(
                    f"{path}, row {lines.line_num}: {len(line)} cells under {len(header)} columns; quote commas"
                )
            if line:
                yield lines.line_num, dict(zip_longest(header, line))
    except csv.Error as error:
        raise ValueError(f"{path}, row {lines.line_num}: {error}") from None


def _check_header(path: str, header: list[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    repeated = [column for column in (*COLUMNS, *AMOUNTS, *TARIFF, *COST_COLUMNS.values()) if header.count(column) > 1]
    if repeated:
        raise ValueError(f"{path}, row 1: repeated column {', '.join(repeated)}")
    if missing:
        other = next((mark for mark in ";\t|" if set(COLUMNS) <= set("".join(header).split(mark))), None)
        known = (
            f"columns are separated by {other!r} here, and must be by ','"
            if other
            else f"missing column {', '.join(missing)}"
        )
        raise ValueError(f"{path}, row 1: {known}; needed: {', '.join(COLUMNS)}")
    for column, partner in zip((*AMOUNTS, *TARIFF), (TARIFF[0], AMOUNTS[0], *AMOUNTS, None), strict=True):
        if column in header and partner not in (*header, None):
            raise ValueError(f"{path}, row 1: {column} is of no use without {partner}")


def _read_text(path: str) -> str:
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, row {row}: not UTF-8 text") from None


def _curves(path: str, name: str, models: dict[str, dict[float, _Point]]) -> Curves:
    grid = sorted(next(iter(models.values())))
    for model, curve in models.items():
        row = max(point.row for point in curve.values())
        if sorted(curve) != grid:
            raise ValueError(
                f"{path}, row {row}: unequal level grids in {name}: {model} has theta {sorted(curve)}, "
                f"{next(iter(models))} has {grid}"
            )
        for column in (COLUMNS[-1], *TARIFF):
            if len({point.values.get(column) for point in curve.values()}) > 1:
                raise ValueError(f"{path}, row {row}: {model} in {name} has more than one {column}")
    points = [[models[model][theta] for theta in grid] for model in models]
    levels = tuple(int(theta) if theta.is_integer() else theta for theta in grid)
    columns = {
        name: np.array([[point.values[name] for point in row] for row in points]) for name in points[0][0].values
    }
    costs = {
        kind: columns[column] * 1e-6 for kind, column in COST_COLUMNS.items() if not np.isnan(columns[column]).all()
    }
    if "table" in costs and np.isnan(costs["table"]).any():
        row = next(point.row for curve in points for point in curve if math.isnan(point.values[COST_COLUMNS["table"]]))
        raise ValueError(f"{path}, row {row}: cost_usd_per_mtok is empty, and is not elsewhere in {name}")
    accuracy, tokens, price = columns["accuracy"], columns["tokens"], columns[COLUMNS[-1]][:, 0] * 1e-6
    return Curves(name, tuple(models), levels, accuracy, tokens, price, costs, _surcharge(columns))


def _surcharge(columns: dict[str, np.ndarray]) -> Surcharge | None:
    """What is billed besides generated tokens; cached input as other input, where it has no price of its own."""
    if not columns.keys() & {*AMOUNTS, *TARIFF}:
        return None
    nothing = np.zeros_like(columns["tokens"])
    read, cached = (columns.get(column, nothing) for column in AMOUNTS)
    read_price = columns.get(TARIFF[0], nothing)[:, 0] * 1e-6
    cached_price = columns[TARIFF[1]][:, 0] * 1e-6 if TARIFF[1] in columns else read_price
    return Surcharge(read, cached, read_price, cached_price, columns.get(TARIFF[2], nothing)[:, 0])


def _number_or_nan(path: str, row: int, record: dict[str, str | None], column: str) -> float:
    """A number of a column that need not be there, NaN where it is empty."""
    return _number(path, row, record, column, low=0) if (record.get(column) or "").strip() else math.nan


def _text(path: str, row: int, record: dict[str, str | None], column: str) -> str:
    value = (record[column] or "").strip()
    if not value:
        raise ValueError(f"{path}, row {row}: {column} is empty")
    return value


def _number(
    path: str, row: int, record: dict[str, str | None], column: str, *, low: float, high: float = math.inf
) -> float:
    text = _text(path, row, record, column)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{path}, row {row}: {column} is not a number: {text!r}") from None
    if not (math.isfinite(value) and low <= value <= high):
        allowed = f"in [{low:g}, {high:g}]" if math.isfinite(high) else f">= {low:g}"
        raise ValueError(f"{path}, row {row}: {column} must be finite and {allowed}, got {text}")
    return value
