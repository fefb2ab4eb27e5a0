"""The rows of each band of the score."""

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from seqtui.snapshot import Phase
from seqtui.tui.colours import REACH, reach_codes
from seqtui.tui.panes.gutter import label, swatch
from seqtui.tui.panes.layout import Band, Kind, Layout
from seqtui.tui.panes.readout import (
    BACK,
    Part,
    distances_readout,
    gate_readout,
    place_readout,
    reach_readout,
    unit_readout,
)
from seqtui.tui.panes.staves import LABELS, group_edges, row_of
from seqtui.tui.panes.view import U8, Memory, View
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights, runs
from seqtui.tui.widgets.heatmap import HALF, HeatmapPainter, line_codes
from seqtui.tui.widgets.ink import Ink, rgb
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces
from seqtui.visible import cell, visible

Label = tuple[str, str, str, bool]  # text, style name, focus key, marked
_WAITING = {
    Phase.LOADING: "waits for the corpus and the model",
    Phase.COMPILING: "waits for the kernels",
    Phase.FAILED: "nothing to see: the training failed",
}
_BYTE = re.compile(r"\\x[0-9a-f]{2}")  # as a vocabulary of bytes names those that are no character
_NO_LABEL: Label = ("", "faint", "", False)


def band_rows(band: Band, view: View, memory: Memory, alone: bool) -> list[Row]:
    """The rows of one band; `alone` is a stave that spends no half line on a gap below."""
    match band.kind:
        case Kind.TEXT:
            return [_text(view)]
        case Kind.GUESS:
            return [_guess(view)]
        case Kind.TRACE:
            return _trace(band, view, memory)
        case Kind.LOSS:
            return _loss(band, view, memory)
        case Kind.STAVE:
            return _stave(band, view, memory, alone)
        case Kind.REACH:
            return [_reach(view, memory)]
        case Kind.TRIANGLE:
            return _triangle(band, view, memory)
        case Kind.NOTE:
            return [_note(view, memory)]
        case Kind.READOUT:
            return [_readout(view)]


def empty_rows(layout: Layout, ink: Ink, phase: Phase) -> list[Row]:
    """The staves' names with nothing beside them, and what the score waits for."""
    text = _WAITING.get(phase, "waits for the first look at a text")
    names = {Kind.GUESS: "guess", Kind.LOSS: "loss", Kind.REACH: "reach"}
    rows: list[Row] = []
    for band in layout.bands:
        name = LABELS.get(band.name, band.name) if band.kind is Kind.STAVE else names.get(band.kind, "")
        said = text if band.kind is Kind.TEXT else ""
        segments = [*label(layout.gutter, name, ink.faint, ink), *pieces((said, ink.muted))]
        rows.append(Row((layout.gutter, name, said), segments.copy))
        rows += [BLANK] * (band.lines - 1)
    return rows


def _gutter(view: View, about: Label) -> list[Segment]:
    text, style, key, marked = about
    return label(view.layout.gutter, text, getattr(view.ink, style), view.ink, key=key, marked=marked)


def _cells(view: View, about: Label, glyphs: list[str], styles: list[Style]) -> Row:
    """A row of one glyph (of the column's width) a timestep, the playhead's column lit."""
    if 0 <= view.lit < len(styles):
        styles[view.lit] = view.ink.lit(styles[view.lit])
    key = (view.layout.gutter, about, tuple(glyphs), tuple(styles))
    return Row(key, lambda: [*_gutter(view, about), *runs(glyphs, styles)], _width(view))


def _width(view: View) -> int:
    """Cells of a line that has one column for each timestep in view."""
    columns: int = view.window.stop - view.window.start
    return view.layout.gutter + columns * view.layout.column_width


def _heat(view: View, about: Label, pair: tuple[U8, U8], painter: HeatmapPainter) -> Row:
    top, bottom = pair
    key = (view.layout.gutter, view.layout.column_width, about, top.tobytes(), bottom.tobytes(), view.lit)
    return Row(key, lambda: [*_gutter(view, about), *painter.line(top, bottom, view.lit)], _width(view))


@lru_cache(maxsize=1 << 14)
def drawn(symbol: str, width: int) -> str:
    """A token in a column: exactly `width` cells, words with a space between them and none of their own."""
    return fit(cell(bare(symbol)), width) if width < 3 else fit(cell(bare(symbol)), width - 1) + " "


def bare(symbol: str) -> str:
    """What of a token is drawn in a column: a word without the spaces around it, of a byte no character has its digits.

    What is nothing but spaces stays.
    """
    return symbol[2:] if _BYTE.fullmatch(symbol) else symbol.strip(" ") or symbol


def _text(view: View) -> Row:
    ink, symbols = view.ink, view.probe.symbols[view.window]
    glyphs = [drawn(symbol, view.layout.column_width) for symbol in symbols]
    styles = [ink.text if visible(symbol) == symbol else ink.faint for symbol in symbols]
    return _cells(view, _NO_LABEL, glyphs, styles)


