"""The fixed-width strip of labels at the left of the score."""

from rich.segment import Segment
from rich.style import Style

from seqtui.tui.widgets.colours import Scale
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.pane import fit

MARK = "▸"  # marks the row of the picked unit, or of the playhead in the triangle
_INDENT = 13  # gutters of at least this width reserve two cells for the focus key


def label(width: int, text: str, style: Style, ink: Ink, *, key: str = "", marked: bool = False) -> list[Segment]:
    """Return a label of exactly `width` cells, with the focus key before it and the mark at its end."""
    if width <= 0:
        return []
    indent = f"{key:1} " if width >= _INDENT else ""
    body = fit(text, width - len(indent) - 1)
    return [
        *([Segment(indent, ink.faint)] if indent else []),
        Segment(body, style),
        Segment(MARK if marked else " ", ink.accent),
    ]


def swatch(width: int, low: str, high: str, scale: Scale, painter: HeatmapPainter, ink: Ink) -> list[Segment]:
    """Return the colour key, the scale between the labels of its two ends, in place of a label."""
    if width < _INDENT:
        return [Segment(" " * width, ink.faint)] if width else []
    room = width - 5 - len(low) - len(high)
    cells = [_swatch_cell(i * (scale.levels - 1) // max(1, room - 1), painter, ink) for i in range(room)]
    end = " " * (width - 2 - len(low) - 1 - room - 1 - len(high))
    return [Segment(f"  {low} ", ink.faint), *cells, Segment(f" {high}{end}", ink.faint)]


def _swatch_cell(code: int, painter: HeatmapPainter, ink: Ink) -> Segment:
    colour = painter.colour(code)
    if ink.colourless or colour is None:
        return Segment(painter.glyph(code), ink.text)
    return Segment("▄", ink.text + Style(color="#{:02x}{:02x}{:02x}".format(*colour)))
