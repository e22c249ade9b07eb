"""What `render()` gives in each mode."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ttc_env.batch import one_market
from ttc_env.envs.vector import VectorMarket
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism
from ttc_env.rendering.text import period_table

if TYPE_CHECKING:
    from ttc_env.rendering.picture import MarketPicture

RENDER_MODES = ("human", "ansi", "rgb_array")
METADATA = {"render_modes": list(RENDER_MODES), "render_fps": 2}  # periods have no length; two a second can be read


@lru_cache(maxsize=16)
def _picture(market: Market, mechanism: Mechanism, max_cycles: int) -> MarketPicture:
    from ttc_env.rendering.picture import MarketPicture  # Pillow is loaded where pictures are drawn, not at start-up

    return MarketPicture(market, mechanism, max_cycles)


def render_period(
    engine: VectorMarket, info: dict[str, Any], render_mode: str | None, row: int = 0
) -> str | np.ndarray | None:
    """The last period of a market: a text in mode `"ansi"`, printed in mode `"human"`, a picture in `"rgb_array"`.

    Raises:
        ValueError: a picture is asked for and Pillow is not installed.
    """
    market, game, outcome = one_market(engine.market), engine.game, info.get("outcome")
    period = 0 if outcome is None else int(engine.record().period[row])
    if period == 0:  # what it was before a reset is over
        outcome = None
    if render_mode == "rgb_array":
        return _picture(market, game.mechanism, game.max_cycles).frame(period, outcome, row)
    text = "no period has been played"
    if outcome is not None:
        text = period_table(market, game.mechanism, period, outcome, row)
    if render_mode == "human":
        print(text)
    return text if render_mode == "ansi" else None


def check_render_mode(render_mode: str | None) -> str | None:
    """The render mode, if it is one.

    Raises:
        ValueError: it is not.
    """
    if render_mode is not None and (not isinstance(render_mode, str) or render_mode not in RENDER_MODES):
        raise ValueError(f"unknown render_mode {render_mode!r}; allowed: None, {', '.join(RENDER_MODES)}")
    return render_mode
