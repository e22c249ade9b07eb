"""The scripts that are killed: how each is started, what it has finished so far, and what it must have in the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from agents import checkpoints
from ttc_env.scripting.jsonl import read_lines

ROOT = Path(__file__).resolve().parents[2]


class Victim(NamedTuple):
    """A script.

    start: the command that starts it, or goes on, given the folder it works in.
    finished: what must never be lost again, as a list that only grows.
    result: what it leaves, in which killed and undisturbed ones must not differ.
    """

    name: str
    start: Callable[[Path], list[Any]]
    finished: Callable[[Path], list[Any]]
    result: Callable[[Path], dict[str, Any]]


def _python(script: str, *words: Any) -> list[Any]:
    return [sys.executable, ROOT / script, *words]


def _train(folder: Path) -> list[Any]:
    if (folder / "runs" / "it" / "config.json").exists():
        return _python("train/run.py", "--resume", "runs/it")
    words = ("--market", "gsm8k/reasoning_effort", "--num-markets", "4", "--algorithm", "q-learning", "--demand", "5")
    return _python(
        "train/run.py", *words, "--steps", "40000", "--checkpoint-seconds", "0", "--name", "it", "--overwrite"
    )


def _trained(folder: Path) -> list[Any]:
    """A mark for every update that a checkpoint which can be read has seen."""
    run = folder / "runs" / "it"
    if not any(run.glob("checkpoint*.safetensors")):
        return []
    return list(range(checkpoints.latest(run)["updates"]))


def _same_bytes(*names: str) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: {name: (folder / name).read_bytes() for name in names}


def _benchmark(folder: Path) -> list[Any]:
    words = (
        "--learner",
        "random",
        "hedge",
        "--task",
        "tokens-gsm8k",
        "auction-gpqa",
        "--seeds",
        "20",
        "--steps",
        "4000",
    )
    return _python("train/benchmark.py", *words, "--jobs", "2", "--name", "it", "--no-figures")


def _cells(folder: Path) -> dict[str, Any]:
    at = folder / "runs" / "benchmark" / "it"
    tables = {name: (at / name).read_bytes() for name in ("leaderboard.csv", "tasks.csv", "comparisons.csv")}
    cells = sorted((one["learner"], one["task"], one["seed"]) for one in read_lines(at / "results.jsonl"))
    return tables | {"cells": cells}


def _collusion(folder: Path) -> list[Any]:
    words = ("--mechanism.num-prices", "4", "--config.decay", "0.001", "--config.patience", "500", "--sessions", "60")
    return _python("train/collusion.py", *words, "--controls", "4", "--backend", "serial", "--name", "it")


def _measure(tiny: Path) -> Callable[[Path], list[Any]]:
    def start(folder: Path) -> list[Any]:
        given = {
            **{"model": tiny / "model", "provider": "org/tiny", "task": "arithmetic", "engine": "transformers"},
            **{"device": "cpu", "threads": 1, "samples": 6, "limit": 30, "max-tokens": 12, "batch": 3, "out": folder},
            **{"prompt": tiny / "prompt.json", "temperature": 1.0, "name": "run"},
        }
        return _python("curves/measure.py", *(f"--{key}={value}" for key, value in given.items()), "--budgets", 0, 4, 8)

    return start


def make_tiny_model(folder: Path) -> Path:
    """A model of random weights to be measured."""
    import torch

    from curves.nano_models.model import PROMPT, Size, make_model, make_tokenizer

    torch.manual_seed(0)
    make_model(Size(width=32, layers=1, heads=1)).save_pretrained(folder / "model")
    make_tokenizer().save_pretrained(folder / "model")
    (folder / "prompt.json").write_text(json.dumps(PROMPT))
    return folder


def victims(tiny: Path) -> list[Victim]:
    """All scripts that can go on after they were killed."""
    run, sessions, records = "runs/it", "runs/collusion/it/sessions.jsonl", "run/records.jsonl"
    return [
        Victim(
            "run.py", _train, _trained,
            _same_bytes(*(f"{run}/{name}" for name in ("metrics.csv", "summary.json", "checkpoint.safetensors"))),
        ),
        Victim(
            "benchmark.py", _benchmark,
            lambda folder: read_lines(folder / "runs" / "benchmark" / "it" / "results.jsonl"), _cells,
        ),
        Victim(
            "collusion.py", _collusion, lambda folder: read_lines(folder / sessions),
            _same_bytes("runs/collusion/it/sessions.csv", "runs/collusion/it/summary.json"),
        ),
        Victim("measure.py", _measure(tiny), lambda folder: read_lines(folder / records), _same_bytes(records)),
    ]  # fmt: skip
