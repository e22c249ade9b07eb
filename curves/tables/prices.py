"""What a query costs: list prices from a file, and measured USD per token from an hourly price."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ttc_env
from curves.records.runs import Run
from ttc_env.curves import COLUMNS, TARIFF

USAGE = ("device_seconds", "prefill_seconds", "decode_seconds", "prompt_tokens", "generated_tokens", "joules")
PRICES = (COLUMNS[-1], *TARIFF)
LIST_PRICES = Path(ttc_env.__file__).parent / "data" / "llm_curves.csv"


class Tariff(NamedTuple):
    """List prices of a model: USD per million tokens generated, read and read from a cache, and a fee for each query.

    None where nothing is said: only generated tokens are billed, and cached ones as others that are read.
    """

    output: float
    input: float | None = None
    cached: float | None = None
    fee: float | None = None

    def columns(self) -> dict[str, float]:
        """What is said, by the columns of tables and lists of prices."""
        return {name: price for name, price in zip(PRICES, self, strict=True) if price is not None}


def find_prices(runs: Sequence[Run], path: Path) -> dict[str, Tariff]:
    """The prices of each model: as billed where a run says so and no list is given, else listed.

    Raises:
        ValueError: see `read_prices`.
    """
    billed: dict[str, Tariff] = {}
    for run in runs if path == LIST_PRICES else ():
        origins = run.metadata.get("levels", {"": run.metadata}).values()
        tariffs = {Tariff(*origin["tariff"]) if "tariff" in origin else None for origin in origins}
        if len(tariffs) == 1 and (tariff := tariffs.pop()) is not None:  # all levels of a ladder at the same prices
            billed[run.model] = tariff
    return billed | read_prices(path, [run.model for run in runs if run.model not in billed])


def read_prices(path: Path, models: Sequence[str]) -> dict[str, Tariff]:
    """The prices of each model, from a CSV with the columns `model` and `price_usd_per_mtok`, and others of `PRICES`.

    A model is found by its full name or by the part after the organisation.

    Raises:
        ValueError: missing columns, a price that is no number >= 0, two prices for one model, or a model without one.
    """
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if not lines or not {"model", PRICES[0]} <= set(lines[0]):
        raise ValueError(f"{path}: needs the columns model and {PRICES[0]}")
    listed: dict[str, set[Tariff]] = {}
    for line in lines:
        tariff = Tariff(*(_price(path, name, line[name]) if name in line else None for name in PRICES))  # type: ignore[arg-type]
        for name in {line["model"], line["model"].split("/")[-1]}:
            listed.setdefault(name, set()).add(tariff)
    prices = {}
    for model in models:
        found = listed.get(model) or listed.get(model.split("/")[-1]) or set()
        if len(found) != 1:
            raise ValueError(
                f"{path}: {len(found)} prices for {model!r}, need one; give it with --prices FILE.csv, "
                f"a table with the columns model and {PRICES[0]}; known here: {', '.join(listed)}"
            )
        prices[model] = next(iter(found))
    return prices


def _price(path: Path, column: str, text: str) -> float:
    try:
        price = float(text)
    except (TypeError, ValueError):
        price = math.nan
    if not (math.isfinite(price) and price >= 0):
        raise ValueError(f"{path}: {column} must be finite and >= 0, got {text!r}")
    return price


def usage_of(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the batches of a run used, those of all its levels where it is a ladder; empty for runs of others."""
    levels = metadata.get("levels", {"": metadata})
    return [batch for level in levels.values() for batch in level.get("usage", ())]


def total_usage(usage: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Sums over the batches of a measurement; None where a batch lacks a number."""

    def total(key: str) -> float | None:
        values = [batch[key] for batch in usage]
        return None if not values or None in values else float(sum(values))

    return {key: total(key) for key in USAGE}


def measured_usd_per_mtok(usage: Sequence[Mapping[str, Any]], hourly_usd: float | None) -> float | None:
    """USD per million generated tokens at an hourly price of one device; None without a price or usage."""
    total = total_usage(usage)
    if hourly_usd is None or not total["generated_tokens"]:
        return None
    return hourly_usd / 3600 * (total["device_seconds"] or 0.0) / total["generated_tokens"] * 1e6
