"""Tunes in ABC notation: parse one, find them in a longer text, count the legal ones. For the sample corpus `tunes`.

The subset of ABC 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1) for one voice: notes, rests z and x, accidentals,
octaves, lengths, broken rhythm, ties, slurs, tuplets, chords of equal lengths, grace notes, decorations, chord symbols,
bar lines, repeats with endings 1 and 2, key signatures with modes, and the fields K:, L: and M: within the tune. An
accidental holds for its letter in all octaves up to the bar line, which is the default of 2.1. Not supported: voices,
macros, variant endings beyond 2, explicit accidentals in K:, multi-measure rests.

Every function takes linear time and can be given any text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from seqcore.data.abc_bars import bar_errors, faulty_bars
from seqcore.data.abc_body import Body
from seqcore.data.abc_header import read_header
from seqcore.data.abc_tune import AbcError, Bar, Note, Tune, unroll

__all__ = ["AbcError", "Bar", "Legality", "Note", "Partial", "Tune", "faulty_bars", "legality", "parse_tune"]
__all__ += ["partial_notes", "tunes", "unroll"]
_LINE = re.compile(r"([ \t\r]*)([^\n]*)\n?")
REQUIRED = "XTMLK"


class Partial(NamedTuple):
    """What can be read of a tune that is still being written."""

    tune: Tune  # its last bar may still grow
    error: AbcError | None  # where reading stopped, unless only because the text is unfinished

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes so far."""
        return self.tune.notes


class Legality(NamedTuple):
    """The result of `legality`."""

    tunes: int  # complete tunes in the text
    legal: int  # of these
    errors: tuple[AbcError, ...]  # the first of each illegal tune, in order; positions are offsets into the text


def parse_tune(text: str, start: int = 0, end: int | None = None) -> Tune:
    """Return the tune at text[start:end], which must be the only one there. Bars need not be full.

    Positions are offsets into `text`. Raises AbcError, the first problem of the notation.
    """
    tune, error = _read(text, start, len(text) if end is None else end, growing=False)
    if error is not None:
        raise error
    return tune


def partial_notes(text: str) -> Partial:
    """Return the notes of a tune as far as it is written, up to the first error. Never raises.

    All but the last note, or chord, will stay as they are when the text grows.
    """
    tune, error = _read(text, 0, len(text), growing=True)
    return Partial(tune, None if error is None or error.unfinished else error)


def tunes(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each tune: of each block of lines without an empty line, with the line end of the last."""
    start = at = 0
    while at < len(text):
        line = _LINE.match(text, at)
        assert line is not None  # it matches anything
        if not line[2]:
            if start < at:
                yield start, at
            start = line.end()
        at = line.end()
    if start < at:
        yield start, at


def legality(text: str) -> Legality:
    """Count the tunes of a text that are legal. A last tune without an empty line after it is truncated: not counted.

    Legal: the notation is right, the fields X: (first), T:, M:, L: and K: are there, and all bars are full, except that
    a pickup or a bar at a repeat sign, an ending or a double bar may be completed by the bar played next.
    """
    count = 0
    errors: list[AbcError] = []
    for start, end in tunes(text):
        if text.find("\n", end) < 0:
            break
        count += 1
        error = _first_error(text, start, end)
        if error is not None:
            errors.append(error)
    return Legality(count, count - len(errors), tuple(errors))


def _first_error(text: str, start: int, end: int) -> AbcError | None:
    """Return the first error of a complete tune; None if it is legal."""
    try:
        tune = parse_tune(text, start, end)
    except AbcError as error:
        return error
    letters = [letter for letter, _ in tune.fields]
    missing = [letter for letter in REQUIRED if letter not in letters]
    if missing:
        return AbcError(text, start, start, f"missing field {missing[0]}:")
    if letters[0] != "X":
        return AbcError(text, start, start, "X: must be the first field")
    position, reason = min(bar_errors(tune), default=(0, ""))
    return AbcError(text, start, position, reason) if reason else None


def _read(text: str, start: int, end: int, growing: bool) -> tuple[Tune, AbcError | None]:
    """Read the first block of lines in text[start:end]; return what was read and the error that stopped it."""
    block = next(((first + start, last + start) for first, last in tunes(text[start:end])), (start, end))
    if growing and text.find("\n", block[1], end) >= 0:
        growing = False  # an empty line has ended the tune
    first, last = block
    header = read_header(text, first, last, growing)
    body = Body(text, first, last, header)
    error = header.error or body.read(growing)
    if error is None and not growing and text[last:end].strip(" \t\r\n"):
        error = AbcError(text, first, last, "an empty line ends the tune: parse tunes one by one")
    key, tonic = header.key
    order = tuple(body.repeats.order)
    notes, bars = tuple(body.notes), tuple(body.bars)
    return Tune(header.fields, key, tonic, header.metre, header.unit, notes, bars, order), error
