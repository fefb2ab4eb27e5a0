"""A tune read from ABC notation: its notes, bars and play order. `abc_body` reads it, `abc` is the entrance."""

from fractions import Fraction
from typing import NamedTuple

from seqcore.errors import SeqError


class AbcError(SeqError):
    """A text is not a tune in the ABC subset: what is wrong and where."""

    def __init__(self, text: str, start: int, position: int, reason: str) -> None:
        """`text` holds a tune from offset `start` on; the error is at offset `position`."""
        self.position = position
        self.line = text.count("\n", start, position) + 1  # of the tune, from 1
        self.reason = reason
        self.unfinished = False  # the text stops here, and what comes next could still make it right
        super().__init__(f"line {self.line}: {reason}")


class Note(NamedTuple):
    """A note or rest. Times are fractions of a whole note from the beginning of the tune, without repeats."""

    start: Fraction
    duration: Fraction
    pitch: int | None  # MIDI, 60 is middle C; None for a rest
    begin: int  # text[begin:end] is the note with its accidental and length
    end: int
    bar: int  # index into the bars
    tied: bool  # to the next note of the same pitch
    graced: bool = False  # grace notes stand before it

    @property
    def stop(self) -> Fraction:
        """The time at which the note ends."""
        return self.start + self.duration


class Bar(NamedTuple):
    """What is between two bar lines. Times are as in Note."""

    start: Fraction
    duration: Fraction
    asked: Fraction | None  # the duration that the metre asks for; None without a metre
    begin: int  # text[begin:end] is the bar without its bar lines
    end: int
    seam: bool  # first bar of the tune, or after a repeat sign, a double bar or the number of an ending
    ending: int  # 1 or 2 if this is the first bar of that ending, else 0
    before: str = ""  # the signs that open it and close no bar, as `|:` at the beginning of a tune
    after: str = ""  # the sign that closes it, as `|` or `:|`; "" at the end of the text

    @property
    def full(self) -> bool:
        """Whether the bar has the duration that its metre asks for."""
        return self.asked is None or self.duration == self.asked


class Tune(NamedTuple):
    """A tune. Metre and unit are those of the header."""

    fields: tuple[tuple[str, str], ...]  # of the header, in order: ("X", "1"), ("T", "The Kettle")
    key: dict[str, int]  # the key signature: semitones by letter, as {"F": 1, "C": 1}
    tonic: int | None  # pitch class of the key, 0 is C; None for K:none
    metre: tuple[int, int] | None  # (6, 8); None for M:none or no M at all
    unit: Fraction  # the note without a length, as a fraction of a whole note
    notes: tuple[Note, ...]
    bars: tuple[Bar, ...]
    order: tuple[int, ...]  # the bars as they are played, with repeats and endings

    def field(self, letter: str) -> str:
        """Return the first header field with this letter; "" if there is none."""
        return next((value for name, value in self.fields if name == letter), "")


def unroll(tune: Tune) -> tuple[Note, ...]:
    """Return the notes as they are played, with repeats and endings; text offsets and bars are those of the source."""
    by_bar: list[list[Note]] = [[] for _ in tune.bars]
    for note in tune.notes:
        by_bar[note.bar].append(note)
    played: list[Note] = []
    now = Fraction(0)
    for index in tune.order:
        bar = tune.bars[index]
        played += [note._replace(start=note.start - bar.start + now) for note in by_bar[index]]
        now += bar.duration
    return tuple(played)
