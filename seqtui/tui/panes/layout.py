"""Which staves a score of a given size holds, and how many lines each gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a band of lines shows."""

    TEXT = "text"
    GUESS = "guess"
    TRACE = "trace"  # the picked unit over the text
    LOSS = "loss"
    STAVE = "stave"
    REACH = "reach"  # at the playhead
    TRIANGLE = "triangle"  # at every timestep
    NOTE = "note"  # the reach in words
    READOUT = "readout"


@dataclass(frozen=True)
class Band:
    """Lines of one kind; `name` is that of a stave."""

    kind: Kind
    lines: int
    name: str = ""


@dataclass(frozen=True)
class Layout:
    """Bands from top to bottom, and how the width is shared."""

    bands: tuple[Band, ...]
    gutter: int
    columns: int  # timesteps that fit
    column_width: int  # cells a timestep
    tight: bool = False  # whether staves follow one another without a gap

    @property
    def staves(self) -> list[Band]:
        """The bands that are staves of the model."""
        return [band for band in self.bands if band.kind is Kind.STAVE]

    def band_at(self, line: int) -> tuple[Band, int] | None:
        """The band that a line is in, and which of its lines that is."""
        for band in self.bands:
            if line < band.lines:
                return band, line
            line -= band.lines
        return None


@dataclass(frozen=True)
class Wish:
    """What there is to show."""

    staves: Sequence[str]  # of one layer, in the model's order
    chosen: str
    units: int
    trace: bool
    triangle: bool
    compact: bool  # two staves at most, on a small screen
    halves: bool = True  # two rows of values a line


_FEWEST = (Kind.TEXT, Kind.READOUT, Kind.LOSS, Kind.STAVE, Kind.REACH, Kind.GUESS)  # which go in first
_ORDER = (Kind.TEXT, Kind.TRACE, Kind.GUESS, Kind.LOSS, Kind.STAVE, Kind.TRIANGLE, Kind.REACH, Kind.NOTE, Kind.READOUT)
_COMPACT_HEIGHT = 18
_COMPACT_STAVE = 4  # lines: eight rows
_TRIANGLE_LEAST = 8
_STAVE_MOST = 16


def gutter_width(width: int) -> int:
    """Cells for the labels at the left."""
    return 13 if width >= 60 else 9 if width >= 36 else 0


def arrange(width: int, height: int, column_width: int, wish: Wish) -> Layout:
    """The layout for a pane of width × height cells."""
    gutter = gutter_width(width)
    columns = max(1, (width - gutter) // column_width)
    bands = _bands(height, wish)
    staves = [band.lines for band in bands if band.kind is Kind.STAVE]
    tight = _small(height, wish) or (len(staves) == 1 and staves[0] <= _COMPACT_STAVE)
    return Layout(bands, gutter, columns, column_width, tight)


def _small(height: int, wish: Wish) -> bool:
    return wish.compact and height <= _COMPACT_HEIGHT


def _bands(height: int, wish: Wish) -> tuple[Band, ...]:
    if height <= len(_FEWEST):
        kept = _FEWEST[:height]
        return tuple(Band(kind, 1, wish.chosen if kind is Kind.STAVE else "") for kind in _ORDER if kind in kept)
    small = _small(height, wish)
    lines = {Kind.TEXT: 1, Kind.GUESS: 1, Kind.READOUT: 1, Kind.REACH: 1}
    lines[Kind.TRACE] = 0 if not wish.trace or height < 10 else 1 if height < 26 else 2
    lines[Kind.LOSS] = 1 if height < 14 or small else 2 if height < 28 else 3
    lines[Kind.NOTE] = 1 if height >= 14 and not small else 0
    rest = height - sum(lines.values())
    staves, lines[Kind.TRIANGLE] = _heatmaps(rest, wish, small)
    lines[Kind.LOSS] += min(rest - sum(count for _, count in staves) - lines[Kind.TRIANGLE], 3)
    bands: list[Band] = []
    for kind in _ORDER:
        if kind is Kind.STAVE:
            bands += [Band(kind, count, name) for name, count in staves]
        elif lines[kind] > 0:
            bands.append(Band(kind, lines[kind]))
    return tuple(bands)


def _heatmaps(rest: int, wish: Wish, small: bool) -> tuple[list[tuple[str, int]], int]:
    """Lines of each stave shown, and of the triangle."""
    if rest < 1:
        return [], 0
    if wish.triangle:
        beside = 4 if rest >= 4 + _TRIANGLE_LEAST else 0
        return ([(wish.chosen, beside)] if beside else []), rest - beside
    if small:
        return _compact(rest, wish), 0
    shown = _shown(rest, wish)
    most = min(_STAVE_MOST, max(2, wish.units // 2 + 1 if wish.halves else wish.units))
    comfortable = 4 * len(shown)
    whole = len(shown) == len(wish.staves)
    triangle = rest - comfortable if whole and rest - comfortable >= _TRIANGLE_LEAST + 2 else 0
    room = min(rest - triangle, most * len(shown))
    each, more = divmod(room, len(shown))
    first = sorted(shown, key=lambda name: name != wish.chosen)[:more]  # the chosen one is never the smaller
    staves = [(name, each + (name in first)) for name in shown]
    spare = rest - triangle - room
    return staves, triangle + (spare if triangle or spare >= _TRIANGLE_LEAST else 0)


def _compact(rest: int, wish: Wish) -> list[tuple[str, int]]:
    """The chosen stave with its eight rows or more and, where there is room, the state below it."""
    shown = _preferred(wish, 2 if rest >= _COMPACT_STAVE + 2 else 1)
    if len(shown) == 1:
        return [(shown[0], rest)]
    room = rest - (rest > 2 * _COMPACT_STAVE)  # a line for the loss, which has one only
    chosen = max(_COMPACT_STAVE, (room + 1) // 2)
    return [(name, chosen if name == wish.chosen else room - chosen) for name in shown]


def _shown(rest: int, wish: Wish) -> list[str]:
    """The staves that fit: all, or the chosen one with the state and then its neighbours."""
    if rest >= 3 * len(wish.staves):
        return list(wish.staves)
    return _preferred(wish, max(1, rest // 5))


def _preferred(wish: Wish, count: int) -> list[str]:
    """`count` staves, the chosen one and the state before others, in the model's order."""
    state = [name for name in ("c", "h") if name in wish.staves and name != wish.chosen]
    preferred = [wish.chosen, *state[:1], *wish.staves]
    kept = list(dict.fromkeys(preferred))[:count]
    return [name for name in wish.staves if name in kept]
