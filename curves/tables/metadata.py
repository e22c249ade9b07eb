"""The provenance that stands beside every table, checked against `metadata.schema.json` before it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curves.records.runs import Extraction, Run
from curves.records.stamps import commit, now
from curves.tables.prices import Tariff, total_usage
from curves.tables.table import Table

SCHEMA = Path(__file__).with_name("metadata.schema.json")


def describe(
    tables: Sequence[Table],
    runs: Sequence[Run],
    prices: Mapping[str, Tariff],
    *,
    extraction: Extraction,
    draws: int,
    seed: int,
    strict: Sequence[Run] = (),
    label: str = "",
    redistributable: bool = False,
    repeated_prompt: str = "input",
) -> dict[str, Any]:
    """Everything needed to know how a table came about.

    Args:
        tables: the curves.
        runs: what they were built from.
        prices: list prices.
        extraction: how answers were read.
        draws: bootstrap draws beside the table, made with `seed`.
        seed: see `draws`.
        strict: the same runs with strict extraction, to report both.
        label: a remark, for example that this was measured on a CPU.
        redistributable: whether the table may be passed on.
        repeated_prompt: how the prompt is billed with later samples of a query, recorded where input is billed.

    Raises:
        ValueError: something is missing or of the wrong type.
    """
    content: dict[str, Any] = {
        "schema_version": 1,
        "created": now(),
        "commit": commit(),
        "label": label,
        "redistributable": redistributable,
        "markets": {table.name: list(table.levels) for table in tables},
        "extraction": extraction,
        "questions": list(tables[0].questions),
        "bootstrap": {"draws": draws, "seed": seed},
        "models": [
            {
                "model": run.model,
                **prices[run.model].columns(),
                "rates": rates(run)
                | {f"strict_{key}": value for other in strict[i : i + 1] for key, value in rates(other).items()},
                "origin": _origin(run.metadata),
            }
            for i, run in enumerate(runs)
        ],
    }
    if any(tariff.input is not None for tariff in prices.values()):
        content["repeated_prompt"] = repeated_prompt
    _check(content)
    return content


def _check(content: dict[str, Any]) -> None:
    import jsonschema  # takes a fifth of a second to load, and wrong arguments should not wait for it

    try:
        jsonschema.validate(content, json.loads(SCHEMA.read_text(encoding="utf-8")))
    except jsonschema.ValidationError as error:
        raise ValueError(f"provenance: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}") from None


def rates(run: Run) -> dict[str, float]:
    """Fractions over all samples: right, cut off at the limit, and finished without an answer that can be read."""
    samples = list(run.questions.values())
    truncated = np.concatenate([given.truncated for given in samples])
    unparsed = np.concatenate([given.answer for given in samples]) < 0
    accuracy = np.mean([given.correct.mean() for given in samples])
    return {
        "accuracy": float(accuracy),
        "truncated": float(truncated.mean()),
        "unparsed": float((unparsed & ~truncated).mean()),
    }


def _origin(metadata: Mapping[str, Any]) -> dict[str, Any]:
    origin = dict(metadata) | ({"usage": total_usage(metadata["usage"])} if "usage" in metadata else {})
    if "levels" in metadata:
        origin["levels"] = {name: _origin(level) for name, level in metadata["levels"].items()}
    return origin
