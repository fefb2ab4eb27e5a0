"""Bars of a tune: the order in which repeats and endings play them, and whether they are full."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm

from seqcore.data.abc_tune import Bar, Note, Tune


class Repeats:
    """Follows the bar lines of a tune and lists its bars as they are played.

    `|: a :|` plays a twice, `|: a |1 b :|2 c |]` plays a b a c. Without `|:` the repeat begins at the last double bar,
    after the last repeat, or with the tune. The methods raise ValueError with a reason if the signs do not match.
    """

    def __init__(self) -> None:
        self.order: list[int] = []
        self.opened: int | None = None  # text offset of a |: that is not closed yet
        self._section = 0  # the first bar that is not in `order` yet
        self._first: int | None = None  # the first bar of a first ending that is not closed yet
        self._awaited = False  # a first ending has closed: the second must follow
        self._second = False  # within a second ending

    def bar(self) -> None:
        """A bar begins."""
        if self._awaited:
            raise ValueError("the second ending is missing: write :|2 after the first")

    def line(self, kind: str, bar: int, position: int) -> None:
        """A bar line of `kind`, such as `|` or `:|`, stands at `position` before the bar of index `bar`."""
        if kind.startswith(":"):
            self._close(bar)
        elif kind not in ("|", "["):
            self._part(bar)
        if kind.endswith(":"):
            if self._awaited:
                self.bar()
            if self.opened is not None:
                raise ValueError("the repeat before this one is not closed with :|")
            self._flush(bar)
            self.opened = position

    def ending(self, number: str, bar: int) -> None:
        """The number of an ending stands before the bar of index `bar`."""
        if number == "1":
            if self._awaited or self._second or self._first is not None:
                raise ValueError("a first ending within another ending")
            if bar == self._section:
                raise ValueError("a first ending with nothing before it")
            self._first = bar
        elif number == "2":
            if not self._awaited:
                raise ValueError("a second ending without a first one: write |1 ... :|2 ... |]")
            self._awaited, self._second, self._section = False, True, bar
        else:
            raise ValueError("only endings 1 and 2 are supported")

    def finish(self, bars: int) -> None:
        """The tune ends."""
        if self._first is not None:
            raise ValueError("the first ending is not closed with :|")
        if self.opened is not None:
            raise ValueError("a repeat is not closed with :|")
        self.bar()
        self._flush(bars)

    def _close(self, bar: int) -> None:
        if self._second:
            raise ValueError("a second ending is closed with |] or ||, not with :|")
        if bar == self._section or bar == self._first:
            raise ValueError("there is nothing to repeat")
        first = bar if self._first is None else self._first
        self.order += range(self._section, bar)
        self.order += range(self._section, first)
        self._awaited = self._first is not None
        self._section, self._first, self.opened = bar, None, None

    def _part(self, bar: int) -> None:
        """End an ending or an unrepeated section at a double bar or |:."""
        if self._first is not None:
            raise ValueError("the first ending is not closed with :|")
        self._second = False
        if self.opened is None:
            self._flush(bar)

    def _flush(self, bar: int) -> None:
        self.order += range(self._section, bar)
        self._section = bar


def bar_errors(tune: Tune) -> Iterator[tuple[int, str]]:
    """Yield (text offset, reason) of the first bar that is too long, and of the first that is too short.

    A short bar is right if the bar played after it completes it, across a repeat sign, a double bar or an ending. A
    pickup is completed by the bar played last.
    """
    for faults in (_long(tune), _short(tune, tune.order)):
        first = next(faults, None)
        if first is not None:
            yield first[1], first[2]


def faulty_bars(tune: Tune, growing: bool = False) -> dict[int, str]:
    """Return the reason for each bar, by index, that is too long or too short, as `bar_errors` judges them.

    While the tune is `growing`, its last bar and its pickup are not too short: what completes them may still come.
    """
    rest = range(max(tune.order, default=-1) + 1, len(tune.bars))  # in a repeat that is not closed yet
    short = _short(tune, (*tune.order, *rest), growing)
    return {index: reason for faults in (_long(tune), short) for index, _, reason in faults}


def _long(tune: Tune) -> Iterator[tuple[int, int, str]]:
    """Yield (index, text offset, reason) of each bar that is too long."""
    notes: dict[int, list[Note]] = {}
    for note in tune.notes:
        notes.setdefault(note.bar, []).append(note)
    for index, bar in enumerate(tune.bars):
        if bar.asked is not None and bar.duration > bar.asked:
            limit = bar.start + bar.asked
            over = next(note for note in notes[index] if note.stop > limit)
            yield index, over.begin, f"the bar is too long: {_compared(bar)}"


def _short(tune: Tune, order: Sequence[int], growing: bool = False) -> Iterator[tuple[int, int, str]]:
    """Yield (index, text offset, reason) of each bar that is too short and not completed, in the order of playing."""
    pickup = short = before = -1  # indices
    for place, index in enumerate(order):
        bar = tune.bars[index]
        if short >= 0:
            other = tune.bars[short]
            seam = bar.seam or index != before + 1
            if seam and other.duration + bar.duration == other.asked:
                short, before = -1, index
                continue
            yield short, other.end, f"the bar is too short: {_compared(other)}"
            short = -1
        before = index
        if bar.asked is not None and bar.duration < bar.asked:
            pickup, short = (index, -1) if place == 0 else (pickup, index)
    if growing:
        return
    last = tune.bars[short].duration if short >= 0 else Fraction(0)
    if pickup >= 0 and (opening := tune.bars[pickup]).duration + last != opening.asked:
        yield pickup, opening.end, f"the last bar does not complete the pickup: {_compared(opening)}"
    elif pickup < 0 <= short:
        yield short, tune.bars[short].end, f"the bar is too short: {_compared(tune.bars[short])}"


def _compared(bar: Bar) -> str:
    """Return the duration of a bar and the one its metre asks for, as `5/8 of 6/8`."""
    assert bar.asked is not None
    below = lcm(8, bar.asked.denominator, bar.duration.denominator)
    return " of ".join(f"{part * below}/{below}" for part in (bar.duration, bar.asked))
