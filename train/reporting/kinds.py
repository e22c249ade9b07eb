"""Which script a folder is of, by the file it always leaves, and the report of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from train.reporting.page import REPORT, Page, write

KINDS = {
    "config.json": ("run.py", "train.reporting.run_page:run_page"),
    "results.jsonl": ("benchmark.py", "train.reporting.benchmark_page:benchmark_page"),
    "sessions.jsonl": ("collusion.py", "train.reporting.collusion_page:collusion_page"),
    "differences.csv": ("compare_mechanisms.py", "train.reporting.mechanisms_page:mechanisms_page"),
    "sweep.csv": ("reproduce.py", "train.reporting.reproduce_page:reproduce_page"),
}
"""by that file: the script, and what makes the page of its folders"""


def write_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one folder, or of several of run.py side by side; returns the file.

    Args:
        folders: of runs.
        out: the file; by default report.html in the folder, or beside the folders of several.

    Raises:
        ValueError: a folder of none of the scripts, several of which one is not of run.py, or one without results.
    """
    kinds = [_kind(folder) for folder in folders]
    if len(folders) == 1:
        (only,) = kinds
    else:
        only = KINDS["config.json"]
        for folder, kind in zip(folders, kinds, strict=True):
            if kind != only:
                raise ValueError(f"only runs of train/run.py stand side by side; {folder} is one of train/{kind[0]}")
    path = out or (folders[0] if len(folders) == 1 else folders[0].resolve().parent) / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, _maker(only[1])(folders))
    return path


def _kind(folder: Path) -> tuple[str, str]:
    for name, kind in KINDS.items():
        if (folder / name).exists():
            return kind
    raise ValueError(f"{folder} is no folder of a run: it has none of {', '.join(KINDS)}")


def _maker(place: str) -> Callable[[Sequence[Path]], Page]:
    module, name = place.split(":")
    return getattr(import_module(module), name)
