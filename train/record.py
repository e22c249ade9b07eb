"""What a run leaves behind: configuration, metrics as CSV and TensorBoard, summary; times apart from results."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from agents import checkpoints
from agents.checkpoints import CHECKPOINT, PREVIOUS
from train.course import Followed, row
from ttc_env import Market
from ttc_env.batch import one_market
from ttc_env.scripting.files import replacing, write_columns, write_text


class RunFolder:
    """The folder of one run. Its metrics.csv and summary.json hold no times: equal runs write equal bytes.

    Args:
        path: created if need be.
        config: written to config.json at once; None where that is there.
    """

    def __init__(self, path: Path, config: dict[str, Any] | None) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self._events: SummaryWriter | None = None
        path.mkdir(parents=True, exist_ok=True)
        if config is not None:
            self.write_json("config.json", config)

    def clear(self) -> None:
        """Remove what was logged before a first checkpoint."""
        for name in ("metrics.csv", "timing.csv"):
            (self.path / name).unlink(missing_ok=True)

    def saved(self) -> dict[str, Any] | None:
        """The last checkpoint that can be read, if there is any."""
        return checkpoints.latest(self.path) if any(self.path.glob("checkpoint*")) else None

    def go_on(self, rows: int) -> None:
        """Go on after the first `rows` rows of what was logged; what came later is cut off.

        Raises:
            ValueError: there are fewer.
        """
        for name in ("metrics.csv", "timing.csv"):
            lines = (self.path / name).read_text(encoding="utf-8").splitlines(keepends=True)
            if len(lines) <= rows or not lines[rows].endswith("\n"):
                raise ValueError(f"{self.path / name} has fewer than the {rows} rows that its checkpoint counts")
            write_text(self.path / name, "".join(lines[: rows + 1]))
        with open(self.path / "metrics.csv", newline="", encoding="utf-8") as file:
            self.rows = [{name: _number(value) for name, value in row.items()} for row in csv.DictReader(file)]
        self._events = SummaryWriter(str(self.path), purge_step=self.rows[-1]["agent_steps"] + 1)

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint, all of it or nothing, and keep the one before."""
        path = self.path / CHECKPOINT
        with replacing(path) as draft:
            checkpoints.write(draft, state | {"rows": len(self.rows)})
            if path.exists():
                path.replace(self.path / PREVIOUS)

    def log(self, agent_steps: int, seconds: float, figures: dict[str, Any], losses: dict[str, float]) -> None:
        """Append a row to metrics.csv and timing.csv, and the numbers to the TensorBoard events."""
        found = row(agent_steps, figures)
        if self._events is None:
            self._events = SummaryWriter(str(self.path))
        for name, value in found.items():
            if isinstance(value, float):
                self._events.add_scalar(f"charts/{name}", value, agent_steps)
        for name, value in losses.items():
            self._events.add_scalar(f"losses/{name}", value, agent_steps)
        if seconds > 0:
            self._events.add_scalar("charts/SPS", agent_steps / seconds, agent_steps)
        self._append("metrics.csv", found)
        self._append("timing.csv", {"agent_steps": agent_steps, "seconds": round(seconds, 3)})
        self.rows.append(found)

    def _append(self, name: str, row: dict[str, Any]) -> None:
        with open(self.path / name, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if not self.rows:
                writer.writeheader()
            writer.writerow(row)

    def keep_market(self, market: Market) -> None:
        """Write down the market that is played, once.

        Raises:
            ValueError: another one is written down: the table that it was loaded from has changed since.
        """
        path, tables = self.path / "market.json", market_tables(market)
        if not path.exists():
            self.write_json(path.name, tables)
        elif json.loads(path.read_text(encoding="utf-8")) != json.loads(json.dumps(tables)):
            raise ValueError(f"the market is not that of {path}, in which this run was started; its table has changed")

    def finish(self, followed: Followed) -> None:
        """Write down what a training came to, what matters most first.

        The summary says that a run is finished, so it comes after the last checkpoint: a run that is killed between the
        two, or whose checkpoint finds no room, is one to go on with.
        """
        if followed.path is not None:
            write_columns(self.path / "path.csv", followed.path)
        saved = False
        try:
            followed.save()
            saved = True
        finally:
            self.write_json("summary.json", followed.summary | ({} if saved else {"interrupted": True}))

    def draw(self, market: Market, final: dict[str, Any]) -> None:
        """Draw the figures of a finished run, each in about a second."""
        from train.figures import draw_outcome, draw_policy, draw_training  # loads Matplotlib

        draw_training(self.path / "training.png", market, self.rows, final)
        draw_outcome(self.path / "outcome.png", market, final)
        if "levels_by_state" in final:
            draw_policy(self.path / "policy.png", market, final)

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


def market_tables(market: Any) -> dict[str, Any]:
    """The tables of a market for market.json, `(n, m)`, USD per query; of a mixture their means over its types."""
    single: Any = one_market(market)
    types = getattr(single, "num_types", 1)
    found: dict[str, Any] = {"query_types": types}
    for name in ("quality", "price", "cost"):
        table = np.asarray(getattr(single, name))
        found[name] = (np.average(table, axis=0, weights=single.weights) if table.ndim == 3 else table).tolist()
    return found


def _number(value: str) -> Any:
    """A cell of metrics.csv as it was before it was written."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
