"""Where the bars of a piano roll stand: the scale of time and pitch, and the systems that the bars are folded into."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from seqcore.data.abc import Bar, Tune
from seqcore.data.abc_fields import SEMITONES

GUTTER = 4  # cells of the note names at the left
_LEVELS = (1, 2, 4)  # pitches on one line: a full cell, half blocks, braille dots
_WANTED = 16  # bars that should be in view at once: half of a dance tune, with repeats all of it
_STEPPED = 2  # levels a line from which the pitches outside the key are left out
_OCTAVE = 12
_LONGEST = 4096  # cells of a bar that are drawn
_CELLS = (4, 3, 2, 1)  # of the shortest note
_SCALES = ((4, 8), (3, 8), (2, 3), (1, 2), (Fraction(1, 2), 1))  # cells of the shortest note, if so many bars fit


class Piece(NamedTuple):
    """A bar, or the part of a bar that is wider than the pane, with its place on a line."""

    bar: int
    x: int  # the cell of its first note
    skipped: int  # cells of the bar on the lines before
    cells: int
    left: str  # the sign before it
    right: str  # the sign after it


@dataclass(frozen=True)
class Layout:
    """The systems of a tune; the last `shown` of them are in view."""

    scale: Fraction  # cells a whole note
    systems: tuple[tuple[Piece, ...], ...]
    shown: int
    lines: int  # of a system, without the line of numbers
    levels: int  # of pitch on a line
    ladder: tuple[int, ...]  # the MIDI pitches that have a level, upwards; compressed if there is no room for so many

    def level(self, pitch: int) -> int:
        """Return the level of a pitch on the ladder, 0 at the bottom."""
        most, place = self.lines * self.levels - 1, bisect_left(self.ladder, pitch)
        return place if len(self.ladder) <= most + 1 else round(place * most / (len(self.ladder) - 1))


def lay_out(tune: Tune, growing: bool, width: int, height: int) -> Layout:
    """Return the layout of a tune with a bar at least, in width x height cells."""
    room = max(2, width - GUTTER)
    semitones, steps = _ladders(tune)
    ladder = semitones
    scale, levels, lines, shown = _fitting(tune, len(semitones), room, height)
    if levels > _STEPPED and -(-len(steps) // _STEPPED) < height:  # blocks are easier to read than dots
        ladder, levels = steps, _STEPPED
        lines = -(-len(steps) // _STEPPED)
        shown = height // (lines + 1)
    widths = [_width(tune, index, growing, scale) for index in range(len(tune.bars))]
    first = 0
    if shown == 1:  # as many of the newest bars as fit
        first = len(widths) - 1
        while first and sum(widths[first - 1 :]) <= room:
            first -= 1
    systems = tuple(tuple(system) for system in _fold(tune, first, growing, scale, room))
    return Layout(scale, systems, shown, lines, levels, ladder)


def sign_columns(sign: str) -> str:
    """Return the glyphs of a bar line, one a column; the dots of a repeat are for the middle line."""
    if not sign:
        return ""
    line = "║" if "||" in sign else "┃" if ":" in sign or "]" in sign else "│"
    return (":" if sign.startswith(":") else "") + line + (":" if sign.endswith(":") else "")


def _ladders(tune: Tune) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the semitones from the lowest to the highest note, at least an octave, and those in the key or played."""
    played = {note.pitch for note in tune.notes if note.pitch is not None} or {60}
    low, high = min(played), max(played)
    missing = max(0, _OCTAVE - (high - low))
    semitones = tuple(range(low - missing // 2, high + missing - missing // 2 + 1))
    key = {(semitone + tune.key.get(letter, 0)) % 12 for letter, semitone in SEMITONES.items()}
    return semitones, tuple(pitch for pitch in semitones if pitch % 12 in key or pitch in played)


def _usual(tune: Tune) -> Fraction:
    """Return the duration of most bars."""
    return Fraction(*tune.metre) if tune.metre is not None else max(bar.duration for bar in tune.bars) or Fraction(1)


def _cells(duration: Fraction, scale: Fraction) -> int:
    """Return the cells of a bar and its bar line."""
    return max(1, ceil(duration * scale)) + 1


def _beat(tune: Tune) -> int:
    """Return the cells a whole note at which the shortest note has a cell: a power of two, at most 64."""
    shortest, below = min(note.duration for note in tune.notes), 1
    while below < 64 and Fraction(1, below) > shortest:
        below *= 2
    return below


def _fitting(tune: Tune, span: int, room: int, height: int) -> tuple[Fraction, int, int, int]:
    """Return the cells a whole note, the levels of a line, the lines of a system, and how many systems fit.

    Large notes are preferred, if `_WANTED` bars are in view; else as many bars as the smallest levels allow.
    """
    usual, beat = _usual(tune), _beat(tune)
    for cells, levels in ((c, n) for least in (2, 1) for n in _LEVELS for c in _CELLS if (c > 1) == (least > 1)):
        scale, lines = Fraction(cells * beat), -(-span // levels)
        systems = height // (lines + 1)
        if systems * (room // _cells(usual, scale)) >= _WANTED:
            return scale, levels, lines, systems
    scales = (
        Fraction(cells) * beat for cells, bars in _SCALES if room // _cells(usual, Fraction(cells) * beat) >= bars
    )
    scale = next(scales, Fraction(max(1, room - 1)) / usual)
    most = max(_LEVELS, key=lambda levels: (height // (1 - (-span // levels)), -levels))
    lines = -(-span // most)
    systems = height // (lines + 1)
    return (scale, most, lines, systems) if systems else (scale, _LEVELS[-1], max(1, height - 1), 1)


def _width(tune: Tune, index: int, growing: bool, scale: Fraction) -> int:
    """Return the cells of a bar with its signs."""
    left, cells, right = _parts(tune, index, growing, scale)
    return len(left) + cells + len(right)


def _parts(tune: Tune, index: int, growing: bool, scale: Fraction) -> tuple[str, int, str]:
    """Return the sign before a bar, its cells, and the sign after it."""
    bar = tune.bars[index]
    grows = growing and index == len(tune.bars) - 1  # keep room for all of it
    duration = max(bar.duration, bar.asked or 0) if grows else bar.duration
    cells = min(_LONGEST, max(1, ceil(duration * scale)))
    return sign_columns(bar.before if index == 0 else ""), cells, sign_columns(_after(tune.bars, index))


def _fold(tune: Tune, first: int, growing: bool, scale: Fraction, room: int) -> Iterator[list[Piece]]:
    """Yield the pieces of each system, from the bar `first` on."""
    system: list[Piece] = []
    x = 0
    for index in range(first, len(tune.bars)):
        left, cells, right = _parts(tune, index, growing, scale)
        skipped = 0
        while cells > 0:
            if system and x + len(left) + cells + len(right) > room:
                yield system
                system, x = [], 0
            fitting = max(1, room - x - len(left) - len(right))
            part = min(cells, fitting)
            x += len(left)
            system.append(Piece(index, x, skipped, part, left, right if part == cells else ""))
            x += part + (len(right) if part == cells else 0)
            cells, skipped, left = cells - part, skipped + part, ""
    if system:
        yield system


def _after(bars: tuple[Bar, ...], index: int) -> str:
    """Return the sign after a bar, joined with a sign that opens the next one: `:|` and `|:` are `::`."""
    after = bars[index].after
    following = bars[index + 1].before if index + 1 < len(bars) else ""
    if following.endswith(":") and not after.endswith(":"):
        return f"{after}:" if after else following
    return after or following
