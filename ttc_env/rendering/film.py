"""Pictures of periods one after another, as a moving picture. Needs Pillow, the extra `render`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np


def write_film(path: str | os.PathLike[str], frames: Sequence[np.ndarray], milliseconds: int = 200) -> None:
    """Write frames `(height, width, 3)` uint8 as a GIF that starts again at its end.

    Raises:
        ValueError: no frames, or Pillow is not installed.
    """
    if not len(frames):
        raise ValueError("a film needs at least one frame, got none")
    try:
        from PIL import Image
    except ImportError:
        raise ValueError("films need Pillow: pip install 'ttc-env[render]'") from None
    first, *others = (Image.fromarray(frame).quantize(64) for frame in frames)
    first.save(path, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=True)
