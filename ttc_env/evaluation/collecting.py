"""Results as data: runs, studies and benchmarks below a folder as pandas tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ttc_env.describing import describe

STORE = "results.jsonl"
"""of a benchmark or a study, a line for each cell"""
_LISTS = {"levels": "level", "shares": "share", "profits": "profit", "payments": "payment"}
_IDENTITY = ("market", "mechanism", "dynamics", "beta", "algorithm", "seed", "demand")


class Results(NamedTuple):
    """Tables of what was found; those of what was not found are empty. Money is USD per query, shares are fractions.

    runs: a row for each finished seed of `train/run.py`: `run` (its folder), market, mechanism, dynamics, beta (1/USD),
        algorithm, seed, demand, what else describes the market (`market.NAME`), hyper-parameters (`config.NAME`),
        agent_steps, interrupted, and the figures of summary.json, those of the equilibrium as `nash_NAME`.
    providers: a row for each provider of these: run, seed, provider, level (physical compute), share, profit, and the
        equilibrium's as `nash_NAME`.
    cells: a row for each cell of a benchmark or a study: `store` (its folder), its place (suite, task and learner, or
        arguments such as `market.beta`), seed, figures, and seconds.
    curves: a row for each evaluation on the way: run or store with task and learner, seed, agent_steps, figures.
    """

    runs: Any
    providers: Any
    cells: Any
    curves: Any


def results(*paths: str | Path) -> Results:
    """What runs, studies and benchmarks left in folders, or in folders below them.

    Args:
        paths: of a run, a benchmark or a study; or of a folder that holds some, such as `runs`.

    Raises:
        ImportError: pandas is not installed.
        ValueError: nothing finished is there, or a file is damaged, naming it.
        FileNotFoundError: there is no such folder.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("results are pandas tables: pip install 'ttc-env[results]'") from None
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in Results._fields}
    for path in map(Path, paths):
        if not path.is_dir():
            raise FileNotFoundError(f"there is no folder {path}")
        before = sum(map(len, found.values()))
        for file in sorted(path.rglob("summary.json")):
            if (file.parent / "metrics.csv").exists() and (file.parent / "config.json").exists():
                _add_run(file.parent, found, pd)
        for file in sorted(path.rglob(STORE)):
            _add_store(file, found)
        if sum(map(len, found.values())) == before:
            raise ValueError(f"{path} holds no finished run, benchmark or study")
    return Results(*(pd.DataFrame(rows) for rows in found.values()))


def _add_run(folder: Path, found: dict[str, list[dict[str, Any]]], pd: Any) -> None:
    config, summary = _read(folder / "config.json"), _read(folder / "summary.json")
    identity = {"run": str(folder), "seed": summary["seed"]}
    market = describe(config["market"]).to_dict()
    described = {f"market.{name}": _cell(value) for name, value in market.items() if name not in ("source", "beta")}
    settings = {f"config.{name}": _cell(value) for name, value in config["config"].items()}
    known = {name: summary[name] for name in _IDENTITY}
    figures = {name: value for name, value in summary.items() if not isinstance(value, list | dict)}
    found["runs"].append(identity | known | described | settings | figures)
    columns = {
        who + one: summary[who + many] for who in ("", "nash_") for many, one in _LISTS.items() if who + many in summary
    }
    for i, provider in enumerate(config["providers"]):
        row = {name: values[i] for name, values in columns.items()}
        row |= {name: config["level_grid"][k] for name, k in row.items() if name.endswith("level")}
        found["providers"].append(identity | {"provider": provider} | row)
    curve = pd.read_csv(folder / "metrics.csv").to_dict("records")
    found["curves"] += [identity | row for row in curve]


def _add_store(file: Path, found: dict[str, list[dict[str, Any]]]) -> None:
    for record in _lines(file):
        identity = {"store": str(file.parent)} | _place(record) | {"seed": record["seed"]}
        figures = record.get("figures", record.get("metrics", {}))
        found["cells"].append(identity | figures | {"seconds": record["seconds"]})
        curve = record.get("curve", {})
        names = {"steps": "agent_steps"} | {name: name for name in curve if name != "steps"}
        for values in zip(*(curve[name] for name in names if name in curve), strict=True):
            found["curves"].append(identity | dict(zip(names.values(), values, strict=True)))


def _place(record: Mapping[str, Any]) -> dict[str, Any]:
    """Where a cell stands: its task and learner, or the arguments of its run with those of tables as `market.beta`."""
    if "arguments" not in record:
        return {name: record[name] for name in ("suite", "task", "learner")}
    place: dict[str, Any] = {}
    for name, value in json.loads(record["arguments"]).items():
        if isinstance(value, Mapping):
            place |= {f"{name}.{part}".removesuffix(".source"): _cell(inner) for part, inner in value.items()}
        else:
            place[name] = _cell(value)
    return place


def _cell(value: Any) -> Any:
    """A value as a cell of a table: what is no single one as JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The finished lines of a store; one that a killed process left unfinished is no line."""
    *lines, _ = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}, is damaged: {error}") from None
