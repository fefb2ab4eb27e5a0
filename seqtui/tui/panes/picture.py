"""A picture in half blocks, two pixels a cell, and where the model looks at it."""

from functools import partial
from itertools import pairwise

import numpy as np
from rich.segment import Segment
from rich.style import Style
from seqcore.records import F32, F64, U8, Picture

from seqtui.tui.widgets.colours import RAMP
from seqtui.tui.widgets.ink import Ink, rgb
from seqtui.tui.widgets.pane import Row

_TINT = 0.6  # share of the highlight's colour in the pixels where the model looks most
_DIM = 0.45  # of the levels of a picture where it does not look
_LOOKED_AT = 0.5  # of the largest weight: where cells are reversed without colour


def scaled_size(picture: Picture, width: int, height: int) -> tuple[int, int]:
    """Return the cells, across and down, of the picture scaled into width x height cells; (0, 0) if it does not fit."""
    rows, columns = picture.pixels.shape[:2]
    factor, divisor = _factor(rows, columns, width, 2 * height)
    if not factor:
        return 0, 0
    return -(-columns // divisor) * factor, -(-(-(-rows // divisor) * factor) // 2)


def _factor(rows: int, columns: int, width: int, lines: int) -> tuple[int, int]:
    """Return by what a picture is multiplied and divided to fit width x lines pixels; (0, 0) if nothing fits."""
    factor = min(width // columns, lines // rows)
    if factor >= 1:
        return factor, 1
    if width < 4 or lines < 4:
        return 0, 0
    return 1, max(-(-columns // width), -(-rows // lines))


def seen_weights(picture: Picture, weights: F32 | None) -> F64 | None:
    """Return how much the model looks at each pixel, (rows, columns), at most 1: of all patches that it is in."""
    if weights is None or not np.isfinite(weights).all():
        return None
    seen: F64 = np.zeros(picture.pixels.shape[:2])
    times = np.zeros(picture.pixels.shape[:2])
    for (top, left), weight in zip(picture.boxes, weights.tolist(), strict=True):
        own = slice(top, top + picture.side), slice(left, left + picture.side)
        seen[own] += weight
        times[own] += 1
    seen /= np.maximum(times, 1)
    most = float(seen.max(initial=0.0))
    return seen / most if most > 0 else None


def picture_rows(picture: Picture, weights: F32 | None, ink: Ink, width: int, height: int) -> list[Row]:
    """Return a picture scaled by a whole factor to at most width x height cells, tinted by the weights of its patches.

    Without colour, brighter pixels are drawn with denser glyphs, and cells where the model looks are reversed.
    """
    across, down = scaled_size(picture, width, height)
    if not across:
        return []
    rows, columns = picture.pixels.shape[:2]
    factor, divisor = _factor(rows, columns, width, 2 * height)
    levels = _scaled(picture.pixels.astype(np.float64), factor, divisor)
    seen = seen_weights(picture, weights)
    looked = None if seen is None else _scaled(seen, factor, divisor)
    if ink.colourless:
        return _plain(levels, looked, ink, down)
    if looked is not None:
        share = looked[..., None]
        levels = levels * (_DIM + (1 - _DIM) * share)
        levels += (np.array(ink.highlight) - levels) * (_TINT * share**2)
    shown: U8 = np.rint(levels).clip(0, 255).astype(np.uint8)
    if len(shown) % 2:
        ground = np.full((1, *shown.shape[1:]), ink.background, np.uint8)
        shown = np.concatenate([shown, ground])
    return [_line(shown[2 * y], shown[2 * y + 1]) for y in range(down)]


def _scaled(values: F64, factor: int, divisor: int) -> F64:
    """Return values (rows, columns, ...) multiplied in size, or the means of divisor x divisor of them."""
    if divisor == 1:
        return values.repeat(factor, axis=0).repeat(factor, axis=1)
    for axis in (0, 1):
        starts = np.arange(0, values.shape[axis], divisor)
        counts = np.diff([*starts, values.shape[axis]])
        shape = [-1 if at == axis else 1 for at in range(values.ndim)]
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape)
    return values


def _line(upper: U8, lower: U8) -> Row:
    """Return two rows of pixels (columns, 3) as one line."""

    def paint() -> list[Segment]:
        both = np.concatenate([upper, lower], axis=1)
        starts = [0, *(np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1).tolist(), len(both)]
        found = []
        for start, stop in pairwise(starts):
            top, bottom = both[start, :3].tolist(), both[start, 3:].tolist()
            style = Style(color=rgb((top[0], top[1], top[2])), bgcolor=rgb((bottom[0], bottom[1], bottom[2])))
            found.append(Segment("▀" * (stop - start), style))
        return found

    return Row(("picture", upper.tobytes(), lower.tobytes()), paint, len(upper))


def _plain(levels: F64, looked: F64 | None, ink: Ink, down: int) -> list[Row]:
    """Return the lines of a picture as glyphs."""
    bright = levels.max(axis=2)
    top = float(bright.max(initial=1.0)) or 1.0
    rows: list[Row] = []
    for y in range(down):
        shares = bright[2 * y : 2 * y + 2].mean(axis=0) / top
        glyphs = "".join(RAMP[min(len(RAMP) - 1, int(share * len(RAMP)))] for share in shares.tolist())
        lit = np.zeros(len(shares), bool) if looked is None else looked[2 * y : 2 * y + 2].max(axis=0) >= _LOOKED_AT
        rows.append(Row(("glyphs", glyphs, lit.tobytes()), partial(_reversed, glyphs, tuple(lit.tolist()), ink)))
    return rows


def _reversed(glyphs: str, lit: tuple[bool, ...], ink: Ink) -> list[Segment]:
    return [Segment(glyph, ink.lit(ink.text) if on else ink.text) for glyph, on in zip(glyphs, lit, strict=True)]
