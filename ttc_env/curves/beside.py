"""What stands beside a table in an `.npz` file: joint bootstrap draws, and outcomes question by question."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ttc_env.curves.measured import Curves
from ttc_env.curves.reading import AMOUNTS, read_curves
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
    return [one.market(**parameters) for one in recorded_curves(source, "draws", name=name)]


def recorded_curves(
    source: str | os.PathLike[str], kind: Literal["draws", "questions"], *, name: str | None = None
) -> list[Curves]:
    """The curves of each joint bootstrap draw, or of each question; arguments and errors as in `load_draws`.

    Input tokens are those of the table where none were recorded beside it.
    """
    curves = load_curves(source, name=name)
    accuracy, tokens, *read = _beside(source, curves, kind)
    if curves.surcharge is None or not read:
        return [replace(curves, accuracy=one, tokens=other) for one, other in zip(accuracy, tokens, strict=True)]
    return [
        replace(
            curves,
            accuracy=one,
            tokens=other,
            surcharge=replace(curves.surcharge, input_tokens=new, cached_tokens=cached),
        )
        for one, other, new, cached in zip(accuracy, tokens, *read, strict=True)
    ]


def load_outcomes(source: str | os.PathLike[str], *, name: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Probability of a right answer and mean tokens of every model and level on every question, each `(n, m, Q)`.

    Their means over questions are the curves. Arguments and errors as in `load_draws`.
    """
    accuracy, tokens, *_ = _beside(source, load_curves(source, name=name), "questions")
    return np.moveaxis(accuracy, 0, -1), np.moveaxis(tokens, 0, -1)


def _beside(source: str | os.PathLike[str], curves: Curves, kind: Literal["draws", "questions"]) -> list[np.ndarray]:
    """Accuracy and tokens, and input and cached tokens where they were recorded, each `(kind, n, m)`."""
    shipped = (DATA / file for file in TABLES if curves.name in read_curves(DATA / file))
    path = (Path(source).expanduser() if is_path(source) else next(shipped)).with_suffix(".npz")
    if not path.is_file():
        what = {"draws": "draws", "questions": "recorded outcomes"}[kind]
        raise ValueError(f"{curves.name} has no {what} beside its table: {path} does not exist")
    method = curves.name.split("/")[1]
    try:
        with np.load(path, allow_pickle=False) as file:
            read = AMOUNTS if f"{method}.{AMOUNTS[0]}.{kind}" in file else ()
            found = [file[f"{method}.{quantity}.{kind}"].astype(float) for quantity in ("accuracy", "tokens", *read)]
    except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: {kind} of {curves.name} cannot be read; build the table again ({error})") from None
    shape = curves.accuracy.shape
    if any(values.shape[1:] != shape for values in found) or len({len(values) for values in found}) > 1:
        raise ValueError(f"{path}: {kind} of {curves.name} have shape {found[0].shape}, its table {shape}")
    return found
