"""What all figures share: colours, type, and how names and titles of users are set in them as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from ttc_env.names import printable, short_names
from ttc_env.scripting.files import replacing

# Okabe and Ito's palette, told apart by colour-blind readers
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "savefig.dpi": 160,
    "savefig.bbox": "tight",
}


def provider_labels(names: Sequence[str]) -> list[str]:
    """The short names of a market's providers for a figure, no two the same."""
    return [_as_it_stands(name) for name in short_names([_drawable(name) for name in names])]


def label(text: str) -> str:
    """Text of a user for a figure: nothing in it is mathematics, and no letter in it is missing."""
    return _as_it_stands(_drawable(printable(text)))


def save(figure: Any, path: Path) -> None:
    """Write a figure, all of it or nothing, and close it."""
    with replacing(path) as draft:
        figure.savefig(draft, metadata={"Software": None})  # the same bytes under every version
    plt.close(figure)


def _as_it_stands(text: str) -> str:
    """Matplotlib takes an even number of dollars for mathematics, and leaves labels out that begin with `_`."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _drawable(text: str) -> str:
    """Letters that the font lacks, as escapes: the same figure wherever it is drawn."""
    letters = _letters()
    return "".join(c if ord(c) in letters or c == "\n" else c.encode("unicode_escape").decode() for c in text)


@cache
def _letters() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont(STYLE["font.family"])).get_charmap())
