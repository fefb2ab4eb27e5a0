"""Read the music of a tune in ABC: notes, chords, tuplets, ties, bar lines. One pass, without recursion."""

import re
from fractions import Fraction
from typing import NamedTuple

from seqcore.data import abc_tokens as tokens
from seqcore.data.abc_bars import Repeats
from seqcore.data.abc_fields import SEMITONES, read_key, read_metre, read_unit
from seqcore.data.abc_header import Header
from seqcore.data.abc_tune import AbcError, Bar, Note
from seqcore.data.quoting import quoted

_GRACES = "a group of grace notes"


class _Sound(NamedTuple):
    """A note of a chord or by itself, before its time is known."""

    step: int  # diatonic, 0 is middle C, 7 the c above
    pitch: int
    length: Fraction
    begin: int
    end: int
    tied: bool


class Body:
    """Reads a body: `notes` and `bars` are what has been read so far, `repeats.order` how the bars are played."""

    def __init__(self, text: str, start: int, end: int, header: Header) -> None:
        """The tune is text[start:end], its body begins where the header ends."""
        self.notes: list[Note] = []
        self.bars: list[Bar] = []
        self.repeats = Repeats()
        self._text, self._start, self._end = text, start, end
        self._at = self._begin = header.end  # after and before the current token
        self._signature, self._metre, self._unit = header.key.signature, header.metre, header.unit
        self._now = 0  # in ticks, as all times within this class
        self._altered: dict[str, int] = {}  # by accidentals in this bar: at any octave, the default of ABC 2.1
        self._bar_begin: int | None = None  # text offset; None between bars
        self._bar_start, self._seam, self._ending, self._slurs = 0, True, 0, 0
        self._asked: Fraction | None = None
        self._signs = ""  # bar lines that have closed no bar
        self._last = 0  # how many notes the last event of this bar has; 0 before the first
        self._last_end, self._last_sounds = -1, list[_Sound]()
        self._ties: dict[int, int] = {}  # pitch by step
        self._tuplet_left, self._tuplet = 0, (1, 1)  # 2, 3 in a triplet: two lengths for three notes
        self._broken: tuple[int, int] | None = None  # the next event: its length as written, and as played
        self._last_duration, self._was_broken = 0, False
        self._mark: str | None = None  # a decoration or grace notes that wait for a note

    def read(self, growing: bool) -> AbcError | None:
        """Read all; return the error at which reading stopped. If the text is `growing`, it may be unfinished."""
        try:
            while self._at < self._end:
                self._begin = self._at
                self._token(self._text[self._at])
            self._begin = self._end
            self._finish()
        except ValueError as problem:
            error = AbcError(self._text, self._start, self._begin, str(problem))
            error.unfinished = growing and self._begun()
            self._close_bar(self._begin)
            return error
        return None

    def _token(self, first: str) -> None:
        if first in "^_=ABCDEFGabcdefg":
            sound = self._sound()
            self._event([sound], sound.length)
        elif first in "|:[":
            self._bracket()
        elif (field := self._field_line()) is not None:
            self._field(field[1], field[2])
        elif self._take(tokens.SKIPPED):
            pass
        elif rest := self._take(tokens.REST):
            self._event([], tokens.read_length(rest[1]))
        elif first == "-":
            self._tie()
        elif broken := self._take(tokens.BROKEN):
            self._break(broken[0])
        elif tuplet := self._take(tokens.TUPLET):
            self._start_tuplet(tuplet)
        elif first in "()":
            self._slur(first)
        elif first == "{":
            self._grace()
        elif decoration := self._take(tokens.DECORATION):
            self._mark = f"the decoration {decoration[0][:24]}"
        elif first == "\n":
            self._at += 1
        else:
            raise self._unexpected()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at, self._end)
        if match is not None:
            self._at = match.end()
        return match

    def _begun(self) -> bool:
        """Whether the text ends here, or within a token."""
        return self._at >= self._end or tokens.BEGUN.fullmatch(self._text, self._at, self._end) is not None

    def _unexpected(self) -> ValueError:
        self._begin = self._at
        if self._begun():
            return ValueError("the tune is not complete")
        return ValueError(f"unexpected {quoted(self._text[self._at])}")

    def _sound(self) -> _Sound:
        """Read one note. Its length is a multiple of the unit."""
        begin = self._at
        note = self._take(tokens.NOTE)
        if note is None:
            raise self._unexpected()
        mark, name, octaves, length = note.groups()
        letter = name.upper()
        octave = name.islower() + octaves.count("'") - octaves.count(",")
        step = tokens.LETTERS.index(letter) + 7 * octave
        if mark:
            self._altered[letter] = tokens.ALTERATIONS[mark]
        alteration = self._altered.get(letter, self._signature.get(letter, 0))
        pitch = 60 + SEMITONES[letter] + 12 * octave + alteration
        if not mark:
            pitch = self._ties.get(step, pitch)  # a tie carries an accidental over the bar line
        if not 0 <= pitch <= 127:
            raise ValueError(f"the note is too {'low' if pitch < 0 else 'high'}")
        return _Sound(step, pitch, tokens.read_length(length), begin, self._at, False)

    def _event(self, sounds: list[_Sound], length: Fraction) -> None:
        """Add a note, a chord or, without sounds, a rest."""
        above, below = self._tuplet
        duration = tokens.TICKS * above * length.numerator // (length.denominator * self._unit.denominator * below)
        if self._broken is not None:
            if duration != self._broken[0]:
                raise ValueError("broken rhythm between notes of different lengths")
            duration = self._broken[1]
        if not {sound.pitch for sound in sounds}.issuperset(self._ties.values()):
            raise ValueError("a tie must lead to a note of the same pitch")
        if self._bar_begin is None:
            self.repeats.bar()
            self._bar_begin, self._bar_start = self._begin, self._now
            self._asked = Fraction(*self._metre) if self._metre is not None else None
        start, lasting, bar = Fraction(self._now, tokens.TICKS), tokens.as_fraction(duration), len(self.bars)
        graced = self._mark == _GRACES
        for sound in sounds:
            self.notes.append(Note(start, lasting, sound.pitch, sound.begin, sound.end, bar, sound.tied, graced))
        if not sounds:
            self.notes.append(Note(start, lasting, None, self._begin, self._at, bar, False))
        self._now += duration
        self._last_duration, self._last, self._last_end = duration, max(1, len(sounds)), self._at
        self._ties = {sound.step: sound.pitch for sound in sounds if sound.tied}
        self._last_sounds = sounds
        self._was_broken, self._broken, self._mark = self._broken is not None, None, None
        if self._tuplet_left:
            self._tuplet_left -= 1
            self._tuplet = self._tuplet if self._tuplet_left else (1, 1)

    def _bracket(self) -> None:
        """Read what begins with | : or [ - a bar line, an ending, an inline field or a chord."""
        if line := self._take(tokens.LINE) or self._take(tokens.ENDING):
            self._bar_line(line[1], line[2])
        elif field := self._take(tokens.INLINE):
            self._field(field[1], field[2])
        elif self._text[self._at] == "[" and not self._begun():
            self._at += 1
            self._chord()
        else:
            raise self._unexpected()

    def _chord(self) -> None:
        sounds: list[_Sound] = []
        begin = self._begin
        while not (end := self._take(tokens.CHORD_END)):
            self._begin = self._at  # an error is at this note
            sound = self._sound()
            if self._at < self._end and self._text[self._at] == "-":
                self._at += 1
                sound = sound._replace(tied=True)
            sounds.append(sound)
        self._begin = begin
        if not sounds:
            raise ValueError("a chord without notes")
        if any(sound.length != sounds[0].length for sound in sounds):
            raise ValueError("the notes of a chord must have the same length")
        self._event(sounds, sounds[0].length * tokens.read_length(end[1]))

    def _bar_line(self, kind: str, ending: str) -> None:
        self._check_bar_end()
        if ":" in kind and self._ties:
            raise ValueError("a tie cannot cross a repeat sign")
        self._close_bar(self._begin, kind.removeprefix("["))
        self.repeats.line(kind, len(self.bars), self._begin)
        if ending:
            self.repeats.ending(ending, len(self.bars))
            self._ending = int(ending)
        self._seam = self._seam or kind != "|" or bool(ending)
        self._altered.clear()

    def _check_bar_end(self) -> None:
        if self._tuplet_left:
            raise ValueError(f"the tuplet is {self._tuplet_left} short of its notes")
        if self._broken is not None:
            raise ValueError("broken rhythm without a second note")
        if self._mark is not None:
            raise ValueError(f"{self._mark} must be followed by a note")

    def _close_bar(self, end: int, sign: str = "") -> None:
        if self._bar_begin is None:
            self._signs += sign
            return
        start, duration = Fraction(self._bar_start, tokens.TICKS), tokens.as_fraction(self._now - self._bar_start)
        played = start, duration, self._asked, self._bar_begin, end, self._seam, self._ending
        self.bars.append(Bar(*played, self._signs, sign))
        self._bar_begin, self._seam, self._ending, self._last, self._signs = None, False, 0, 0, ""

    def _finish(self) -> None:
        self._check_bar_end()
        if self._ties:
            raise ValueError("a tie must lead to a note of the same pitch")
        if self._slurs:
            raise ValueError("a slur is not closed with )")
        if not self.notes:
            raise ValueError("the tune has no notes")
        self._close_bar(self._end)
        if self.repeats.opened is not None:
            self._begin = self.repeats.opened
        self.repeats.finish(len(self.bars))

    def _tie(self) -> None:
        self._at += 1
        sounds = self._last_sounds if self._last and self._last_end == self._begin else []
        if not sounds or any(sound.tied for sound in sounds):
            raise ValueError("a tie must follow a note")
        self._ties = {sound.step: sound.pitch for sound in sounds}
        self.notes[-self._last :] = [note._replace(tied=True) for note in self.notes[-self._last :]]
        self._last_end = -1

    def _break(self, signs: str) -> None:
        """Lengthen the last event and shorten the next, or the reverse."""
        if not self._last or self._was_broken or self._broken is not None:
            raise ValueError("broken rhythm must stand between two notes")
        whole = self._last_duration
        small = whole >> len(signs)
        mine, other = (2 * whole - small, small) if signs[0] == ">" else (small, 2 * whole - small)
        self.notes[-self._last :] = [
            note._replace(duration=tokens.as_fraction(mine)) for note in self.notes[-self._last :]
        ]
        self._now += mine - whole
        self._broken = whole, other

    def _start_tuplet(self, tuplet: re.Match[str]) -> None:
        if self._tuplet_left:
            raise ValueError("a tuplet within a tuplet")
        number = int(tuplet[1])
        compound = self._metre is not None and self._metre[0] in (6, 9, 12) and self._metre[1] == 8
        time = int(tuplet[2]) if tuplet[2] else tokens.TUPLET_TIME.get(number, 3 if compound else 2)
        count = int(tuplet[3]) if tuplet[3] else number
        if number < 2 or not time or not count:
            raise ValueError(f"invalid tuplet {tuplet[0]}: write for instance (3abc or (5:4:5abcde")
        self._tuplet_left, self._tuplet = count, (time, number)

    def _slur(self, sign: str) -> None:
        self._at += 1
        self._slurs += 1 if sign == "(" else -1
        if self._slurs < 0:
            raise ValueError("no slur is open here")

    def _grace(self) -> None:
        """Read grace notes; they take no time and are not among the notes."""
        self._at += 1
        if self._text.startswith("/", self._at, self._end):
            self._at += 1
        first = self._at
        while not self._text.startswith("}", self._at, self._end):
            self._sound()
        if first == self._at:
            raise ValueError("grace notes without notes")
        self._at += 1
        self._mark = _GRACES

    def _field_line(self) -> re.Match[str] | None:
        """Take a field if this is the beginning of a line."""
        return self._take(tokens.FIELD) if self._text[self._at - 1] == "\n" else None

    def _field(self, letter: str, value: str) -> None:
        value = value.split("%", 1)[0].strip(" \t\r")
        if letter == "K":
            self._signature = read_key(value).signature
            self._altered.clear()
        elif letter == "M":
            self._metre = read_metre(value)
        elif letter == "L":
            self._unit = read_unit(value)
        elif letter not in tokens.IGNORED:
            raise ValueError(f"the field {letter}: is not supported in the music")
