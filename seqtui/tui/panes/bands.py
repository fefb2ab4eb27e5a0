"""Drawing of each band of the score."""

import math

import numpy as np
from rich.cells import cell_len
from rich.style import Style

from seqtui.live.snapshot import Phase
from seqtui.tui.panes.alignment_map import alignment_map_rows, looked_rows
from seqtui.tui.panes.bar_state import bar_state_rows, state_readout
from seqtui.tui.panes.drawing import NO_LABEL, cells_row, drawn, heat_row, sentence
from seqtui.tui.panes.gutter import label, swatch
from seqtui.tui.panes.heads import attends_rows, heads_rows, map_rows
from seqtui.tui.panes.judged import losses_of, right_at
from seqtui.tui.panes.layout import Band, Kind, Layout
from seqtui.tui.panes.reach import note_row, reach_row, triangle_rows
from seqtui.tui.panes.readout import (
    BACK,
    OF_STATE,
    Part,
    alignment_readout,
    distances_readout,
    gate_readout,
    head_readout,
    place_readout,
    reach_readout,
    unit_readout,
)
from seqtui.tui.panes.staves import LABELS, row_of, unit_name
from seqtui.tui.panes.value_stave import value_rows
from seqtui.tui.panes.verdict_stave import verdict_rows
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights
from seqtui.tui.widgets.heatmap import line_codes
from seqtui.tui.widgets.ink import Ink, rgb
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import BLANK, Row, pieces
from seqtui.visible import visible

_BEGIN = "›"  # stands for the bar's symbol right of the bar, in the column at which the decoder begins
HANDED = ("h", "c")  # states that the decoder takes over from the encoder
_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "nothing to show: training failed",
}


def band_rows(band: Band, view: View, memory: Memory, alone: bool) -> list[Row]:
    """Return the rows of one band; `alone` means that staves have no half-line gap below them."""
    match band.kind:
        case Kind.TEXT:
            return [_text(view)]
        case Kind.GUESS:
            return [_guess(view)]
        case Kind.VERDICT:
            return verdict_rows(band, view, memory)
        case Kind.VALUES:
            return value_rows(band, view)
        case Kind.TRACE:
            return _trace(band, view, memory)
        case Kind.LOSS:
            return _loss(band, view, memory)
        case Kind.STAVE:
            return _stave(band, view, memory, alone)
        case Kind.REACH:
            return [reach_row(view, memory)]
        case Kind.TRIANGLE:
            return triangle_rows(band, view, memory)
        case Kind.ATTENDS:
            return looked_rows(band, view, memory) if view.probe.bar else attends_rows(band, view, memory)
        case Kind.MAP | Kind.HEADS if view.probe.bar:
            return alignment_map_rows(band, view, memory)
        case Kind.MAP:
            return map_rows(band, view, memory)
        case Kind.HEADS:
            return heads_rows(band, view, memory)
        case Kind.STATE:
            return bar_state_rows(band, view, memory)
        case Kind.NOTE:
            return [note_row(view, memory)]
        case Kind.READOUT:
            return [_readout(view)]


def empty_rows(layout: Layout, ink: Ink, phase: Phase) -> list[Row]:
    """Return rows with the staves' names only, and what the score is waiting for."""
    text = _WAITING.get(phase, "waiting for the first probe")
    names = {
        Kind.GUESS: "guess",
        Kind.VERDICT: "verdict",
        Kind.VALUES: "values",
        Kind.LOSS: "loss",
        Kind.REACH: "reach",
        Kind.ATTENDS: "attends",
        Kind.MAP: "map",
    }
    rows: list[Row] = []
    for band in layout.bands:
        name = LABELS.get(band.name, band.name) if band.kind is Kind.STAVE else names.get(band.kind, "")
        said = text if band.kind is Kind.TEXT else ""
        segments = [*label(layout.gutter, name, ink.faint, ink), *pieces((said, ink.muted))]
        rows.append(Row((layout.gutter, name, said), segments.copy))
        rows += [BLANK] * (band.lines - 1)
    return rows


def _text(view: View) -> Row:
    ink, symbols = view.ink, view.probe.symbols[view.window]
    glyphs = [drawn(symbol, view.layout.column_width) for symbol in symbols]
    if view.bar >= 0:
        glyphs[view.bar] = drawn(_BEGIN, view.layout.column_width)
    styles = [ink.text if visible(symbol) == symbol else ink.faint for symbol in symbols]
    return cells_row(view, NO_LABEL, glyphs, styles)


def _guess(view: View) -> Row:
    """Draw the most likely token at each timestep: dim if correct, otherwise warmer with its probability."""
    ink, probe, width = view.ink, view.probe, view.layout.column_width
    glyphs, styles = [], []
    for t in range(view.window.start, view.window.stop):
        first = probe.top_symbols[t][0] if probe.top_symbols[t] else ""
        share = float(probe.top_probability[t, 0]) if probe.top_probability.shape[1:] > (0,) else math.nan
        wrong = bool(first) and first != right_at(probe, t)
        sure = 7 if ink.colourless or not math.isfinite(share) else min(7, 3 + int(4.9 * share))
        short = first if width > 2 or probe.verdict is None else first[:1]  # a class may have a longer name
        glyphs.append(drawn(short, width) if first else " " * width)
        styles.append(ink.tints[sure] if wrong else ink.faint)
    return cells_row(view, ("guess", "muted", "", False), glyphs, styles)


