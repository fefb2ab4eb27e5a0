"""How a line of the score is put together: its label, its cells under the text, the playhead's column lit."""

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
Label = tuple[str, str, str, bool]  # text, style name, focus key, marked
NO_LABEL: Label = ("", "faint", "", False)
_BYTE = re.compile(r"\\x[0-9a-f]{2}")  # as a vocabulary of bytes names those that are no character


def gutter_of(view: View, about: Label) -> list[Segment]:
    """The label at the left of a line."""
    text, style, key, marked = about
    return label(view.layout.gutter, text, getattr(view.ink, style), view.ink, key=key, marked=marked)


def to_a_row(each: int) -> str:
    """How many timesteps a row stands for, in the ten cells of a label; nothing where it is one."""
    return "" if each < 2 else f"{each} to a row" if each < 10 else f"{each} a row"


def cells_row(view: View, about: Label, glyphs: list[str], styles: list[Style]) -> Row:
    """A row of one glyph (of the column's width) a timestep, the playhead's column lit."""
    if 0 <= view.lit < len(styles):
        styles[view.lit] = view.ink.lit(styles[view.lit])
    key = (view.layout.gutter, about, tuple(glyphs), tuple(styles))
    return Row(key, lambda: [*gutter_of(view, about), *runs(glyphs, styles)], line_width(view))


def line_width(view: View) -> int:
    """Cells of a line that has one column for each timestep in view."""
    columns: int = view.window.stop - view.window.start
    return view.layout.gutter + columns * view.layout.column_width


def heat_row(view: View, about: Label, pair: tuple[U8, U8], painter: HeatmapPainter) -> Row:
    """A line of a heatmap: the codes of its upper and lower row."""
    top, bottom = pair
    key = (view.layout.gutter, view.layout.column_width, about, top.tobytes(), bottom.tobytes(), view.lit)
    return Row(key, lambda: [*gutter_of(view, about), *painter.line(top, bottom, view.lit)], line_width(view))


@lru_cache(maxsize=1 << 14)
def drawn(symbol: str, width: int) -> str:
    """A token in a column: exactly `width` cells, words with a space between them and none of their own."""
    return fit(cell(bare(symbol)), width) if width < 3 else fit(cell(bare(symbol)), width - 1) + " "


def bare(symbol: str) -> str:
    """What of a token is drawn in a column: a word without the spaces around it, of a byte no character has its digits.

    What is nothing but spaces stays.
    """
    return symbol[2:] if _BYTE.fullmatch(symbol) else symbol.strip(" ") or symbol


def sentence(view: View, parts: Sequence[Part], before: Callable[[], list[Segment]] | None = None) -> Row:
    """Words below the staves, from their left edge on or, where these are narrow, from the pane's."""
    ink, gutter = view.ink, view.layout.gutter
    size = sum(cell_len(part.text) for part in parts)
    indent = gutter if before or size <= view.layout.columns * view.layout.column_width else 0
    lead = before() if before else [Segment(" " * indent, ink.text)] if indent else []
    key = (indent, bool(before), tuple(parts))
    return Row(key, lambda: [*lead, *pieces(*((p.text, ink.text if p.bright else ink.muted) for p in parts))])


def column_width(probe: Probe, tokens_by: str) -> int:
    """Cells a timestep: 1, 2 where a character is a wide one, up to 8 (with the space between) for words."""
    shown = [*probe.symbols, *(guesses[0] for guesses in probe.top_symbols if guesses)]
    widest = max((cell_width(bare(symbol)) for symbol in shown), default=1)
    return min(widest, 2) if tokens_by != "word" else min(widest + 1, _WORD_COLUMN)