def _guess(view: View) -> Row:
    """The likeliest token for each place: dim where it was right, warmer the surer it was where it was wrong."""
    ink, probe, width = view.ink, view.probe, view.layout.column_width
    glyphs, styles = [], []
    for t in range(view.window.start, view.window.stop):
        first = probe.top_symbols[t][0] if probe.top_symbols[t] else ""
        share = float(probe.top_probability[t, 0]) if probe.top_probability.shape[1:] > (0,) else math.nan
        wrong = bool(first) and first != probe.symbols[t]
        sure = 7 if ink.colourless or not math.isfinite(share) else min(7, 3 + int(4.9 * share))
        glyphs.append(drawn(first, width) if first else " " * width)
        styles.append(ink.tints[sure] if wrong else ink.faint)
    return _cells(view, ("guess", "muted", "", False), glyphs, styles)


def _loss(band: Band, view: View, memory: Memory) -> list[Row]:
    """Bars on a scale that stays; the highest eighth of it is tinted. An infinite loss is as high as there is."""
    ink, top = view.ink, memory.loss_limit.value
    loss = np.where(np.isposinf(view.probe.loss[view.window]), top, view.probe.loss[view.window])
    heights = bar_heights(loss, 0.0, top, band.lines)
    styles = [ink.warm if tall else ink.muted for tall in (loss > 0.75 * top).tolist()]
    gaps, endless = (int(np.count_nonzero(odd(view.probe.loss[1:]))) for odd in (np.isnan, np.isinf))
    texts = ["loss"]
    texts += [counted(gaps, "gap")] if gaps else []
    texts += [f"{endless:,} are ∞"] if endless else []
    texts.append(f"0–{top:g} nats" if top >= 0.1 else f"0–{top:g}")  # as many cells as a label has
    rows = []
    for line in range(band.lines):
        style = ("accent" if view.chosen.focus == "loss" else "text") if line == 0 else "faint"
        about = (texts[line] if line < len(texts) else "", style, "3" if line == 0 else "", False)
        rows.append(_cells(view, about, bar_glyphs(heights, line, band.lines, view.layout.column_width), list(styles)))
    return rows


def _trace(band: Band, view: View, memory: Memory) -> list[Row]:
    """The picked unit over the text, as bars in its stave's colours."""
    stave, ink = view.stave(view.chosen.gate), view.ink
    if stave is None or view.chosen.unit is None:
        return [BLANK] * band.lines
    values = memory.measured(stave, stave.values[view.window, view.chosen.unit])
    scale, low, high = memory.bounds(stave)
    heights = bar_heights(values, low, high, band.lines)
    painter = memory.painter(view, scale)
    colours = [painter.colour(code) for code in scale.codes(values, low, high).tolist()]
    styles = [ink.text if ink.colourless or c is None else ink.text + Style(color=rgb(c)) for c in colours]
    texts = [f"unit {view.chosen.unit}", LABELS.get(stave.name, stave.name)]
    rows = []
    for line in range(band.lines):
        about = (texts[line] if line < 2 else "", "accent" if line == 0 else "faint", "", False)
        rows.append(_cells(view, about, bar_glyphs(heights, line, band.lines, view.layout.column_width), list(styles)))
    return rows


def _stave(band: Band, view: View, memory: Memory, alone: bool) -> list[Row]:
    stave = view.stave(band.name)
    if stave is None:
        return [BLANK] * band.lines
    rows = stave_rows(band.lines, view, alone)
    scale = memory.bounds(stave)[0]
    painter = memory.painter(view, scale)
    texts = memory.label(view, stave, rows, band.lines)
    units = stave.values.shape[1]
    picked = -1 if view.chosen.unit is None else row_of(min(view.chosen.unit, units - 1), units, rows, view.chosen.fold)
    halves = not view.ink.colourless
    chosen = band.name == view.chosen.gate
    found = []
    for line, pair in enumerate(line_codes(memory.codes(view, stave, rows), band.lines, halves)):
        style = "faint" if line else "muted" if not chosen else "accent" if view.chosen.focus == "gate" else "text"
        marked = chosen and picked >= 0 and picked // (2 if halves else 1) == line
        about = (texts[line] if line < len(texts) else "", style, "4" if chosen and line == 0 else "", marked)
        found.append(_heat(view, about, pair, painter))
    if band.lines > len(texts) and view.layout.gutter:
        ends = ("-", "+") if stave.signed else ("0", "1")
        line = len(texts)
        row, cells = found[line], line_codes(memory.codes(view, stave, rows), band.lines, halves)[line]
        key = [*swatch(view.layout.gutter, *ends, scale, painter, view.ink)]
        found[line] = Row((row.key, "key"), lambda: [*key, *painter.line(*cells, view.lit)], _width(view))
    return found


