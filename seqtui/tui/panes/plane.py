"""A plane of two real values: where a sequence came from, where it goes, and where the model thinks it goes."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style

from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.braille import BLANK, Braille
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.numbers import short
from seqtui.tui.widgets.pane import Row, pieces
from seqtui.tui.widgets.plot import TICKS_WIDTH

F64 = npt.NDArray[np.float64]


@dataclass
class Plane:
    """Cells (lines, columns) with an axis to the right and one upwards, painted from back to front."""

    columns: int
    lines: int
    across: Axis
    up: Axis

    def __post_init__(self) -> None:
        self.codes = np.full((self.lines, self.columns), ord(" "), np.uint32)
        self.styles = np.zeros((self.lines, self.columns), np.uint8)

    def _dots(self, points: F64) -> npt.NDArray[np.int64]:
        """Return the dot rows and dot columns (n, 2) of points (n, 2); -1 where a value is not finite."""
        count = 2 * self.columns
        across = np.where(np.isnan(points[:, 0]), -1, count - 1 - self.across.rows(points[:, 0], count))
        return np.stack([self.up.rows(points[:, 1], 4 * self.lines), across], axis=1)

    def path(self, points: F64, style: int, *, joined: bool = True) -> None:
        """Draw points (n, 2), joined by lines or not, over what is there."""
        canvas = Braille(self.columns, self.lines)
        dots = self._dots(points)
        ends = list(zip(dots[:-1].tolist(), dots[1:].tolist(), strict=True)) if joined else []
        for (row, column), (other_row, other_column) in ends:
            if min(row, column, other_row, other_column) < 0:
                continue
            steps = max(abs(other_row - row), abs(other_column - column), 1)
            share = np.arange(steps + 1) / steps
            rows = np.rint(row + share * (other_row - row)).astype(int)
            canvas.dots[rows, np.rint(column + share * (other_column - column)).astype(int)] = True
        seen = dots[(dots >= 0).all(axis=1)]
        canvas.dots[seen[:, 0], seen[:, 1]] = True
        patterns = canvas.cells().astype(np.uint32)
        drawn = patterns > 0
        under = np.where(self.codes >= BLANK, self.codes - BLANK, 0)
        self.codes[drawn] = (patterns | under)[drawn] + BLANK
        self.styles[drawn] = style

    def mark(self, point: F64, glyph: str, style: int) -> None:
        """Draw one glyph at a point (2,)."""
        row, column = self._dots(point[None])[0].tolist()
        if row >= 0 and column >= 0:
            self.codes[row // 4, column // 2] = ord(glyph)
            self.styles[row // 4, column // 2] = style

    def rows(self, styles: tuple[Style, ...], ticks: Style) -> list[Row]:
        """Return the lines, with ticks at the left and a line of ticks below."""
        marked = self._ticks()
        found = []
        for line in range(self.lines):
            tick = marked.get(line, "").rjust(TICKS_WIDTH - 1) + " "
            key = (tick, self.codes[line].tobytes(), self.styles[line].tobytes())
            found.append(Row(key, partial(self._paint, line, tick, styles, ticks)))
        below = " " * TICKS_WIDTH + self._below()
        return [*found, Row(("below", below), partial(pieces, (below, ticks)))]

    def _ticks(self) -> dict[int, str]:
        values = self.up.ticks(max(2, self.lines // 2))
        lines = self.up.rows(np.array(values), self.lines).tolist() if values else []
        return {line: short(value, TICKS_WIDTH - 1) for value, line in zip(values, lines, strict=True) if line >= 0}

    def _below(self) -> str:
        values, text = self.across.ticks(max(2, self.columns // 10)), ""
        places = (self.columns - 1 - self.across.rows(np.array(values), self.columns)).tolist()
        for value, place in zip(values, places, strict=True):
            label = short(value, TICKS_WIDTH)
            at = max(0, min(int(place) - len(label) // 2, self.columns - len(label)))
            if at > len(text) or not text:
                text = text.ljust(at) + label
        return text

    def _paint(self, line: int, tick: str, styles: tuple[Style, ...], ticks: Style) -> list[Segment]:
        glyphs = [chr(code) for code in self.codes[line].tolist()]
        return [Segment(tick, ticks), *runs(glyphs, [styles[style] for style in self.styles[line].tolist()])]
