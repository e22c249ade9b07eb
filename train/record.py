"""What a run leaves behind: configuration, metrics as CSV and TensorBoard, summary."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

CURVES = ("nash_conv", "relative_nash_conv", "welfare", "user_value", "provider_profit", "payment")
AUCTION_CURVES = ("winner_efficiency", "truthfulness_gap")


@contextmanager
def new_folder(path: Path, overwrite: bool) -> Iterator[Path]:
    """A folder for a run. An error before anything was measured leaves things as they were.

    Raises:
        ValueError: it exists and may not be overwritten.
    """
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists; choose another --name, or replace it with --overwrite")
    former = path.with_name(f".{path.name}.former")
    if path.exists():
        path.rename(former)
    path.mkdir(parents=True)
    try:
        yield path
    except BaseException:
        if not any(path.rglob("metrics.csv")):
            shutil.rmtree(path)
            if former.exists():
                former.rename(path)
        raise
    shutil.rmtree(former, ignore_errors=True)


class RunFolder:
    """The folder of one run.

    Args:
        path: created if need be.
        config: written to config.json at once.
    """

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self._events: SummaryWriter | None = None
        path.mkdir(parents=True, exist_ok=True)
        self.write_json("config.json", config)

    def log(self, agent_steps: int, seconds: float, figures: dict[str, Any], losses: dict[str, float]) -> None:
        """Append a row to metrics.csv and its numbers to the TensorBoard events."""
        row: dict[str, Any] = {"agent_steps": agent_steps, "seconds": round(seconds, 3)}
        row |= {name: figures[name] for name in (*CURVES, *AUCTION_CURVES) if name in figures}
        row |= {"at_equilibrium": int(figures["at_equilibrium"]), "levels": " ".join(map(str, figures["levels"]))}
        if self._events is None:
            self._events = SummaryWriter(str(self.path))
        for name, value in row.items():
            if isinstance(value, float) and name != "seconds":
                self._events.add_scalar(f"charts/{name}", value, agent_steps)
        for name, value in losses.items():
            self._events.add_scalar(f"losses/{name}", value, agent_steps)
        if seconds > 0:
            self._events.add_scalar("charts/SPS", agent_steps / seconds, agent_steps)
        with open(self.path / "metrics.csv", "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if not self.rows:
                writer.writeheader()
            writer.writerow(row)
        self.rows.append(row)

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, all of it or nothing."""
        draft = self.path / f".{name}.part"
        draft.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
        os.replace(draft, self.path / name)

    def close(self) -> None:
        """Finish the TensorBoard events."""
        if self._events is not None:
            self._events.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
