"""The alignment map: a row for each symbol of the target, a column for each of the source, brighter where it looks."""

from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.records import Probe

from seqtui.tui.panes.attention import U8, codes
from seqtui.tui.panes.drawing import bare
from seqtui.tui.widgets.colours import ATTENTION, mix
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.ink import Ink, rgb, triplet
from seqtui.tui.widgets.pane import Row, fit, pieces
from seqtui.visible import visible

_LABEL = 11  # most cells of a symbol before its row
_COLUMN = 8  # most cells of a column
_LEAST = 2


def alignment_rows(
    probe: Probe, weights: "np.typing.NDArray[np.float32] | None", playhead: int, ink: Ink, width: int, height: int
) -> list[Row]:
    """Return at most `height` rows for weights (T, S): the source above, then the rows around the playhead's.

    Empty without weights, or if nothing fits.
    """
    if weights is None or not probe.bar:
        return []
    S, T = probe.bar, len(probe.symbols)
    names = [visible(bare(symbol)) for symbol in probe.symbols]
    label = min(_LABEL, max(cell_len(name) for name in names[S + 1 :]) + 1)
    each = min(_COLUMN, (width - label) // S, max(cell_len(name) for name in names[:S]) + 1)
    if each < 1 or height < 2:
        return []
    painter = HeatmapPainter(ink, ATTENTION, each - (1 if each > _LEAST else 0))
    begin = first_row(S + 1, T, playhead, height - 1)
    rows = [_header(names[:S], playhead, ink, label, each)]
    for t in range(begin, min(T, begin + height - 1)):
        rows.append(_row(names[t], codes(weights[t]), t == playhead, playhead, ink, label, each, painter))
    return rows


def first_row(least: int, most: int, playhead: int, count: int) -> int:
    """Return the first of `count` rows in view, so that the playhead's is among them."""
    return max(least, min(playhead - count // 2, most - count))


def _header(names: list[str], playhead: int, ink: Ink, label: int, each: int) -> Row:
    """Return the symbols of the source over their columns."""
    parts: list[tuple[str, Style]] = [(" " * label, ink.muted)]
    for s, name in enumerate(names):
        text = fit(name, each) if each < _LEAST + 1 else fit(name, each - 1) + " "
        parts.append((text, ink.lit(ink.text) if s == playhead else ink.muted))
    found = tuple(parts)
    return Row(("over", found), partial(pieces, *found))


def _row(
    name: str, levels: U8, here: bool, playhead: int, ink: Ink, label: int, each: int, painter: HeatmapPainter
) -> Row:
    """Return a symbol of the target and its weights; under the playhead its whole row is lit."""
    gap = 1 if each > _LEAST else 0
    lead = (fit(name, label - 1) + " ", ink.lit(ink.text) if here else ink.muted)

    def paint() -> list[Segment]:
        found = pieces(lead)
        for s in range(len(levels)):
            lit = here or s == playhead
            found += painter.line(levels[s : s + 1], levels[s : s + 1], 0 if lit else -1)
            found += pieces((" " * gap, ink.lit(ink.text) if lit else ink.text))
        return found

    return Row(("weights", lead, levels.tobytes(), here, playhead, each), paint)


def shade(weight: float, ink: Ink) -> Style:
    """Return a text style for a weight: the accent where it is large."""
    if not ink.shaded:
        return ink.text + Style(bold=weight > 0.5)
    plain, strong = triplet(ink.muted.color), triplet(ink.accent.color)
    return ink.text + Style(color=rgb(mix(plain, strong, min(1.0, max(0.0, weight)))))
