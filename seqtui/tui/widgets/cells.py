"""Lines of single cells: text strips and bars, one column per timestep."""

from collections.abc import Sequence
from math import isfinite, log10, nan

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style

BARS = " ▁▂▃▄▅▆▇█"


def runs(glyphs: Sequence[str], styles: Sequence[Style]) -> list[Segment]:
    """Merge neighbouring cells of the same style into segments."""
    segments: list[Segment] = []
    start = 0
    for end in range(1, len(glyphs) + 1):
        if end == len(glyphs) or styles[end] is not styles[start]:
            segments.append(Segment("".join(glyphs[start:end]), styles[start]))
            start = end
    return segments


def bar_heights(values: npt.NDArray[np.floating], low: float, high: float, lines: int) -> npt.NDArray[np.int64]:
    """Return bar heights in eighths of a line: 1 … 8·lines between low and high, 0 where a value is not finite."""
    position = (np.asarray(values, np.float64) - low) / (high - low) * (8 * lines)
    finite = np.isfinite(position)
    height = np.clip(np.rint(np.where(finite, position, 0.0)), 1, 8 * lines)
    return np.where(finite, height, 0).astype(np.int64)


def bar_glyphs(heights: npt.NDArray[np.int64], line: int, lines: int, column_width: int) -> list[str]:
    """Return the glyphs of one line of bars; line 0 is the top of `lines`."""
    above_floor = heights - 8 * (lines - 1 - line)
    return [BARS[level] * column_width for level in np.clip(above_floor, 0, 8).tolist()]


def bar_glyph(share: float) -> str:
    """Return a bar of one line, 0 to 1 of its height; NaN is none."""
    return BARS[max(0, min(8, round(8 * share)))] if isfinite(share) else BARS[0]


def decades_share(value: float, largest: float, decades: int) -> float:
    """Return where a value stands on a logarithmic scale: 1 at the largest, 0 where it is `decades` below or less.

    NaN if there is nothing to draw: the value is not finite or not above zero.
    """
    if not isfinite(value) or value <= 0 or largest <= 0:
        return nan
    return max(0.0, 1 + log10(value / largest) / decades)
