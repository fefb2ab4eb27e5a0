"""Layout of the score: which bands fit a pane of a given size, and how many lines each gets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from seqtui.tui.panes.grid import arrange_heads
from seqtui.tui.panes.staves import HOLDING


class Kind(StrEnum):
    """What a band of lines shows."""

    TEXT = "text"
    ATTENDS = "attends"  # the picked head's weights at the playhead
    GUESS = "guess"
    VERDICT = "verdict"  # probability of each class
    VALUES = "values"  # what came and what was predicted, of each column
    TRACE = "trace"  # picked unit over the text
    LOSS = "loss"
    STAVE = "stave"
    REACH = "reach"  # at the playhead
    TRIANGLE = "triangle"  # at every timestep
    MAP = "map"  # of the picked head, at every timestep
    HEADS = "heads"  # thumbnails of all heads; of a pair their mean
    STATE = "state"  # of a pair, at its bar
    NOTE = "note"  # the reach in words
    READOUT = "readout"


@dataclass(frozen=True)
class Band:
    """Consecutive lines of one kind; `name` is the stave's name, "" for other kinds."""

    kind: Kind
    lines: int
    name: str = ""


@dataclass(frozen=True)
class Layout:
    """Bands from top to bottom, and how the width is divided."""

    bands: tuple[Band, ...]
    gutter: int
    columns: int  # timesteps that fit
    column_width: int  # cells per timestep
    tight: bool = False  # no gap between staves
    paired: bool = False  # a double bar takes one cell
    aside: bool = False  # thumbnails of all heads at the right of the map

    @property
    def staves(self) -> list[Band]:
        """The bands that are staves of the model."""
        return [band for band in self.bands if band.kind is Kind.STAVE]

    def band_at(self, line: int) -> tuple[Band, int] | None:
        """Return the band that contains a line and the line's index in it; None below the last band."""
        for band in self.bands:
            if line < band.lines:
                return band, line
            line -= band.lines
        return None


@dataclass(frozen=True)
class Wish:
    """What the score should show."""

    staves: Sequence[str]  # of one layer, in the model's order
    chosen: str
    units: int  # most units of any of these staves
    trace: bool
    triangle: bool
    compact: bool  # at most two staves, on a small screen
    halves: bool = True  # two rows of values per line
    heads: tuple[int, int] | None = None  # layers and heads, for models with attention
    spread: Kind | None = None  # MAP, HEADS or STATE if shown instead of the staves
    steps: int = 0  # timesteps of the text, 0 if unknown
    values: int = 0  # predicted columns of real values; 0: symbols are predicted
    targets: int = 0  # of a pair: the timesteps after its double bar, which takes one cell; 0: not a pair
    classes: int = 0  # classes of a verdict that are few enough for a line each; 0: there is a guess


_FEWEST = (Kind.TEXT, Kind.READOUT, Kind.LOSS, Kind.STAVE, Kind.REACH, Kind.GUESS)  # kinds by priority
_FEWEST_ATTENTION = (Kind.TEXT, Kind.READOUT, Kind.ATTENDS, Kind.STAVE, Kind.LOSS, Kind.REACH, Kind.GUESS)
_ORDER = (
    Kind.TEXT,
    Kind.ATTENDS,
    Kind.TRACE,
    Kind.GUESS,
    Kind.VERDICT,
    Kind.VALUES,
    Kind.LOSS,
    Kind.STAVE,
    Kind.TRIANGLE,
    Kind.MAP,
    Kind.HEADS,
    Kind.STATE,
    Kind.REACH,
    Kind.NOTE,
    Kind.READOUT,
)
_COMPACT_HEIGHT = 18
_VERDICT_HEIGHT = 9  # lines besides those of the classes
FEW_CLASSES = 6
_COMPACT_STAVE = 4  # lines: eight rows
_TRIANGLE_LEAST = 8
_MAP_LEAST = 7
_HEADS_LEAST = 9
_HEADS_MARGIN = 2  # cells between the map and the thumbnails at its right
_STAVE_MOST = 16
_ALIGNMENT_LEAST = 5
_LEAST_WORD = 4  # cells of a column that a word of a pair may be cut to


def gutter_width(width: int) -> int:
    """Return the cells for the labels at the left of a pane of `width` cells."""
    return 13 if width >= 60 else 9 if width >= 36 else 0


