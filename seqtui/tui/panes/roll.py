"""A tune as a piano roll: time to the right, pitch upwards, bar by bar, and the note that is being written."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from rich.segment import Segment
from rich.style import Style
from seqcore.data.abc import Bar, Note, Tune, faulty_bars

from seqtui.tui.glyphs import QUADRANTS
from seqtui.tui.panes.roll_layout import GUTTER, Layout, Piece, lay_out
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.pane import Row

NOW = "▲"  # below the note that is being written
REST = "·"
_SHARP = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_FLAT = ("C", "D♭", "D", "E♭", "E", "F", "G♭", "G", "A♭", "A", "B♭", "B")
_BLANK, _FAINT, _MUTED, _NOTE, _WRONG, _NOW = range(6)  # style numbers, the strongest last
_LIT = 8  # added where something is being written
_FULL = " ▌▐█"  # by the dots that are set: 1 left, 2 right
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # from above: left, right


@dataclass(frozen=True)
class Roll:
    """What is drawn: a tune, and whether it is still being written."""

    tune: Tune
    growing: bool

    @cached_property
    def faulty(self) -> dict[int, str]:
        """The bars that are too long or too short, with the reason."""
        return faulty_bars(self.tune, self.growing)

    @cached_property
    def by_bar(self) -> list[list[Note]]:
        """The notes of each bar."""
        found: list[list[Note]] = [[] for _ in self.tune.bars]
        for note in self.tune.notes:
            found[note.bar].append(note)
        return found

    def is_now(self, note: Note) -> bool:
        """Whether a note, or a note of a chord, is being written."""
        return self.growing and note.start == self.tune.notes[-1].start


def roll_rows(roll: Roll, ink: Ink, width: int, height: int) -> list[Row]:
    """Return at most `height` rows of a tune that has a bar; the newest bars are among them."""
    layout = lay_out(roll.tune, roll.growing, width, height)
    names = _names(roll.tune, layout)
    rows: list[Row] = []
    for system in layout.systems[-layout.shown :]:
        rows += _System(roll, layout, system, max(1, width - GUTTER)).rows(ink, names, height > 1)
    return rows[:height]


def _names(tune: Tune, layout: Layout) -> list[str]:
    """Return the note name of each line, from above: of the highest, the lowest and every C."""
    pitches = {note.pitch for note in tune.notes if note.pitch is not None}
    flat = any(alteration < 0 for alteration in tune.key.values())
    names = [""] * layout.lines
    wanted = [max(pitches), min(pitches)] if pitches else []
    every = 0 if any(pitch % 12 == 0 for pitch in layout.ladder) else 1  # C, or C♯ in a key without a C
    for pitch in (*wanted, *(pitch for pitch in layout.ladder if pitch % 12 == every)):
        line = layout.lines - 1 - layout.level(pitch) // layout.levels
        if not names[line]:
            names[line] = f"{(_FLAT if flat else _SHARP)[pitch % 12]}{pitch // 12 - 1}"
    return names


class _System:
    """The cells of one system of bars."""

    def __init__(self, roll: Roll, layout: Layout, pieces: Sequence[Piece], columns: int) -> None:
        self.roll, self.layout, self.columns = roll, layout, columns
        self.dots = [[_BLANK] * (2 * columns) for _ in range(layout.lines * layout.levels)]  # style numbers, from above
        self.marks: dict[tuple[int, int], tuple[str, int]] = {}  # glyph and style by line and column
        self.below = [(" ", _BLANK)] * columns
        self.lit: set[int] = set()  # columns of what is being written
        for piece in pieces:
            self._signs(piece)
            self._number(piece)
            for note in roll.by_bar[piece.bar]:
                self._note(piece, note, roll.tune.bars[piece.bar])

    def _signs(self, piece: Piece) -> None:
        """Draw the bar lines around a bar; the dots of repeats are on the middle line."""
        for sign, start in ((piece.left, piece.x - len(piece.left)), (piece.right, piece.x + piece.cells)):
            for column, glyph in enumerate(sign, start):
                lines = range(self.layout.lines) if glyph != ":" else (self.layout.lines // 2,)
                for line in lines:
                    self.marks[line, column] = (glyph, _FAINT if sign == "│" else _MUTED)

    def _number(self, piece: Piece) -> None:
        """Write the number of a bar below it, its ending, and what it is too long or too short by."""
        bar = self.roll.tune.bars[piece.bar]
        if piece.skipped:
            return
        number, ending = str(piece.bar + 1), f" [{bar.ending}" if bar.ending else ""
        forms = [number + ending, number]
        wrong = piece.bar in self.roll.faulty and bar.asked is not None
        if wrong and bar.asked is not None:
            over = bar.duration - bar.asked
            sign, amount = ("+", over) if over > 0 else ("−", -over)
            forms = [f"{number}{ending} {sign}{amount}", f"{number} {sign}{amount}", f"{number}{sign}", sign]
        room = piece.cells + len(piece.right) - 1
        text = next((form for form in forms if len(form) <= room), forms[-1] if wrong else "")
        self._write(piece.x, text, _WRONG if wrong else _FAINT)

    def _write(self, column: int, text: str, style: int) -> None:
        for at, glyph in enumerate(text, column):
            if at < self.columns:
                self.below[at] = (glyph, style)

    def _note(self, piece: Piece, note: Note, bar: Bar) -> None:
        """Draw a note as dots, two a cell: its last dot stays free unless it is tied, so that notes are apart."""
        scale, edge = 2 * self.layout.scale, 2 * piece.cells
        start = round((note.start - bar.start) * scale) - 2 * piece.skipped
        stop = max(start + 1, round((note.stop - bar.start) * scale) - 2 * piece.skipped - (not note.tied))
        first, last = max(0, start), min(stop, edge)
        if first >= last:
            return
        now = self.roll.is_now(note)
        x = 2 * piece.x
        if now:
            self.lit.update(range((x + first) // 2, (x + last + 1) // 2))
        if note.pitch is None:
            for column in range((x + first) // 2, (x + last + 1) // 2):
                self.marks.setdefault((self.layout.lines // 2, column), (REST, _NOW if now else _FAINT))
            return
        style = _NOW if now else _WRONG if piece.bar in self.roll.faulty else _NOTE
        row = len(self.dots) - 1 - self.layout.level(note.pitch)
        for dot in range(x + first, min(x + last, 2 * self.columns)):
            self.dots[row][dot] = style
        if note.graced and row > 0 and start >= 0:
            self.dots[row - 1][min(max(0, x + first - 1), 2 * self.columns - 1)] = style

    def rows(self, ink: Ink, names: Sequence[str], numbered: bool) -> list[Row]:
        """Return the lines of the system, from above, and the line of numbers."""
        found = []
        for line, name in enumerate(names):
            cells = [self._cell(line, column) for column in range(self.columns)]
            found.append(self._row(ink, name.rjust(GUTTER - 1) + " ", cells))
        if numbered:
            found.append(self._row(ink, " " * GUTTER, self._marked()))
        return found

    def _marked(self) -> list[tuple[str, int]]:
        """Return the line of numbers, with a mark below what is being written."""
        cells = list(self.below)
        if self.lit:
            start = min(self.lit)
            free = next((at for at in range(start, len(cells)) if cells[at][0] == " "), -1)
            if free >= 0:
                cells[free] = (NOW, _NOW)
        return cells

    def _cell(self, line: int, column: int) -> tuple[str, int]:
        """Return the glyph and style of a cell: dots, or a bar line, or nothing."""
        levels = self.layout.levels
        dots = [row[2 * column : 2 * column + 2] for row in self.dots[line * levels : (line + 1) * levels]]
        style = max(max(pair) for pair in dots)
        if not style:
            glyph, style = self.marks.get((line, column), (" ", _BLANK))
        elif levels == len(_BRAILLE):
            pairs = zip(_BRAILLE, dots, strict=True)
            glyph = chr(0x2800 + sum(code[0] * bool(dot[0]) + code[1] * bool(dot[1]) for code, dot in pairs))
        else:
            mask = sum(bool(dot) << at for at, dot in enumerate(dot for pair in dots for dot in pair))
            glyph = (_FULL if levels == 1 else QUADRANTS)[mask]
        return glyph, style + (_LIT if column in self.lit else 0)

    def _row(self, ink: Ink, name: str, cells: Sequence[tuple[str, int]]) -> Row:
        text, styles = "".join(glyph for glyph, _ in cells), bytes(style for _, style in cells)
        return Row((name, text, styles), partial(_paint, ink, name, text, styles))


def _paint(ink: Ink, name: str, text: str, styles: bytes) -> list[Segment]:
    table: tuple[Style, ...] = (ink.text, ink.faint, ink.muted, ink.accent, ink.warm, ink.text)
    drawn = [table[style % _LIT] for style in styles]
    if not ink.colourless:  # there the mark below is enough: reversed blocks could not be read
        drawn = [ink.lit(one) if style >= _LIT else one for one, style in zip(drawn, styles, strict=True)]
    return [Segment(name, ink.muted), *runs(list(text), drawn)]
