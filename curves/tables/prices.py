"""What a token costs: list prices from a file, and measured USD per token from an hourly price."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ttc_env
from curves.records.runs import Run

USAGE = ("device_seconds", "prefill_seconds", "decode_seconds", "prompt_tokens", "generated_tokens", "joules")
LIST_PRICES = Path(ttc_env.__file__).parent / "data" / "llm_curves.csv"


def find_prices(runs: Sequence[Run], path: Path) -> dict[str, float]:
    """USD per million generated tokens of each model: as billed where a run says so and no list is given, else listed.

    Raises:
        ValueError: see `read_prices`.
    """
    billed = {run.model: float(run.metadata["usd_per_mtok"]) for run in runs if "usd_per_mtok" in run.metadata}
    if path != LIST_PRICES:
        billed = {}
    return billed | read_prices(path, [run.model for run in runs if run.model not in billed])


def read_prices(path: Path, models: Sequence[str]) -> dict[str, float]:
    """USD per million tokens of each model, from a CSV with the columns `model` and `price_usd_per_mtok`.

    A model is found by its full name or by the part after the organisation.

    Raises:
        ValueError: missing columns, a price that is no number >= 0, two prices for one model, or a model without one.
    """
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if not lines or not {"model", "price_usd_per_mtok"} <= set(lines[0]):
        raise ValueError(f"{path}: needs the columns model and price_usd_per_mtok")
    listed: dict[str, set[float]] = {}
    for line in lines:
        price = _price(path, line["price_usd_per_mtok"])
        for name in {line["model"], line["model"].split("/")[-1]}:
            listed.setdefault(name, set()).add(price)
    prices = {}
    for model in models:
        found = listed.get(model) or listed.get(model.split("/")[-1]) or set()
        if len(found) != 1:
            raise ValueError(
                f"{path}: {len(found)} prices for {model!r}, need one; give it with --prices FILE.csv, "
                f"a table with the columns model and price_usd_per_mtok; known here: {', '.join(listed)}"
            )
        prices[model] = next(iter(found))
    return prices


def _price(path: Path, text: str) -> float:
    try:
        price = float(text)
    except (TypeError, ValueError):
        price = math.nan
    if not (math.isfinite(price) and price >= 0):
        raise ValueError(f"{path}: price_usd_per_mtok must be finite and >= 0, got {text!r}")
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
