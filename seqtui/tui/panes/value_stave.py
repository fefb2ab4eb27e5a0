"""Real values on the score: for each predicted column, what came and what was predicted, as two curves."""

import numpy as np
import numpy.typing as npt

from seqtui.tui.panes.drawing import cells_row
from seqtui.tui.panes.layout import Band
from seqtui.tui.panes.view import View
from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.braille import BLANK, Braille
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights
from seqtui.tui.widgets.curve import column_spans
from seqtui.tui.widgets.pane import BLANK as NOTHING
from seqtui.tui.widgets.pane import Row
from seqtui.visible import visible

F64 = npt.NDArray[np.float64]


def value_rows(band: Band, view: View) -> list[Row]:
    """Draw the columns one below the other, each on an equal share of the lines."""
    series = view.probe.series
    if series is None:
        return [NOTHING] * band.lines
    count = min(band.lines, len(series.predicted_names))
    each = band.lines // max(1, count)
    rows = [row for column in range(count) for row in _curves(column, each, view)]
    if not len(series.starts) and len(rows) > 1:  # a model that answers: what else it reads, in the last line
        rows[-1] = _further(view)
    return rows + [NOTHING] * (band.lines - len(rows))


def _further(view: View) -> Row:
    """Draw the last column that is read as bars; the first one stands above the staves."""
    series = view.probe.series
    assert series is not None
    values, ink = series.read[:, -1], view.ink
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    heights = bar_heights(values[view.window], low, high if high > low else low + 1, 1)
    glyphs = bar_glyphs(heights, 0, 1, view.layout.column_width)
    return cells_row(view, (visible(series.names[-1]), "text", "", False), glyphs, [ink.warm] * len(glyphs))


def _curves(column: int, lines: int, view: View) -> list[Row]:
    """Draw the prediction over what came; where they meet, the cell has the colour of the prediction."""
    series = view.probe.series
    assert series is not None
    wanted, predicted = series.wanted[:, column], series.predicted[:, column]
    known = np.concatenate([wanted, predicted])
    known = known[np.isfinite(known)]
    axis = Axis.around(float(known.min()), float(known.max()), False) if known.size else Axis(0, 1, False)
    width, window = view.layout.column_width, view.window
    steps = window.stop - window.start
    behind, before = (_canvas(values[window], axis, lines, width, steps) for values in (wanted, predicted))
    texts = [visible(series.predicted_names[column]), f"{axis.low:g}–{axis.high:g}"]
    rows = []
    for line in range(lines):
        glyphs, styles = [], []
        for step in range(steps):
            at = slice(step * width, (step + 1) * width)
            front, back = before[line, at], behind[line, at]
            glyphs.append("".join(chr(BLANK + int(code)) if code else " " for code in front | back))
            styles.append(view.ink.accent if front.any() else view.ink.muted)
        about = (texts[line] if line < 2 else "", "text" if line == 0 else "faint", "", False)
        rows.append(cells_row(view, about, glyphs, styles))
    return rows


def _canvas(values: F64, axis: Axis, lines: int, width: int, steps: int) -> npt.NDArray[np.uint8]:
    """Return the braille patterns (lines, cells) of a curve with a point in the middle of each timestep's cells."""
    canvas = Braille(steps * width, lines)
    columns = (2 * np.arange(steps) + 1) * width - (width > 1)
    rows = axis.rows(values, 4 * lines)
    canvas.spans(*column_spans(np.minimum(columns, 2 * steps * width - 1), rows, 2 * steps * width))
    return canvas.cells()