def arrange(width: int, height: int, column_width: int, wish: Wish) -> Layout:
    """Return the layout for a pane of width × height cells."""
    gutter = gutter_width(width)
    if wish.targets and _LEAST_WORD <= (whole := (width - gutter - 1) // wish.steps) < column_width:
        column_width = whole  # a pair is worth more as a whole than its words
    columns = max(1, (width - gutter - int(wish.targets > 0)) // column_width)
    free = max(0, columns - wish.steps) * column_width - _HEADS_MARGIN if wish.steps else 0
    bands, aside = _bands(height, wish, free)
    staves = [band.lines for band in bands if band.kind is Kind.STAVE]
    tight = _small(height, wish) or (len(staves) == 1 and staves[0] <= _COMPACT_STAVE)
    return Layout(bands, gutter, columns, column_width, tight, wish.targets > 0, aside)


def aside_at(layout: Layout, steps: int) -> int:
    """Return the first cell of the thumbnails at the right of the map of `steps` timesteps."""
    return layout.gutter + steps * layout.column_width + _HEADS_MARGIN


def _small(height: int, wish: Wish) -> bool:
    return wish.compact and height <= _COMPACT_HEIGHT


def _bands(height: int, wish: Wish, free: int) -> tuple[tuple[Band, ...], bool]:
    """Return the bands, and whether the thumbnails are in the `free` cells at the right of the map."""
    fewest = _FEWEST_ATTENTION if wish.heads else _FEWEST
    if height <= len(fewest):
        kept = fewest[:height]
        return tuple(Band(kind, 1, wish.chosen if kind is Kind.STAVE else "") for kind in _ORDER if kind in kept), False
    small = _small(height, wish)
    verdict = wish.classes if height >= _VERDICT_HEIGHT + wish.classes else 0
    guess = 0 if verdict or wish.values else 1
    lines = {Kind.TEXT: 1, Kind.GUESS: guess, Kind.VERDICT: verdict, Kind.READOUT: 1, Kind.REACH: 1}
    lines[Kind.VALUES] = _value_lines(wish.values, height)
    lines[Kind.TRACE] = 0 if not wish.trace or height < 10 else 1 if height < 26 else 2
    lines[Kind.LOSS] = 1 if height < 14 or small else 2 if height < 28 else 3
    lines[Kind.NOTE] = 1 if height >= 14 and not small else 0
    lines[Kind.ATTENDS] = 0 if not wish.heads else 1 if height < 26 else 2
    rest = height - sum(lines.values())
    aside = False
    lines[Kind.STATE] = lines[Kind.MAP] = lines[Kind.HEADS] = lines[Kind.TRIANGLE] = 0
    staves: list[tuple[str, int]] = []
    if wish.spread is Kind.STATE:
        lines[Kind.STATE] = rest
    elif wish.heads and wish.targets and not wish.triangle and (wish.spread or not small):
        staves, large = _with_alignment(rest, wish)
        lines[Kind.MAP], lines[Kind.HEADS] = (0, large) if wish.spread is Kind.HEADS else (large, 0)
    elif wish.heads and not wish.triangle and (wish.spread or not small):
        staves, lines[Kind.MAP], lines[Kind.HEADS], aside = _with_heads(rest, wish, wish.heads, free)
    else:
        staves, lines[Kind.TRIANGLE] = _heatmaps(rest, wish, small)
    large = sum(lines[kind] for kind in (Kind.TRIANGLE, Kind.MAP, Kind.HEADS, Kind.STATE))
    lines[Kind.LOSS] += min(rest - sum(count for _, count in staves) - large, 3)
    bands: list[Band] = []
    for kind in _ORDER:
        if kind is Kind.STAVE:
            bands += [Band(kind, count, name) for name, count in staves]
        elif lines[kind] > 0:
            bands.append(Band(kind, lines[kind]))
    return tuple(bands), aside


def _value_lines(columns: int, height: int) -> int:
    """Return the lines of the predicted columns: up to three lines each, and at most a quarter of the height."""
    shown = min(columns, 3, height // 8)
    return shown * min(3, max(1, height // (4 * shown))) if shown else 0


def _with_heads(
    rest: int, wish: Wish, heads: tuple[int, int], free: int
) -> tuple[list[tuple[str, int]], int, int, bool]:
    """Return the lines of each stave, of the map and of the thumbnails, and whether these are at the right of the map.

    The map has no more lines than the timesteps fill; a spread map or grid takes the room of the staves.
    """
    if wish.spread is Kind.HEADS:
        return [], 0, rest, False
    most = -(-wish.steps // (2 if wish.halves else 1)) if wish.steps else rest
    each = min(4, max(2, wish.units // 2 + 1 if wish.halves else wish.units))
    if rest - _MAP_LEAST >= 3 * len(wish.staves):
        each = min(each, (rest - _MAP_LEAST) // len(wish.staves))  # prefer all staves with fewer lines each
    fitting = 0 if wish.spread else (rest - _MAP_LEAST) // each
    if wish.spread is None and rest - 2 < _MAP_LEAST:
        staves, triangle = _heatmaps(rest, replace(wish, triangle=False), False)
        return staves, 0, triangle, False
    shown = _preferred(wish, min(fitting, len(wish.staves))) if fitting > 0 else []
    staves = [(name, each) for name in shown]
    room = rest - each * len(staves)
    if not staves and wish.spread is None:
        staves, room = [(wish.chosen, rest - _MAP_LEAST)], _MAP_LEAST
    lines = min(room, most)
    grid = arrange_heads(free, lines, *heads, 0)
    if grid is not None and grid.has_layer(heads[1]):
        return _grown(staves, room - lines, wish), lines, 0, True
    under = max(room - most, room * 2 // 5)
    if room - under < _MAP_LEAST or under < _HEADS_LEAST:
        return _grown(staves, room - lines, wish), lines, 0, False
    return staves, room - under, under, False


def _with_alignment(rest: int, wish: Wish) -> tuple[list[tuple[str, int]], int]:
    """Return the lines of each stave, and of the alignment map: a line for each target, and one for the source.

    Beside the staves the map gets what they do not need, or a third of the lines; a spread map takes their room.
    """
    if wish.spread:
        return [], rest
    most = wish.targets + 1
    lines = min(most, max(rest - 4 * len(wish.staves), rest // 3))
    lines = lines if lines >= min(most, _ALIGNMENT_LEAST) else 0
    staves, _ = _heatmaps(rest - lines, replace(wish, triangle=False), False)
    return staves, lines


def _grown(staves: list[tuple[str, int]], more: int, wish: Wish) -> list[tuple[str, int]]:
    """Distribute `more` unused lines over the staves, none getting more than its units fill."""
    most = max(2, wish.units // 2 + 1 if wish.halves else wish.units)
    grown = []
    for name, lines in staves:
        taken = max(0, min(more, most - lines))
        grown.append((name, lines + taken))
        more -= taken
    return grown


def _heatmaps(rest: int, wish: Wish, small: bool) -> tuple[list[tuple[str, int]], int]:
    """Return the lines of each stave shown, and of the triangle."""
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
    first = sorted(shown, key=lambda name: name != wish.chosen)[:more]  # the chosen one is never smaller
    staves = [(name, each + (name in first)) for name in shown]
    spare = rest - triangle - room
    return staves, triangle + (spare if triangle or spare >= _TRIANGLE_LEAST else 0)


def _compact(rest: int, wish: Wish) -> list[tuple[str, int]]:
    """Return the chosen stave with at least eight rows and, if it fits, the state below it.

    Staves with fewer units than that: as many as fit.
    """
    need = max(1, -(-wish.units // 2) if wish.halves else wish.units)
    if need < _COMPACT_STAVE and rest >= need:
        return [(name, need) for name in _preferred(wish, rest // need)]
    shown = _preferred(wish, 2 if rest >= _COMPACT_STAVE + 2 else 1)
    if len(shown) == 1:
        return [(shown[0], rest)]
    room = rest - (rest > 2 * _COMPACT_STAVE)  # leave a line for the loss, which has only one
    chosen = max(_COMPACT_STAVE, (room + 1) // 2)
    return [(name, chosen if name == wish.chosen else room - chosen) for name in shown]


def _shown(rest: int, wish: Wish) -> list[str]:
    """Return the staves that fit: all, or the first ones by `_preferred`."""
    if rest >= 3 * len(wish.staves):
        return list(wish.staves)
    return _preferred(wish, max(1, rest // 5))


def _preferred(wish: Wish, count: int) -> list[str]:
    """Return `count` staves in the model's order, preferring the chosen one, a state and the gate that retains it."""
    states = [name for name in ("c", "h", "stream") if name in wish.staves]
    state = [] if wish.chosen in states else states[:1]
    preferred = [wish.chosen, *state, *(name for name in HOLDING if name in wish.staves), *wish.staves]
    kept = list(dict.fromkeys(preferred))[:count]
    return [name for name in wish.staves if name in kept]
