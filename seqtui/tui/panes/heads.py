"""Attention views: the playhead's row as bars, the picked head's map, and all heads as thumbnails."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from rich.style import Style

from seqtui.tui.panes import attention
from seqtui.tui.panes.drawing import cells_row, gutter_of, heat_row, line_width, to_a_row
from seqtui.tui.panes.grid import Grid, arrange_heads
from seqtui.tui.panes.layout import Band, Kind, Layout, aside_at
from seqtui.tui.panes.staves import group_edges
from seqtui.tui.panes.view import U8, Memory, View
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights
from seqtui.tui.widgets.colours import ATTENTION
from seqtui.tui.widgets.heatmap import HALF, HeatmapPainter, line_codes
from seqtui.tui.widgets.ink import rgb
from seqtui.tui.widgets.numbers import counted, percent, significant
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces

# Minimum thumbnail width for each form of caption, and the legends that explain it, longest first.
_CAPTIONS = (
    (
        28,
        (
            "layer.head · mean entropy in bits and in % of uniform · mean distance in tokens",
            "entropy in bits, in % of max · tokens back",
        ),
    ),
    (
        10,
        (
            "layer.head · mean entropy in % of uniform · mean distance in tokens",
            "entropy in % of max · tokens back",
            "entropy % · back",
        ),
    ),
    (0, ("layer.head · mean entropy in % of uniform", "entropy in % of max", "entropy %")),
)


@dataclass(frozen=True)
class Means:
    """Means of each head over the text, (layers, heads): entropy in bits, its share of the maximum, distance."""

    bits: attention.F64
    even: attention.F64
    back: attention.F64


def head_name(view: View) -> str:
    """Return the displayed name of the picked head, counted from 1: 2.3 is the third head of the second layer."""
    return f"{view.layer + 1}.{view.head + 1}"


def attends_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw the picked head's weights of the playhead's timestep as bars, over all timesteps up to it."""
    weights, ink, t = view.attention, view.ink, view.place.playhead
    if weights is None:
        return [BLANK] * band.lines
    row = weights[view.layer, view.head, t, view.window].astype(np.float64)
    row[np.arange(view.window.start, view.window.stop) > t] = np.nan
    with np.errstate(invalid="ignore"):
        tall = np.sqrt(row)
    heights = bar_heights(tall, attention.LOW, attention.HIGH, band.lines)
    painter = memory.painter(view, ATTENTION)
    colours = [painter.colour(code) for code in attention.codes(row).tolist()]
    styles = [ink.text if ink.colourless or c is None else ink.text + Style(color=rgb(c)) for c in colours]
    texts = ["attends", f"head {head_name(view)}"]
    rows = []
    for line in range(band.lines):
        style = "faint" if line else "accent" if view.chosen.focus == "attention" else "text"
        about = (texts[line] if line < len(texts) else "", style, "" if line else "6", False)
        glyphs = bar_glyphs(heights, line, band.lines, view.layout.column_width)
        rows.append(cells_row(view, about, glyphs, list(styles)))
    return rows


