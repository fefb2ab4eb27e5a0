"""Heatmaps from level codes: two rows of values per line as half blocks, or one row per line as ramp glyphs."""

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style

from seqtui.tui.widgets.colours import GAP, OVER, OVER_COLOUR, RAMP, RAMP_GAP, RAMP_OVER, Scale, Triplet, mix
from seqtui.tui.widgets.ink import Ink, rgb

U8 = npt.NDArray[np.uint8]
HALF = 254  # code of the thin gap below a stave: drawn as background, not as a missing value
_LIT = 1 << 16
_HIGHLIGHT = 0.42  # share of the highlight's colour in a cell under the playhead


class HeatmapPainter:
    """Converts lines of codes to segments. The segment of each (pair of codes, run length) is cached."""

    def __init__(self, ink: Ink, scale: Scale, column_width: int) -> None:
        self._ink = ink
        self._column = column_width
        self._colours = scale.colours
        self._levels = scale.levels
        self._segments: dict[tuple[int, int], Segment] = {}
        self._highlight = mix(ink.highlight, (255, 255, 255), 0.35)

    def line(self, top: U8, bottom: U8, lit: int) -> list[Segment]:
        """Draw one line: codes (columns,) of its upper and lower row; `lit` is the playhead's column, or -1."""
        columns = len(top)
        if columns == 0:
            return []
        codes = top.astype(np.int64) * 256 + bottom
        if 0 <= lit < columns:
            codes[lit] += _LIT
        starts = np.flatnonzero(codes[1:] != codes[:-1]) + 1
        edges = [0, *starts.tolist(), columns]
        known = self._segments
        segments = []
        for start, stop, code in zip(edges, edges[1:], [int(codes[0]), *codes[starts].tolist()], strict=False):
            key = (code, stop - start)
            segment = known.get(key)
            if segment is None:
                known[key] = segment = self._segment(*key)
            segments.append(segment)
        return segments

    def colour(self, code: int, lit: bool = False) -> Triplet | None:
        """Return the colour of a code, None for a gap."""
        if code >= self._levels and code != OVER:
            return None
        colour = OVER_COLOUR if code == OVER else self._colours[code]
        return mix(colour, self._highlight, _HIGHLIGHT) if lit else colour

    def _segment(self, code: int, run: int) -> Segment:
        lit = code >= _LIT
        top, bottom = divmod(code % _LIT, 256)
        base = self._ink.lit(self._ink.text) if lit else self._ink.text
        cells = run * self._column
        if self._ink.colourless:
            return Segment(self.glyph(top) * cells, base)
        upper, lower = self.colour(top, lit), self.colour(bottom, lit)
        if upper is None and lower is None:
            return Segment(" " * cells, base)
        if upper is None or lower is None:
            only = upper or lower
            return Segment(("▀" if upper else "▄") * cells, Style(color=rgb(only or (0, 0, 0)), bgcolor=base.bgcolor))
        return Segment("▀" * cells, Style(color=rgb(upper), bgcolor=rgb(lower)))

    def glyph(self, code: int) -> str:
        """Return the ramp glyph of a code."""
        if code == HALF:
            return " "
        if code == OVER:
            return RAMP_OVER
        return RAMP_GAP if code == GAP else RAMP[code * len(RAMP) // self._levels]


def line_codes(codes: U8, lines: int, halves: bool) -> list[tuple[U8, U8]]:
    """Return the rows of codes (rows, columns) as (upper, lower) pairs for `lines` lines; missing rows are HALF."""
    columns = codes.shape[1]
    need = 2 * lines if halves else lines
    blank = np.full((max(0, need - len(codes)), columns), HALF, np.uint8)
    full = np.concatenate([codes[:need], blank])
    return [(full[2 * i], full[2 * i + 1]) if halves else (full[i], full[i]) for i in range(lines)]
