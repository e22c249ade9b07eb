"""Learning curves as numbers: the score after parts of the training, and on average over all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

PARTS = {"quarter": 0.25, "half": 0.5}
"""of the agent steps of a cell, by name"""


def heights(curve: Mapping[str, Any]) -> dict[str, float]:
    """Of the curve of a cell the score after each of `PARTS`, and `area`: the mean score over the agent steps.

    Between the points of the curve the score is taken to be linear. The area is that under the curve, over the steps:
    1 is an equilibrium from the first step on, so that it measures how few steps were needed.
    """
    steps, score = np.array(curve["steps"], dtype=float), np.array(curve["score"], dtype=float)
    if len(steps) == 1:
        return {name: float(score[0]) for name in (*PARTS, "area")}
    found = {name: float(np.interp(part * steps[-1], steps, score)) for name, part in PARTS.items()}
    area = float(np.sum(np.diff(steps) * (score[1:] + score[:-1]) / 2))
    return found | {"area": area / float(steps[-1] - steps[0])}
