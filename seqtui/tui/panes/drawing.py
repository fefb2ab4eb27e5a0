"""Lines of the score: a label, then cells aligned with the text, with the playhead's column highlighted."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.records import Probe

from seqtui.tui.panes.gutter import label
from seqtui.tui.panes.readout import Part
from seqtui.tui.panes.view import U8, View
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.pane import Row, fit, pieces
from seqtui.visible import cell, cell_width

_WORD_COLUMN = 8
BAR = "║"  # between source and target, through all staves
_END, _END_MARK = "<end>", "∎"  # the symbol that ends a target, and its form in narrow columns
ACROSS = "→"  # in its place where a state is handed over
Label = tuple[str, str, str, bool]  # text, style name, focus key, marked
NO_LABEL: Label = ("", "faint", "", False)
_BYTE = re.compile(r"\\x[0-9a-f]{2}")  # name of a byte that is not a character, in a byte vocabulary


def gutter_of(view: View, about: Label) -> list[Segment]:
    """Return the label at the left of a line."""
    text, style, key, marked = about
    return label(view.layout.gutter, text, getattr(view.ink, style), view.ink, key=key, marked=marked)


def to_a_row(each: int) -> str:
    """Return the number of timesteps per row as a label of at most ten cells; "" if it is 1."""
    return "" if each < 2 else f"{each} per row" if each < 10 else f"{each}/row"


def cells_row(view: View, about: Label, glyphs: list[str], styles: list[Style]) -> Row:
    """Return a row of one glyph (of the column's width) per timestep, with the playhead's column highlighted."""
    if 0 <= view.lit < len(styles):
        styles[view.lit] = view.ink.lit(styles[view.lit])
    if view.bar >= 0:
        glyphs = [*glyphs[: view.bar], BAR, *glyphs[view.bar :]]
        styles = [*styles[: view.bar], view.ink.muted, *styles[view.bar :]]
    key = (view.layout.gutter, about, tuple(glyphs), tuple(styles))
    return Row(key, lambda: [*gutter_of(view, about), *runs(glyphs, styles)], line_width(view))


def line_width(view: View) -> int:
    """Return the width in cells of a line with one column for each timestep in view, and the bar if it is in view."""
    columns: int = view.window.stop - view.window.start
    return view.layout.gutter + columns * view.layout.column_width + int(view.bar >= 0)


def column_at(view: View, cell: int) -> int:
    """Return the timestep under a cell, counted from the first column; the bar belongs to the column after it."""
    behind = view.bar >= 0 and cell > view.bar * view.layout.column_width
    return int(view.window.start) + (cell - int(behind)) // view.layout.column_width


def heat_row(
    view: View,
    about: Label,
    pair: tuple[U8, U8],
    painter: HeatmapPainter,
    across: bool = False,
    before: Callable[[], list[Segment]] | None = None,
) -> Row:
    """Return a line of a heatmap from the codes of its upper and lower row.

    `across` draws an arrow in place of the bar; `before` has another strip than the label in the gutter.
    """
    (top, bottom), bar, lit = pair, view.bar, view.lit
    key = (view.layout.gutter, view.layout.column_width, about, top.tobytes(), bottom.tobytes(), lit, bar, across)

    def paint() -> list[Segment]:
        lead = before() if before else gutter_of(view, about)
        if bar < 0:
            return [*lead, *painter.line(top, bottom, lit)]
        mark = Segment(ACROSS, view.ink.accent) if across else Segment(BAR, view.ink.muted)
        first, then = painter.line(top[:bar], bottom[:bar], lit), painter.line(top[bar:], bottom[bar:], lit - bar)
        return [*lead, *first, mark, *then]

    return Row((*key, before is not None), paint, line_width(view))


@lru_cache(maxsize=1 << 14)
def drawn(symbol: str, width: int) -> str:
    """Return a token in exactly `width` cells; from 3 cells on the last one is a space between words."""
    symbol = _END_MARK if symbol == _END and width <= len(_END) else symbol
    return fit(cell(bare(symbol)), width) if width < 3 else fit(cell(bare(symbol)), width - 1) + " "


def bare(symbol: str) -> str:
    """Return the part of a token drawn in a column.

    A word loses its surrounding spaces, a byte such as `\\x1f` keeps its digits only; a token of only spaces stays.
    """
    return symbol[2:] if _BYTE.fullmatch(symbol) else symbol.strip(" ") or symbol


def sentence(view: View, parts: Sequence[Part], before: Callable[[], list[Segment]] | None = None) -> Row:
    """Return a line of text below the staves, indented to their left edge if it fits there."""
    ink, gutter = view.ink, view.layout.gutter
    size = sum(cell_len(part.text) for part in parts)
    indent = gutter if before or size <= view.layout.columns * view.layout.column_width else 0
    lead = before() if before else [Segment(" " * indent, ink.text)] if indent else []
    key = (indent, bool(before), tuple(parts))
    return Row(key, lambda: [*lead, *pieces(*((p.text, ink.text if p.bright else ink.muted) for p in parts))])


def column_width(probe: Probe, tokens_by: str) -> int:
    """Return the cells per timestep: 1, or 2 if a character is wide; for words and bpe up to 8, including the space."""
    guessed = () if probe.verdict is not None else probe.top_symbols  # classes have lines, or one letter each
    shown = [*probe.symbols, *(guesses[0] for guesses in guessed if guesses)]
    widths = [cell_width(bare(symbol)) for symbol in shown if not (probe.bar and symbol == _END)]
    widest = max(widths, default=1)
    return min(widest, 2) if tokens_by not in ("word", "bpe") else min(widest + 1, _WORD_COLUMN)
