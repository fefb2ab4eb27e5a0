"""Reach, the gradient norms of a loss at earlier timesteps: the playhead's row, its summary, and the triangle."""

import math

import numpy as np
from rich.cells import cell_len

from seqtui.tui.panes.drawing import heat_row, sentence, to_a_row
from seqtui.tui.panes.gutter import swatch
from seqtui.tui.panes.layout import Band
from seqtui.tui.panes.readout import OF_STATE, Part, reach_readout
from seqtui.tui.panes.staves import group_edges, has_stream
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.widgets.colours import REACH, reach_codes
from seqtui.tui.widgets.heatmap import HALF, line_codes
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import Row


def reach_name(view: View) -> str:
    """Return the gutter label: relative norms of the input, or absolute norms of a layer's state or a block."""
    if view.reaches_input:
        return "reach ÷max"
    layers, what = len(view.probe.reach_hidden), "block" if has_stream(view.probe) else "h"
    return f"reach {what}"[:7] if layers == 1 else f"reach {what[0]} {view.chosen.reach + 1}"


def reach_row(view: View, memory: Memory) -> Row:
    """Draw the gradient norms of the loss at the playhead, each under its source timestep."""
    t, window = view.place.playhead, view.window
    codes = reach_codes(view.reach_row[window])
    codes[np.arange(window.start, window.stop) >= t + view.own] = HALF
    style = "accent" if view.chosen.focus == "reach" else "text"
    return heat_row(view, (reach_name(view), style, "5", False), (codes, codes), memory.painter(view, REACH))


def triangle_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw the reach of every timestep in view: a row for each (or several), earliest at the top."""
    window, halves = view.window, not view.ink.colourless
    matrix = view.reach_rows(window)[:, window]
    steps = len(matrix)
    count = min(steps, 2 * band.lines if halves else band.lines)
    edges = group_edges(steps, count)
    past = np.tri(steps, k=view.own - 1, dtype=np.bool_)
    norms = np.where(past & (matrix >= 0), matrix, np.nan)  # keep inf: it is the maximum of its group
    codes = reach_codes(np.fmax.reduceat(norms, edges, axis=0))
    codes[~np.logical_or.reduceat(past, edges, axis=0)] = HALF
    here = int(np.searchsorted(edges, view.lit, side="right")) - 1
    heard = np.arange(window.start, window.stop)[:, None] > (view.probe.bar or -1)  # up to the bar there is no loss
    odd = int(np.count_nonzero(np.isnan(matrix) & past & heard))
    each = math.ceil(steps / count)
    grouped, gaps = to_a_row(each), counted(odd, "gap") if odd else ""
    share = "÷ row max" if view.reaches_input else ""
    texts = [text for text in ("triangle", "t down", "s across", share, grouped, gaps) if text]
    rows = []
    for line, pair in enumerate(line_codes(codes, band.lines, halves)):
        text = texts[line] if line < len(texts) else ""
        about = (text, "faint" if line else "muted", "", here // (2 if halves else 1) == line)
        rows.append(heat_row(view, about, pair, memory.painter(view, REACH)))
    return rows


def note_row(view: View, memory: Memory) -> Row:
    """Return the reach in words, after its colour key."""
    t, row = view.place.playhead + view.own, view.reach_row
    room = view.layout.columns * view.layout.column_width
    if view.probe.bar and view.place.playhead <= view.probe.bar:  # no loss, no reach
        row = np.zeros_like(row)
    odd = int(np.count_nonzero(np.isnan(row[:t])))
    gaps = [Part(f", {counted(odd, 'gap')}")] if odd else []
    for of in (" of the largest |dL/dx| before the playhead", " of the largest |dL/dx|"):
        parts = reach_readout(row, t, view.tokens_by, of=of if view.reaches_input else OF_STATE) + gaps
        if sum(cell_len(part.text) for part in parts) <= room:
            break
    painter = memory.painter(view, REACH)
    return sentence(view, parts, lambda: swatch(view.layout.gutter, "", "", REACH, painter, view.ink)[::-1])
