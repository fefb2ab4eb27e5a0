"""Drawing of the way into the model: one column per timestep, from the text down to the vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.records import F32

from seqtui.tui.panes.drawing import to_a_row
from seqtui.tui.panes.gutter import label
from seqtui.tui.panes.readout import Part
from seqtui.tui.panes.subject import UNKNOWN, Subject
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.colours import SIGNED
from seqtui.tui.widgets.heatmap import HeatmapPainter, line_codes
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import SteadyLimit, significant
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces
from seqtui.visible import cell, cell_width

WIDEST = 9  # cells of a column: a word and a space
_LEAST_ONE_HOT, _LEAST_VECTOR = 2, 3  # lines
_MOST = 98  # percent of the numbers that the colours cover
_ROOMY = 12  # lines for both, from which a blank line stands between the sections


@dataclass(frozen=True)
class Frame:
    """How the rows are laid out: columns of `column` cells from timestep `start` on, and lines for each section."""

    subject: Subject
    ink: Ink
    width: int
    gutter: int
    column: int
    start: int
    stop: int
    one_hot: int
    vector: int
    gaps: bool

    @property
    def lit(self) -> int:
        """The playhead's column."""
        return self.subject.playhead - self.start

    def line(self, name: str, style: str, cells: Sequence[str], styles: list[Style]) -> Row:
        """Return a row of one text per timestep."""
        if 0 <= self.lit < len(styles):
            styles[self.lit] = self.ink.lit(styles[self.lit])
        key = (self.gutter, self.column, name, style, tuple(cells), tuple(styles))
        about = getattr(self.ink, style)
        return Row(key, lambda: [*label(self.gutter, name, about, self.ink), *runs(list(cells), styles)])


def column_width(subject: Subject) -> int:
    """Return the cells per timestep, for tokens and indices, with a space between them."""
    symbols = subject.probe.symbols if subject.probe is not None else ()
    widest = max((cell_width(subject.name(symbol)) for symbol in symbols), default=1)
    return max(min(widest + 1, WIDEST), len(f"{max(0, subject.size - 1)}") + 1)


