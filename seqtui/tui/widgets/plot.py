"""A plot of cells: braille curves over reference lines, with ticks at the left and below."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.braille import BLANK, Braille
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.curve import I64, column_spans
from seqtui.tui.widgets.numbers import short
from seqtui.tui.widgets.pane import Row

TICKS_WIDTH = 6  # " 2.50 "
_SHIFTED = 7  # plot height from which a label may be shifted by one line


@dataclass
class Plot:
    """Cells of a plot area (lines, columns), painted from back to front."""

    columns: int
    lines: int
    axis: Axis
    first: float  # x at the left edge
    last: float  # x at the right edge
    labels: list[tuple[int, str, int]] = field(default_factory=list)  # line, text, style
    crossed: int | None = None  # a column

    def __post_init__(self) -> None:
        self.codes = np.full((self.lines, self.columns), ord(" "), np.uint32)
        self.styles = np.zeros((self.lines, self.columns), np.uint8)

    def dot_columns(self, x: npt.NDArray[np.number]) -> I64:
        """Return the dot column of each x, clipped to the plot."""
        share = (np.asarray(x, np.float64) - self.first) / max(self.last - self.first, 1e-12)
        return np.clip(np.rint(share * (2 * self.columns - 1)), 0, 2 * self.columns - 1).astype(np.int64)

    def curve(self, x: npt.NDArray[np.number], y: npt.NDArray[np.floating], style: int, *, over: bool = False) -> None:
        """Draw a line through (x, y), x ascending, gaps where y is not finite; `over` hides dots behind its cells."""
        canvas = Braille(self.columns, self.lines)
        canvas.spans(*column_spans(self.dot_columns(x), self.axis.rows(y, 4 * self.lines), 2 * self.columns))
        patterns = canvas.cells().astype(np.uint32)
        drawn = patterns > 0
        under = np.where(self.codes >= BLANK, self.codes - BLANK, 0)  # keep the dots of curves behind
        self.codes[drawn] = (patterns if over else patterns | under)[drawn] + BLANK
        self.styles[drawn] = style

    def marks(self, x: npt.NDArray[np.number], y: npt.NDArray[np.floating], style: int, mark: str = "●") -> None:
        """Draw a mark at each finite point."""
        rows = self.axis.rows(y, self.lines)
        seen = rows >= 0
        self.codes[rows[seen], self.dot_columns(x)[seen] // 2] = ord(mark)
        self.styles[rows[seen], self.dot_columns(x)[seen] // 2] = style

    def reference(self, value: float, label: str, style: int) -> None:
        """Draw a dotted line at `value` (before the curves); nothing if it is outside the axis."""
        if not self.axis.low <= value <= self.axis.high:
            return
        line = int(self.axis.rows(np.array([value]), self.lines)[0])
        if line < 0:
            return
        self.codes[line] = ord("┄")
        self.styles[line] = style
        taken = {other for other, _, _ in self.labels}
        near = (line, line - 1, line + 1) if self.lines >= _SHIFTED else (line,)
        free = [at for at in near if 0 <= at < self.lines and at not in taken]
        if free:
            self.labels.append((free[0], label, style))

    def rules(self, x: npt.NDArray[np.number], style: int) -> None:
        """Draw a dotted vertical line at each x (before the curves)."""
        columns = self.dot_columns(x) // 2
        self.codes[:, columns] = ord("┊")
        self.styles[:, columns] = style

    def cross(self, x: float) -> None:
        """Mark the column of an x from top to bottom; nothing if it is outside the plot."""
        if self.first <= x <= self.last:
            self.crossed = int(self.dot_columns(np.array([x]))[0]) // 2

    def rows(
        self, styles: tuple[Style, ...], ticks: Style, margin: int, lit: Callable[[Style], Style] = lambda style: style
    ) -> list[Row]:
        """Return the lines with ticks at the left and labels in `margin` cells at the right.

        `lit` turns a style into that under the crosshair.
        """
        marked = self._tick_lines()
        found = []
        for line in range(self.lines):
            label = next(((text, style) for at, text, style in self.labels if at == line), ("", 0))
            tick = marked.get(line, "").rjust(TICKS_WIDTH - 1) + " "
            key = (tick, label, self.crossed, self.codes[line].tobytes(), self.styles[line].tobytes())
            found.append(Row(key, partial(self._paint, line, tick, label, styles, ticks, margin, lit)))
        return found

    def _tick_lines(self) -> dict[int, str]:
        """Return the tick labels by line, never on adjacent lines."""
        values = self.axis.ticks(max(2, self.lines))
        lines = self.axis.rows(np.array(values), self.lines).tolist() if values else []
        found: dict[int, str] = {}
        for value, line in zip(values, lines, strict=True):
            label = short(value, TICKS_WIDTH - 1)
            if label and line >= 0 and not {line - 1, line, line + 1} & found.keys():
                found[line] = label
        return found

    def _paint(
        self,
        line: int,
        tick: str,
        label: tuple[str, int],
        styles: tuple[Style, ...],
        ticks: Style,
        margin: int,
        lit: Callable[[Style], Style],
    ) -> list[Segment]:
        glyphs = [chr(code) for code in self.codes[line].tolist()]
        painted = [styles[style] for style in self.styles[line].tolist()]
        at = self.crossed
        if at is not None:
            glyphs[at], painted[at] = ("│" if glyphs[at] == " " else glyphs[at]), lit(painted[at])
        segments = [Segment(tick, ticks), *runs(glyphs, painted)]
        text = label[0]
        if margin and text:
            segments.append(Segment(" " + text, styles[label[1]]))
        return segments


def dot_edges(first: float, last: float, count: int) -> npt.NDArray[np.float64]:
    """Return the x (count + 1,) at the borders of `count` dot columns; `first` is the centre of the first column."""
    step = max(last - first, 1e-12) / max(1, count - 1)
    return np.asarray(first + step * (np.arange(count + 1) - 0.5), np.float64)


def x_ticks(
    first: float, last: float, columns: int, values: list[float], label: Callable[[float], str] = "{:,.0f}".format
) -> str:
    """Return a line of labels centred under their columns; those that would touch another are left out."""
    line = ""
    for value in values:
        text = label(value)
        at = round((value - first) / max(last - first, 1e-12) * (columns - 1)) - cell_len(text) // 2
        at = max(0, min(at, columns - len(text)))
        if at >= len(line) + 2 or (not line and at >= 0):
            line = line.ljust(at) + text
    return line[:columns]