def stave_rows(lines: int, view: View, alone: bool) -> int:
    """The rows of values in a stave of `lines` lines: with half blocks, half a line below parts it from the next."""
    if view.ink.colourless:
        return lines
    return 2 * lines - (0 if alone or lines < 2 else 1)


def _reach_name(view: View) -> str:
    if view.chosen.reach < 0 or not len(view.probe.reach_hidden):
        return "reach x"
    return "reach h" if len(view.probe.reach_hidden) == 1 else f"reach h {view.chosen.reach + 1}"


def _reach(view: View, memory: Memory) -> Row:
    """How far the loss at the playhead looks back, under its source columns."""
    t, window = view.place.playhead, view.window
    codes = reach_codes(view.reach_matrix[t, window])
    codes[np.arange(window.start, window.stop) >= t] = HALF
    style = "accent" if view.chosen.focus == "reach" else "text"
    return _heat(view, (_reach_name(view), style, "5", False), (codes, codes), memory.painter(view, REACH))


def _triangle(band: Band, view: View, memory: Memory) -> list[Row]:
    """The reach at every timestep in view: a row for each (or several), from the top down as from left to right."""
    window, halves = view.window, not view.ink.colourless
    matrix = view.reach_matrix[window, window]
    steps = len(matrix)
    count = min(steps, 2 * band.lines if halves else band.lines)
    edges = group_edges(steps, count)
    past = np.tri(steps, k=-1, dtype=np.bool_)
    norms = np.where(past & (matrix >= 0), matrix, np.nan)  # an infinite one is the strongest of its group
    codes = reach_codes(np.fmax.reduceat(norms, edges, axis=0))
    codes[~np.logical_or.reduceat(past, edges, axis=0)] = HALF
    here = int(np.searchsorted(edges, view.lit, side="right")) - 1
    odd = int(np.count_nonzero(np.isnan(matrix) & past))
    each = math.ceil(steps / count)
    grouped, gaps = f"{each} to a row" if each > 1 else "", counted(odd, "gap") if odd else ""
    texts = [text for text in ("triangle", "t down", "s across", grouped, gaps) if text]
    rows = []
    for line, pair in enumerate(line_codes(codes, band.lines, halves)):
        text = texts[line] if line < len(texts) else ""
        about = (text, "faint" if line else "muted", "", here // (2 if halves else 1) == line)
        rows.append(_heat(view, about, pair, memory.painter(view, REACH)))
    return rows


def _note(view: View, memory: Memory) -> Row:
    row = view.reach_matrix[view.place.playhead]
    parts = reach_readout(row, view.place.playhead, view.tokens_by)
    odd = int(np.count_nonzero(np.isnan(row[: view.place.playhead])))
    if odd:
        parts.append(Part(f", {counted(odd, 'gap')}"))
    painter = memory.painter(view, REACH)
    return _sentence(view, parts, lambda: swatch(view.layout.gutter, "", "", REACH, painter, view.ink)[::-1])


def _readout(view: View) -> Row:
    """What the playhead crosses in the focused stave; the reach says it itself where there is a line for it."""
    t, unit = view.place.playhead, view.chosen.unit
    stave = view.stave(view.chosen.gate) if view.chosen.focus == "gate" else None
    says_reach = any(band.kind is Kind.NOTE for band in view.layout.bands)

    def say(count: int) -> list[Part]:
        if view.chosen.focus == "reach":
            row = view.reach_matrix[t]
            if says_reach:
                return distances_readout(view.probe, row, t, count)
            return reach_readout(row, t, view.tokens_by, brief=count < 0)
        if stave is None:
            return place_readout(view.probe, t, count)
        if unit is None:
            return gate_readout(view.probe, t, stave, count)
        return unit_readout(view.probe, t, stave, unit, count)

    warning = [Part(f"   {visible(view.probe.warning)}")] if view.probe.warning else []
    room = view.layout.gutter + view.layout.columns * view.layout.column_width
    for count in range(len(BACK), -2, -1):  # as many guesses or distances as there is room for; -1: the least
        parts = say(count) + warning
        if sum(cell_len(part.text) for part in parts) <= room:
            break
    return _sentence(view, parts)


def _sentence(view: View, parts: Sequence[Part], before: Callable[[], list[Segment]] | None = None) -> Row:
    """Words below the staves, from their left edge on or, where these are narrow, from the pane's."""
    ink, gutter = view.ink, view.layout.gutter
    size = sum(cell_len(part.text) for part in parts)
    indent = gutter if before or size <= view.layout.columns * view.layout.column_width else 0
    lead = before() if before else [Segment(" " * indent, ink.text)] if indent else []
    key = (indent, bool(before), tuple(parts))
    return Row(key, lambda: [*lead, *pieces(*((p.text, ink.text if p.bright else ink.muted) for p in parts))])
