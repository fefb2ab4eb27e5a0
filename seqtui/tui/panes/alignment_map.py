"""The alignment of a pair on the score: a row for each symbol of the target, under the columns of the source.

Where the source does not fit the columns in view, the map has columns of its own; see `alignment`.
"""

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style

from seqtui.tui.panes.alignment import alignment_rows, first_row
from seqtui.tui.panes.attention import HIGH, LOW, codes
from seqtui.tui.panes.drawing import BAR, Label, bare, cells_row, drawn, gutter_of, line_width
from seqtui.tui.panes.layout import Band, Kind
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights, runs
from seqtui.tui.widgets.colours import ATTENTION
from seqtui.tui.widgets.ink import rgb
from seqtui.tui.widgets.pane import BLANK, Row
from seqtui.visible import visible

_HEADED = 5  # lines from which the map repeats the source above it


def alignment_name(view: View, mean: bool) -> str:
    """Return which weights are drawn: "mean of 8", "head 2.3" (the third of the second layer), "" of a single head."""
    layers, heads = view.heads
    if layers * heads < 2:
        return ""
    return f"mean of {layers * heads}" if mean else f"head {view.layer + 1}.{view.head + 1}"


def looked_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw as bars over the source where the picked head looked when the playhead's symbol was predicted."""
    weights, ink = view.alignment(mean=False), view.ink
    if weights is None:
        return [BLANK] * band.lines
    row = np.full(view.steps, np.nan)
    row[: view.probe.bar] = weights[view.place.playhead]
    row = row[view.window]
    with np.errstate(invalid="ignore"):
        heights = bar_heights(np.sqrt(row), LOW, HIGH, band.lines)
    painter = memory.painter(view, ATTENTION)
    colours = [painter.colour(code) for code in codes(row).tolist()]
    styles = [ink.text if ink.colourless or c is None else ink.text + Style(color=rgb(c)) for c in colours]
    texts, rows = ["attends", alignment_name(view, mean=False)], []
    for line in range(band.lines):
        style = "faint" if line else "accent" if view.chosen.focus == "attention" else "text"
        about = (texts[line] if line < len(texts) else "", style, "" if line else "6", False)
        rows.append(cells_row(view, about, bar_glyphs(heights, line, band.lines, view.layout.column_width), [*styles]))
    return rows


def alignment_map_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw the weights of the picked head, or the mean of all in a band of that kind; the playhead's row is lit."""
    probe, mean = view.probe, band.kind is Kind.HEADS
    weights, S = view.alignment(mean), view.probe.bar
    if weights is None:
        return [BLANK] * band.lines
    if view.window.start or view.bar < 0:
        width = view.layout.gutter + view.layout.columns * view.layout.column_width
        return alignment_rows(probe, weights, view.place.playhead, view.ink, width, band.lines)
    rows = [_sources(view, alignment_name(view, mean) or "map")] if band.lines >= _HEADED else []
    count = band.lines - len(rows)
    first = first_row(S + 1, view.steps, view.place.playhead, count)
    rows += [_target(t, weights[t], view, memory) for t in range(first, min(view.steps, first + count))]
    return rows + [BLANK] * (band.lines - len(rows))


def _sources(view: View, name: str) -> Row:
    """Return the symbols of the source over their columns."""
    ink, S, width = view.ink, view.probe.bar, view.layout.column_width
    count = view.window.stop - view.window.start
    glyphs = [drawn(symbol, width) for symbol in view.probe.symbols[:S]] + [" " * width] * (count - S)
    return cells_row(view, (name, "faint", "", False), glyphs, [ink.muted] * S + [ink.text] * (count - S))


def _target(t: int, weights: npt.NDArray[np.floating], view: View, memory: Memory) -> Row:
    """Return the weights with which a symbol of the target was predicted; the symbol stands in its own column, too."""
    ink, S, here, lit = view.ink, view.probe.bar, t == view.place.playhead, view.lit
    name = visible(bare(view.probe.symbols[t]))
    style = "accent" if here and view.chosen.focus == "attention" else "text" if here else "muted"
    about: Label = (name, style, "", here)
    levels, painter = codes(weights), memory.painter(view, ATTENTION)
    glyphs = [" " * view.layout.column_width] * (view.window.stop - view.bar)
    styles = [ink.text] * len(glyphs)
    if t < view.window.stop:
        glyphs[t - S] = drawn(view.probe.symbols[t], view.layout.column_width)
        styles[t - S] = ink.lit(ink.text) if here else ink.muted
    key = (view.layout.gutter, view.layout.column_width, about, levels.tobytes(), tuple(glyphs), lit, here, S)

    def paint() -> list[Segment]:
        if here:
            cells = [part for s in range(S) for part in painter.line(levels[s : s + 1], levels[s : s + 1], 0)]
        else:
            cells = painter.line(levels, levels, lit)
        return [*gutter_of(view, about), *cells, Segment(BAR, ink.muted), *runs(glyphs, styles)]

    return Row(key, paint, line_width(view))
