"""The alignment map: a row for each symbol of the target, a column for each of the source, darker where it looks."""

from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from seqcore.records import Probe

from seqtui.tui.panes.drawing import bare
from seqtui.tui.widgets.colours import mix
from seqtui.tui.widgets.ink import Ink, rgb, triplet
from seqtui.tui.widgets.pane import Row, fit, pieces
from seqtui.visible import visible

RAMP = " ░▒▓█"  # a fifth of the whole weight each
_LABEL = 11  # most cells of a symbol before its row
_COLUMN = 8  # most cells of a column
_LEAST = 2


def alignment_rows(probe: Probe, playhead: int, ink: Ink, width: int, height: int) -> list[Row]:
    """Return at most `height` rows: the source above, then the rows around the playhead's; empty if nothing fits."""
    found = probe.translation
    if found is None or found.alignment is None or not probe.bar:
        return []
    S, T = probe.bar, len(probe.symbols)
    names = [visible(bare(symbol)) for symbol in probe.symbols]
    label = min(_LABEL, max(cell_len(name) for name in names[S + 1 :]) + 1)
    each = min(_COLUMN, (width - label) // S, max(cell_len(name) for name in names[:S]) + 1)
    if each < 1 or height < 2:
        return []
    begin = _first(S + 1, T, playhead, height - 1)
    rows = [_header(names[:S], playhead, ink, label, each)]
    for t in range(begin, min(T, begin + height - 1)):
        rows.append(_row(names[t], found.alignment[t], t == playhead, playhead, ink, label, each))
    return rows


def _first(least: int, most: int, playhead: int, count: int) -> int:
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
    name: str, weights: "np.typing.NDArray[np.float32]", here: bool, playhead: int, ink: Ink, label: int, each: int
) -> Row:
    """Return a symbol of the target and its weights."""
    parts: list[tuple[str, Style]] = [(fit(name, label - 1) + " ", ink.lit(ink.text) if here else ink.muted)]
    for s, weight in enumerate(np.nan_to_num(weights, nan=0.0).tolist()):
        glyph = RAMP[min(len(RAMP) - 1, round(weight * (len(RAMP) - 1)))]
        style = shade(weight, ink)
        text = glyph * max(1, each - (1 if each > _LEAST else 0))
        parts.append((text.ljust(each), ink.lit(style) if here or s == playhead else style))
    found = tuple(parts)
    return Row(("weights", found), partial(pieces, *found))


def shade(weight: float, ink: Ink) -> Style:
    """Return a text style for a weight: the accent where it is large."""
    if ink.colourless:
        return ink.text + Style(bold=weight > 0.5)
    plain, strong = triplet(ink.muted.color), triplet(ink.accent.color)
    return ink.text + Style(color=rgb(mix(plain, strong, min(1.0, max(0.0, weight)))))