def shares(rest: int, size: int, width: int, halves: bool) -> tuple[int, int, bool]:
    """Return the lines of the one-hot vectors and of the vectors, and whether sections are apart.

    Args:
        rest: lines for both.
        size: V, the entries of a one-hot vector.
        width: I, the numbers of a vector.
        halves: whether a line shows two numbers.
    """
    gaps = rest >= _ROOMY
    rest = max(0, rest - 2 * gaps)
    need = -(-width // 2) if halves else width
    vector = min(need, max(_LEAST_VECTOR, round(0.58 * rest)))
    one_hot = max(min(size, rest - vector), min(_LEAST_ONE_HOT, rest))
    return one_hot, max(0, min(need, rest - one_hot)), gaps


def text_row(frame: Frame) -> Row:
    """Draw the running text; neighbouring tokens differ in brightness, so that one sees where it is cut."""
    subject, ink = frame.subject, frame.ink
    probe = subject.probe
    assert probe is not None
    room = frame.width - frame.gutter
    drawn = [cell(symbol) for symbol in probe.symbols]
    start = stop = subject.playhead
    used = cell_len(drawn[start])
    while True:
        before = cell_len(drawn[start - 1]) if start else room
        after = cell_len(drawn[stop + 1]) if stop + 1 < len(drawn) else room
        left = sum(map(cell_len, drawn[start : subject.playhead]))
        take_left = start > 0 and used + before <= room and (left < room // 2 or stop + 1 >= len(drawn))
        if take_left:
            start, used = start - 1, used + before
        elif used + after <= room:
            stop, used = stop + 1, used + after
        else:
            break
    styles = []
    for t in range(start, stop + 1):
        style = ink.text if t % 2 else ink.muted
        styles.append(ink.lit(style) if t == subject.playhead else style)
    cells = drawn[start : stop + 1]
    key = ("text", frame.gutter, tuple(cells), tuple(styles))
    return Row(key, lambda: [*label(frame.gutter, "text", ink.muted, ink), *runs(cells, styles)])


def token_row(frame: Frame) -> Row:
    """Draw the tokens, one in a column; those not in the vocabulary are warm, those across the bar of a pair faint."""
    subject, ink = frame.subject, frame.ink
    assert subject.probe is not None
    symbols = subject.probe.symbols[frame.start : frame.stop]
    styles = [
        ink.faint if subject.across(t) else ink.warm if symbol == UNKNOWN or subject.known(t) is None else ink.text
        for t, symbol in enumerate(symbols, frame.start)
    ]
    return frame.line("tokens", "muted", [_left(subject.name(symbol), frame.column) for symbol in symbols], styles)


def index_row(frame: Frame) -> Row:
    """Draw the index of each token."""
    cells, styles = [], []
    for t in range(frame.start, frame.stop):
        token = frame.subject.known(t)
        missing = "" if frame.subject.across(t) else "–"
        cells.append(_left(missing if token is None else str(token), frame.column))
        styles.append(frame.ink.warm if token is None else frame.ink.text)
    return frame.line("indices", "muted", cells, styles)


def one_hot_rows(frame: Frame) -> list[Row]:
    """Draw the one-hot vectors as columns: a 1 at the token's index, zeros elsewhere, folded to the lines there are."""
    subject, ink, lines = frame.subject, frame.ink, frame.one_hot
    strip = [_strip(frame)] if subject.size > lines > 2 else []
    lines -= len(strip)
    each = -(-max(1, subject.size) // max(1, lines))
    lines = min(lines, -(-subject.size // each))
    texts = ["one-hot", f"{subject.size:,} rows", to_a_row(each)]
    if lines > 3 and not strip:
        texts += [""] * (lines - 1 - len(texts)) + [f"to {subject.size - 1:,}"]
    rows = []
    for line in range(lines):
        cells, styles = [], []
        for t in range(frame.start, frame.stop):
            token = subject.known(t)
            hot = token is not None and token // each == line
            cells.append(_left("1" if hot else "·", frame.column))
            styles.append(ink.accent if hot else ink.faint)
        name = texts[line] if line < len(texts) else ""
        rows.append(frame.line(name, "muted" if line == 0 else "faint", cells, styles))
    return [*rows, *strip, *[BLANK] * (frame.one_hot - lines - len(strip))]


def _strip(frame: Frame) -> Row:
    """Draw the one-hot vector of the token at the playhead once more, lying down: its 1 between 0 and V - 1."""
    subject, ink = frame.subject, frame.ink
    token, last = subject.known(subject.playhead), f" {subject.size - 1:,}"
    room = max(1, frame.width - frame.gutter - len(last) - 2)
    at = -1 if token is None else token * (room - 1) // max(1, subject.size - 1)
    parts = [("0 ", ink.faint), ("·" * at, ink.faint), ("1" if at >= 0 else "", ink.lit(ink.accent)),
             ("·" * (room - 1 - at), ink.faint), (last, ink.faint)]  # fmt: skip
    key = ("strip", frame.gutter, room, at, last)
    return Row(key, lambda: [*label(frame.gutter, "its 1", ink.faint, ink), *pieces(*parts)])


def vector_rows(frame: Frame, limit: SteadyLimit, painter: HeatmapPainter) -> list[Row]:
    """Draw the vector of each token as a column of colours, on a scale that is steady while the text moves."""
    subject, ink, lines = frame.subject, frame.ink, frame.vector
    vectors = subject.vectors
    if vectors is None or lines <= 0:
        text = "waiting for the vectors"
        first = Row(
            (frame.gutter, text),
            lambda: [*label(frame.gutter, "embedding", ink.muted, ink), *pieces((text, ink.muted))],
        )
        return [first, *[BLANK] * (lines - 1)][: max(0, lines)]
    width = vectors.vectors.shape[1]
    rows_of_numbers = lines if ink.colourless else 2 * lines
    assert subject.probe is not None
    whole, each = fold_numbers(gathered(subject, 0, len(subject.probe.symbols)), rows_of_numbers)
    seen = np.abs(whole[np.isfinite(whole)])
    top = limit.update(float(np.percentile(seen, _MOST)) if seen.size else 0.0)
    folded = whole[frame.start : frame.stop]
    texts = ["W_xh row" if vectors.one_hot else "embedding", f"width {width}"]
    texts += [f"max of {each}" if each > 1 else "", f"±{significant(top)}"]
    codes = SIGNED.codes(folded.T, -top, top)
    drawn = []
    for line, pair in enumerate(line_codes(codes, lines, not ink.colourless)):
        name = texts[line] if line < len(texts) else ""
        drawn.append(_heat(frame, name, "muted" if line == 0 else "faint", pair, painter))
    return drawn


def _heat(frame: Frame, name: str, style: str, pair: "tuple[np.ndarray, np.ndarray]", painter: HeatmapPainter) -> Row:
    top, bottom = pair
    key = (frame.gutter, frame.column, name, style, top.tobytes(), bottom.tobytes(), frame.lit)
    about = getattr(frame.ink, style)
    return Row(key, lambda: [*label(frame.gutter, name, about, frame.ink), *painter.line(top, bottom, frame.lit)])


def gathered(subject: Subject, start: int, stop: int) -> F32:
    """Return the vectors of timesteps (stop - start, I); NaN where a token has none."""
    vectors = subject.vectors
    assert vectors is not None
    tokens = [subject.known(t) for t in range(start, stop)]
    found = vectors.vectors[[0 if token is None else token for token in tokens]].astype(np.float32)
    found[[token is None for token in tokens]] = np.nan
    return found


def fold_numbers(values: F32, rows: int) -> tuple[F32, int]:
    """Fold the numbers of each vector (T, I) into at most `rows` groups of neighbours: the largest by magnitude.

    Returns: the folded values (T, at most rows), and the numbers per group.
    """
    steps, width = values.shape
    each = -(-width // max(1, rows))
    full = np.zeros((steps, each * -(-width // each)), np.float32)
    full[:, :width] = values
    groups = full.reshape(steps, -1, each)
    place = np.abs(groups).argmax(axis=2)
    folded: F32 = np.take_along_axis(groups, place[:, :, None], axis=2)[:, :, 0]
    return folded, each


def sentence_row(frame: Frame, parts: Sequence[Part], faint: bool = False) -> Row:
    """Return a sentence below the columns."""
    ink = frame.ink
    plain = ink.faint if faint else ink.muted
    size = sum(cell_len(part.text) for part in parts)
    indent = frame.gutter if size + frame.gutter <= frame.width else 0
    key = ("said", indent, faint, tuple(parts))
    said = [(part.text, ink.text if part.bright and not faint else plain) for part in parts]
    return Row(key, lambda: [Segment(" " * indent, ink.text), *pieces(*said)])


def _left(text: str, width: int) -> str:
    """Return a text in exactly `width` cells, of which the last one is a space."""
    return fit(text, width - 1) + " "
