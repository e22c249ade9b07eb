"""What a run leaves behind: configuration, metrics as CSV and TensorBoard, summary; times apart from results."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from ttc_env.scripting.files import write_text

CURVES = ("nash_conv", "relative_nash_conv", "welfare", "user_value", "provider_profit", "payment")
AUCTION_CURVES = ("winner_efficiency", "truthfulness_gap")


class RunFolder:
    """The folder of one run. Its metrics.csv and summary.json hold no times: equal runs write equal bytes.

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
        """Append a row to metrics.csv and timing.csv, and the numbers to the TensorBoard events."""
        row: dict[str, Any] = {"agent_steps": agent_steps}
        row |= {name: figures[name] for name in (*CURVES, *AUCTION_CURVES) if name in figures}
        row |= {"at_equilibrium": int(figures["at_equilibrium"]), "levels": " ".join(map(str, figures["levels"]))}
        if self._events is None:
            self._events = SummaryWriter(str(self.path))
        for name, value in row.items():
            if isinstance(value, float):
                self._events.add_scalar(f"charts/{name}", value, agent_steps)
        for name, value in losses.items():
            self._events.add_scalar(f"losses/{name}", value, agent_steps)
        if seconds > 0:
            self._events.add_scalar("charts/SPS", agent_steps / seconds, agent_steps)
        self._append("metrics.csv", row)
        self._append("timing.csv", {"agent_steps": agent_steps, "seconds": round(seconds, 3)})
        self.rows.append(row)

    def _append(self, name: str, row: dict[str, Any]) -> None:
        with open(self.path / name, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if not self.rows:
                writer.writeheader()
            writer.writerow(row)

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, all of it or nothing."""
        write_text(self.path / name, json.dumps(content, indent=2, default=str) + "\n")

    def close(self) -> None:
        """Finish the TensorBoard events."""
        if self._events is not None:
            self._events.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
