"""One period of a market as a picture: curves and levels, offers, shares, profits, and welfare against the optimum.

What stays is drawn once; a frame of nine providers then takes a few milliseconds. Needs Pillow, the extra `render`.
"""

from __future__ import annotations

import colorsys
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ttc_env.equilibrium import StageGame, Unanswered
from ttc_env.market import Market
from ttc_env.mechanisms import Mechanism, Outcome
from ttc_env.names import short_names

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError:  # the rest of the library does without
    Image = None  # type: ignore[assignment]

SIZE = 640, 400
INK, MUTED, LINE, PAPER = "#1f2328", "#6a737d", "#d8dee4", "#ffffff"
USERS, PROVIDERS = "#009E73", "#0072B2"
HUES = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A6D00", "#7F7F7F", "#4B0092")
LEFT, TOP, RIGHT, BOTTOM = 46, 66, 296, 302  # of the curves
TABLE, ROWS, LAST, TALLEST = 322, 60, 326, 34  # left edge of the table, its rows from top to bottom, and their height
COLUMNS = {"level": 452, "ask": 504, "share": 566, "profit": 626}  # right edges
SMALLEST = 11  # height of a row that still has text
FINE = 4  # times as large as it is shown a curve is drawn


class MarketPicture:
    """Draws periods of one market, 640 x 400 pixels.

    Args:
        market: the market, NumPy.
        mechanism: how it is cleared.
        max_cycles: periods of an episode.

    Raises:
        ValueError: Pillow is not installed.
    """

    def __init__(self, market: Market, mechanism: Mechanism, max_cycles: int) -> None:
        if Image is None:
            raise ValueError("pictures need Pillow: pip install 'ttc-env[render]', or render_mode='ansi'")
        self.market, self.mechanism, self.max_cycles = market, mechanism, max_cycles
        n = market.num_providers
        self.colours = HUES[:n] if n <= len(HUES) else [_hue(i / n) for i in range(n)]
        self.rows = ROWS + min(TALLEST, (LAST - ROWS) / n) * np.arange(n + 1)
        self.texts = self.rows[1] - self.rows[0] >= SMALLEST

    def frame(self, period: int, outcome: Outcome | None, row: int = 0) -> np.ndarray:
        """The picture after `period` periods, the last of which ended so in a row of a batch: `(400, 640, 3)` uint8."""
        image = self._still.copy()
        draw = ImageDraw.Draw(image)
        draw.text((SIZE[0] - 14, 12), f"period {period} of {self.max_cycles}", INK, _font(13), anchor="ra")
        if outcome is not None:
            self._levels(draw, outcome, row)
            self._table(draw, outcome, row)
            self._welfare(draw, outcome, row)
        return np.asarray(image)

    @cached_property
    def optimum(self) -> float | None:
        """The highest welfare there is, USD; None where the game cannot tell."""
        try:
            return StageGame(self.market, self.mechanism).welfare_optimum().value
        except Unanswered:
            return None

    @cached_property
    def _still(self) -> Any:
        """What does not change: title, axes, curves, names."""
        image = Image.new("RGB", SIZE, PAPER)
        draw, market = ImageDraw.Draw(image), self.market
        draw.text((14, 12), self.mechanism.name.replace("_", " "), INK, _font(15))
        draw.text((14, 36), "what a sale adds to welfare, by compute level", MUTED, _font(12))
        for tick in _ticks(*self._span):
            y = self._height(tick / 1000)
            draw.line((LEFT, y, RIGHT, y), LINE)
            draw.text((LEFT - 6, y), f"{tick:g}", MUTED, _font(10), anchor="rm")
        for k, level in enumerate(market.levels):
            draw.text((self._place(k), BOTTOM + 8), f"{level:g}", MUTED, _font(10), anchor="ma")
        image.paste(*self._curves())
        for name, right in COLUMNS.items():
            draw.text((right, 36), name, MUTED, _font(12), anchor="ra")
        draw.text((TABLE + 14, 36), "provider", MUTED, _font(12))
        names = short_names(market.providers, 14)
        for name, colour, top, bottom in zip(names, self.colours, self.rows, self.rows[1:], strict=False):
            middle, half = (top + bottom) / 2, min(4.0, (bottom - top) / 2 - 1)
            draw.rectangle((TABLE, middle - half, TABLE + 8, middle + half), colour)
            if self.texts:
                draw.text((TABLE + 14, middle), name, INK, _font(11), anchor="lm")
        draw.text((14, 388), "USD per 1,000 queries", MUTED, _font(12), anchor="lm")
        return image

    def _curves(self) -> tuple[Any, tuple[int, int], Any]:
        """The curves and what shows them: drawn large and made small, which smooths them."""
        large = Image.new("RGBA", (SIZE[0] * FINE, SIZE[1] * FINE), (255, 255, 255, 0))
        draw = ImageDraw.Draw(large)
        for row, colour in zip(self.market.welfare_contribution, self.colours, strict=True):
            points = [(FINE * self._place(k), FINE * self._height(float(value))) for k, value in enumerate(row)]
            if len(points) > 1:
                draw.line(points, colour, round(1.6 * FINE), joint="curve")
        small = large.resize(SIZE, Image.Resampling.LANCZOS)
        return small.convert("RGB"), (0, 0), small.getchannel("A")

    def _levels(self, draw: Any, outcome: Outcome, row: int) -> None:
        """A dot on each curve, as large as the provider's share."""
        for i, colour in enumerate(self.colours):
            level, share = int(outcome.bids.level[row, i]), max(0.0, float(outcome.shares[row, i]))
            x, y = self._place(level), self._height(float(self.market.welfare_contribution[i, level]))
            radius = 3 + 9 * share**0.5
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour, PAPER)

    def _table(self, draw: Any, outcome: Outcome, row: int) -> None:
        """Level and ask in numbers, share and profit as bars too, each relative to the largest."""
        profits = np.asarray(outcome.utility[row], dtype=float)
        widest = float(np.abs(profits).max()) or 1.0
        for i, (top, bottom) in enumerate(zip(self.rows, self.rows[1:], strict=False)):
            middle, level = (top + bottom) / 2, self.market.levels[int(outcome.bids.level[row, i])]
            share, profit = float(outcome.shares[row, i]), float(profits[i])
            for name, part, colour in (
                ("share", share, self.colours[i]),
                ("profit", abs(profit) / widest, "#D55E00" if profit < 0 else self.colours[i]),
            ):
                right = COLUMNS[name]
                left, length = right - 54, 54 * min(1.0, max(0.0, part))
                draw.rectangle((left, top + 1, left + length, max(top + 1, bottom - 2)), _pale(colour))
            if self.texts:
                ask = float(outcome.bids.ask[row, i])
                cells = (f"{level:g}", f"{1000 * ask:.3f}", f"{share:.1%}", f"{1000 * profit:.3f}")
                for right, cell in zip(COLUMNS.values(), cells, strict=True):
                    draw.text((right - 2, middle), cell, INK, _font(11), anchor="rm")

    def _welfare(self, draw: Any, outcome: Outcome, row: int) -> None:
        """Who has what of the welfare, on a track that ends at the optimum."""
        users, profit = float(outcome.user_value[row]), float(outcome.utility[row].sum())
        whole = max(self.optimum or 0.0, users + profit, 1e-300)
        left, right, top, bottom = 14, 626, 352, 370
        draw.rectangle((left, top, right, bottom), LINE)
        scale, start = (right - left) / whole, float(left)
        for part, colour in ((users, USERS), (profit, PROVIDERS)):
            end = min(right, start + max(0.0, part) * scale)
            if end > start:
                draw.rectangle((start, top, end, bottom), colour)
            start = end
        words = f"welfare {1000 * (users + profit):.3f}"
        if self.optimum is not None:
            words += f" of {1000 * self.optimum:.3f}"
        draw.text((left, 346), words, INK, _font(12), anchor="ld")
        draw.text((right, 388), f"providers {1000 * profit:.3f}", PROVIDERS, _font(12), anchor="rm")
        draw.text((right - 140, 388), f"users {1000 * users:.3f}", USERS, _font(12), anchor="rm")
        unsold = float(outcome.outside_share[row])
        draw.text((right, 346), f"no sale {unsold:.1%}", MUTED, _font(12), anchor="rd")

    @cached_property
    def _span(self) -> tuple[float, float]:
        table = 1000 * np.asarray(self.market.welfare_contribution, dtype=float)
        low, high = min(0.0, float(table.min())), max(0.0, float(table.max()))
        return (low, high) if high > low else (low, low + 1.0)

    def _height(self, usd: float) -> float:
        low, high = self._span
        return BOTTOM - (1000 * usd - low) / (high - low) * (BOTTOM - TOP)

    def _place(self, level: int) -> float:
        return LEFT + 8 + (RIGHT - LEFT - 16) * level / max(1, self.market.num_levels - 1)


@lru_cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within a range, about five."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(float(k * power) for k in (1, 2, 5, 10) if k * power >= rough * 0.999)
    return [k * step for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _hue(place: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(place, 0.42, 0.75)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _pale(colour: str) -> str:
    """The colour at a third of its strength on white, so that numbers stay readable on it."""
    parts = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{255 - (255 - part) * 2 // 5:02x}" for part in parts)
