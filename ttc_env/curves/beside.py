"""What stands beside a table in an `.npz` file: joint bootstrap draws, and outcomes question by question."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ttc_env.curves.measured import Curves
from ttc_env.curves.reading import read_curves
from ttc_env.curves.shipped import DATA, TABLES, is_path, load_curves
from ttc_env.market import Market


def load_draws(source: str | os.PathLike[str], *, name: str | None = None, **parameters: Any) -> list[Market]:
    """The same market with accuracies and tokens from each joint bootstrap draw over questions.

    All models and levels of a draw share their luck with the questions, so differences between them keep their true
    noise: `equilibrium.interval(statistic, load_draws("nano/best_of_n"))`.

    Args:
        source: as in `load_market`; a table that has an `.npz` file beside it.
        name: as in `load_market`.
        parameters: keywords of `Curves.market`.

    Raises:
        ValueError: nothing stands beside the table, or what does is of another shape.
    """
    curves = load_curves(source, name=name)
    accuracy, tokens = _beside(source, curves, "draws", curves.accuracy.shape)
    return [
        replace(curves, accuracy=one, tokens=other).market(**parameters)
        for one, other in zip(accuracy, tokens, strict=True)
    ]


def load_outcomes(source: str | os.PathLike[str], *, name: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Probability of a right answer and mean tokens of every model and level on every question, each `(n, m, Q)`.

    Their means over questions are the curves. Arguments and errors as in `load_draws`.
    """
    curves = load_curves(source, name=name)
    accuracy, tokens = (
        np.moveaxis(values, 0, -1) for values in _beside(source, curves, "questions", curves.accuracy.shape)
    )
    return accuracy, tokens


def _beside(
    source: str | os.PathLike[str], curves: Curves, kind: str, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and tokens, `(kind, n, m)`, from the `.npz` file beside a table."""
    shipped = (DATA / file for file in TABLES if curves.name in read_curves(DATA / file))
    path = (Path(source).expanduser() if is_path(source) else next(shipped)).with_suffix(".npz")
    if not path.is_file():
        what = {"draws": "draws", "questions": "recorded outcomes"}[kind]
        raise ValueError(f"{curves.name} has no {what} beside its table: {path} does not exist")
    method = curves.name.split("/")[1]
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [file[f"{method}.{quantity}.{kind}"].astype(float) for quantity in ("accuracy", "tokens")]
    except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: {kind} of {curves.name} cannot be read; build the table again ({error})") from None
    if any(values.shape[1:] != shape for values in found):
        raise ValueError(f"{path}: {kind} of {curves.name} have shape {found[0].shape}, its table {shape}")
    return found[0], found[1]
