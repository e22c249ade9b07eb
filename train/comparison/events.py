"""TensorBoard events of finished benchmark cells."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from ttc_env.scripting.files import file_name


def write_events(folder: Path, record: dict[str, Any]) -> None:
    """Write the learning curve and the scores of a cell below `folder`, unless they are there; all or nothing."""
    learner = file_name(record["learner"].replace(":", "."))
    path = folder / learner / file_name(record["task"]) / f"seed{record['seed']}"
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    curve = record["curve"]
    with SummaryWriter(str(draft)) as events:
        for k, steps in enumerate(curve["steps"]):
            for name in curve.keys() - {"steps", "seconds"}:
                if curve[name][k] is not None:
                    events.add_scalar(f"charts/{name}", curve[name][k], steps)
            if curve["seconds"][k] > 0:
                events.add_scalar("charts/SPS", steps / curve["seconds"][k], steps)
        for name, value in record["metrics"].items():
            events.add_scalar(f"final/{name}", value, curve["steps"][-1])
    try:
        draft.rename(path)
    except OSError:  # another run has just written it
        shutil.rmtree(draft)