def _loss(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw bars on a steady scale, tinted above three quarters of it; an infinite loss has the full height."""
    ink, top = view.ink, memory.loss_limit.value
    loss = np.where(np.isposinf(view.probe.loss[view.window]), top, view.probe.loss[view.window])
    heights = bar_heights(loss, 0.0, top, band.lines)
    styles = [ink.warm if tall else ink.muted for tall in (loss > 0.75 * top).tolist()]
    known = losses_of(view.probe)
    gaps, endless = (int(np.count_nonzero(odd(known))) for odd in (np.isnan, np.isinf))
    texts = ["loss"]
    texts += [counted(gaps, "gap")] if gaps else []
    texts += [f"{endless:,} are ∞"] if endless else []
    unlabelled = "no label" if known.size == 0 and view.probe.verdict is not None else ""
    nats = " nats" if top >= 0.1 and view.probe.series is None else ""  # fits the ten cells of a label
    texts.append(unlabelled or f"0–{top:g}{nats}")
    rows = []
    for line in range(band.lines):
        style = ("accent" if view.chosen.focus == "loss" else "text") if line == 0 else "faint"
        about = (texts[line] if line < len(texts) else "", style, "3" if line == 0 else "", False)
        rows.append(
            cells_row(view, about, bar_glyphs(heights, line, band.lines, view.layout.column_width), list(styles))
        )
    return rows


def _trace(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw the picked unit over the text as bars in its stave's colours."""
    stave, ink = view.stave(view.chosen.gate), view.ink
    if stave is None or view.chosen.unit is None:
        return [BLANK] * band.lines
    values = memory.measured(stave, stave.values[view.window, view.chosen.unit])
    scale, low, high = memory.bounds(stave)
    heights = bar_heights(values, low, high, band.lines)
    painter = memory.painter(view, scale)
    colours = [painter.colour(code) for code in scale.codes(values, low, high).tolist()]
    styles = [ink.text if ink.colourless or c is None else ink.text + Style(color=rgb(c)) for c in colours]
    texts = [unit_name(stave, view.chosen.unit), LABELS.get(stave.name, stave.name)]
    rows = []
    for line in range(band.lines):
        about = (texts[line] if line < 2 else "", "accent" if line == 0 else "faint", "", False)
        rows.append(
            cells_row(view, about, bar_glyphs(heights, line, band.lines, view.layout.column_width), list(styles))
        )
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
    chosen, handed = band.name == view.chosen.gate, band.name in HANDED
    found = []
    for line, pair in enumerate(line_codes(memory.codes(view, stave, rows), band.lines, halves)):
        style = "faint" if line else "muted" if not chosen else "accent" if view.chosen.focus == "gate" else "text"
        marked = chosen and picked >= 0 and picked // (2 if halves else 1) == line
        about = (texts[line] if line < len(texts) else "", style, "4" if chosen and line == 0 else "", marked)
        found.append(heat_row(view, about, pair, painter, across=handed and line == (band.lines - 1) // 2))
    if band.lines > len(texts) and view.layout.gutter:
        ends = ("-", "+") if stave.signed else ("0", "1" if stave.gate else "")
        line = len(texts)
        cells = line_codes(memory.codes(view, stave, rows), band.lines, halves)[line]
        key = swatch(view.layout.gutter, *ends, scale, painter, view.ink)
        found[line] = heat_row(view, NO_LABEL, cells, painter, before=key.copy)
    return found


def stave_rows(lines: int, view: View, alone: bool) -> int:
    """Return the number of rows of values in a stave of `lines` lines.

    With half blocks a line holds two rows; the last half line is the gap to the next stave.
    """
    if view.ink.colourless:
        return lines
    return 2 * lines - (0 if alone or lines < 2 else 1)


def _readout(view: View) -> Row:
    """Describe the focused stave at the playhead, with as many guesses or distances as fit."""
    warning = [Part(f"   {visible(view.probe.warning)}")] if view.probe.warning else []
    room = view.layout.gutter + view.layout.columns * view.layout.column_width
    for count in range(len(BACK), -2, -1):  # -1: the shortest form
        parts = _said(view, count) + warning
        if sum(cell_len(part.text) for part in parts) <= room:
            break
    return sentence(view, parts)


def _said(view: View, count: int) -> list[Part]:
    """Return the readout of the focused stave; for the reach, the distances if the layout has a NOTE line."""
    t, unit, focus, weights = view.place.playhead, view.chosen.unit, view.chosen.focus, view.attention
    if focus == "state":
        return state_readout(view, brief=count < 0)
    if focus == "reach":
        if any(band.kind is Kind.NOTE for band in view.layout.bands):
            state = "h" if weights is None else "stream"
            of = "|dL/dx|" if view.reaches_input else f"|dL/d{state}|"
            return distances_readout(view.probe, view.norms, t, count, of, view.own)
        of = " of the largest |dL/dx|" if view.reaches_input else OF_STATE
        return reach_readout(view.reach_row, t + view.own, view.tokens_by, brief=count < 0, of=of)
    if focus == "attention" and weights is not None:
        head = weights[view.layer, view.head, t]
        return head_readout(view.probe, t, head, view.layer, view.head, view.tokens_by, count)
    looked = view.alignment(view.spread_mean) if focus == "attention" else None
    if looked is not None:
        return alignment_readout(view.probe, t, looked[t], count)
    stave = view.stave(view.chosen.gate) if focus == "gate" else None
    if stave is None:
        return place_readout(view.probe, t, count)
    if unit is None:
        return gate_readout(view.probe, t, stave, count)
    return unit_readout(view.probe, t, stave, unit, count)