def map_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw the picked head's weights in view: a row per timestep t (or several), a column per timestep s."""
    weights, halves, window = view.attention, not view.ink.colourless, view.window
    if weights is None:
        return [BLANK] * band.lines
    matrix = weights[view.layer, view.head, window, window]
    steps = len(matrix)
    count = min(steps, 2 * band.lines if halves else band.lines)
    key = ("map", view.layer, view.head, window.start, window.stop, count)
    codes = memory.kept(key, lambda: attention.folded(matrix, count, steps))
    here = int(np.searchsorted(group_edges(steps, count), view.lit, side="right")) - 1
    odd = int(np.count_nonzero(np.isnan(matrix) & np.tri(steps, dtype=np.bool_)))
    each = math.ceil(steps / count)
    grouped, gaps = to_a_row(each), counted(odd, "gap") if odd else ""
    texts = [text for text in (f"head {head_name(view)}", "t down", "s across", grouped, gaps, "√ of 0–1") if text]
    rows = []
    for line, pair in enumerate(line_codes(codes, band.lines, halves)):
        text, style = texts[line] if line < len(texts) else "", "faint" if line else "muted"
        about = (text, style, "", here // (2 if halves else 1) == line)
        rows.append(heat_row(view, about, pair, memory.painter(view, ATTENTION)))
    grid = grid_of(band, view) if view.layout.aside else None
    if grid is None:
        return rows
    margin = aside_at(view.layout, view.steps) - line_width(view)
    beside = [_grid_line(grid, line, view, memory) for line in range(band.lines)]
    return [_joined(row, margin, other, view) for row, other in zip(rows, beside, strict=True)]


def _joined(row: Row, margin: int, other: Row, view: View) -> Row:
    """Join two rows side by side, `margin` cells apart."""
    space = Segment(" " * margin, view.ink.text)
    return Row((row.key, margin, other.key), lambda: [*row.paint(), space, *other.paint()])


def heads_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw the thumbnails of all heads of all layers, or of those near the picked one that fit."""
    grid = grid_of(band, view)
    if grid is None:
        return [BLANK] * band.lines
    rows = []
    for line in range(band.lines):
        inner = _grid_line(grid, line, view, memory)
        text = ("all heads" if grid.complete else "heads") if line == 0 else ""
        about = (text, "muted" if line == 0 else "faint", "", False)
        rows.append(_labelled(inner, about, view))
    return rows


def _labelled(inner: Row, about: tuple[str, str, str, bool], view: View) -> Row:
    return Row((about, view.layout.gutter, inner.key), lambda: [*gutter_of(view, about), *inner.paint()])


def grid_of(band: Band, view: View) -> Grid | None:
    """Return the grid of thumbnails in a band; None without attention or if none fits."""
    weights, layout = view.attention, view.layout
    if weights is None:
        return None
    layers, heads = weights.shape[:2]
    start = aside_at(layout, view.steps) if layout.aside else layout.gutter
    width = layout.gutter + layout.columns * layout.column_width - start
    return arrange_heads(width, band.lines, layers, heads, view.layer * heads + view.head)


def head_at(layout: Layout, view: View, x: int, y: int) -> tuple[int, int] | None:
    """Return the layer and head (from 0) of the thumbnail under a cell of the pane; None elsewhere."""
    band, line = layout.band_at(y) or (None, 0)
    if band is None or not (band.kind is Kind.HEADS or (band.kind is Kind.MAP and layout.aside)):
        return None
    grid = grid_of(band, view)
    start = aside_at(layout, view.steps) if layout.aside else layout.gutter
    number = grid.at(x - start, line) if grid is not None else None
    heads = 0 if view.attention is None else view.attention.shape[1]
    return None if number is None or not heads else divmod(number, heads)


def _means(view: View, memory: Memory) -> Means:
    def made() -> Means:
        weights = view.attention
        assert weights is not None  # only called when attention is drawn
        bits = attention.entropy(weights)
        back = attention.mean(attention.distance(weights))
        return Means(attention.mean(bits), attention.mean(attention.evenness(bits)), back)

    return memory.kept("means", made)


def _grid_line(grid: Grid, line: int, view: View, memory: Memory) -> Row:
    """Draw one line of the thumbnails, without a label."""
    ink = view.ink
    room = grid.columns * (grid.width + 1) - 1
    if line == 0:
        said = _legend(grid, room)
        return Row(("legend", said), lambda: pieces((said, ink.faint)))
    place = grid.place(line)
    if place is None:
        return BLANK
    heads, within = place
    weights = view.attention
    assert weights is not None  # a grid implies attention
    if within == 0:
        return _captions(grid, heads, view, memory)
    halves = not ink.colourless
    rows = (grid.lines - 1) * (2 if halves else 1)
    of_all = memory.kept(("thumbnails", grid, rows), lambda: _thumbnails(grid, rows, weights))
    codes = np.full(room, HALF, np.uint8)
    top, bottom = codes.copy(), codes.copy()
    for i, head in enumerate(heads):
        upper, lower = line_codes(of_all[head - grid.first], grid.lines - 1, halves)[within - 1]
        start = i * (grid.width + 1)
        top[start : start + len(upper)], bottom[start : start + len(lower)] = upper, lower
    painter = memory.narrow(view, ATTENTION)
    return _pixels(top, bottom, painter)


def _legend(grid: Grid, room: int) -> str:
    """Return the meaning of the captions in `room` cells, preceded by the number of heads shown if not all are."""
    texts = next(texts for least, texts in _CAPTIONS if grid.width >= least)
    shown = "" if grid.complete else f"{grid.count} of {grid.total} heads · "
    return fit(next((shown + text for text in texts if len(shown + text) <= room), texts[-1]), room)


def _pixels(top: U8, bottom: U8, painter: HeatmapPainter) -> Row:
    return Row(("pixels", top.tobytes(), bottom.tobytes()), lambda: painter.line(top, bottom, -1))


def _thumbnails(grid: Grid, rows: int, weights: attention.Values) -> U8:
    """Return the level codes (count, rows, columns) of the heads in a grid."""
    flat = weights.reshape(-1, *weights.shape[2:])[grid.first : grid.first + grid.count]
    return attention.folded(flat, rows, grid.width)


def _captions(grid: Grid, heads: Sequence[int], view: View, memory: Memory) -> Row:
    """Draw the names and means of a row of heads; the picked one has a mark and the accent style."""
    means, ink = _means(view, memory), view.ink
    count = means.bits.shape[1]
    parts: list[tuple[str, Style]] = []
    for head in heads:
        layer, number = divmod(head, count)
        picked = (layer, number) == (view.layer, view.head)
        bits, even, back = (float(of[layer, number]) for of in (means.bits, means.even, means.back))
        text = caption(f"{layer + 1}.{number + 1}", bits, even, back, grid.width + 1, picked)
        parts.append((text, ink.accent if picked else ink.muted))
    return Row(("captions", tuple(parts)), lambda: pieces(*parts))


def caption(name: str, bits: float, even: float, back: float, cells: int, picked: bool) -> str:
    """Return a thumbnail's caption of `cells` cells: its name, and as much of its entropy and distance as fits."""
    share = percent(even)
    forms = (f"{bits:.2f} bits {share} {significant(back):>5} back", _both(even, back, cells), share.rstrip("%"))
    if not math.isfinite(bits):
        forms = ("not finite", "–", "–")
    said = next(text for (least, _), text in zip(_CAPTIONS, forms, strict=True) if cells > least)
    return fit(f"{'▸' if picked else ' '}{name} {said}", cells)


def _both(even: float, back: float, cells: int) -> str:
    """Return entropy and distance as plain numbers, the distance with two digits if three do not fit."""
    far = f"{back:.3g}" if cells >= 13 else f"{back:.2g}"
    return f"{percent(even).rstrip('%')} {far:>{4 if cells >= 13 else 1}}"
