"""Bars of a tune: the order in which repeats and endings play them, and whether they are full."""

from collections.abc import Iterator
from fractions import Fraction
from math import lcm

from seqcore.data.abc_tune import Bar, Tune


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
    for index, bar in enumerate(tune.bars):
        if bar.asked is not None and bar.duration > bar.asked:
            limit = bar.start + bar.asked
            over = next(note for note in tune.notes if note.bar == index and note.stop > limit)
            yield over.begin, f"the bar is too long: {_compared(bar)}"
            break
    pickup: Bar | None = None
    short: Bar | None = None
    before = -1
    for place, index in enumerate(tune.order):
        bar = tune.bars[index]
        if short is not None:
            seam = bar.seam or index != before + 1
            if seam and short.duration + bar.duration == short.asked:
                short, before = None, index
                continue
            yield short.end, f"the bar is too short: {_compared(short)}"
            return
        before = index
        if bar.asked is not None and bar.duration < bar.asked:
            pickup, short = (bar, None) if place == 0 else (pickup, bar)
    last = short.duration if short is not None else Fraction(0)
    if pickup is not None and pickup.duration + last != pickup.asked:
        yield pickup.end, f"the last bar does not complete the pickup: {_compared(pickup)}"
    elif pickup is None and short is not None:
        yield short.end, f"the bar is too short: {_compared(short)}"


def _compared(bar: Bar) -> str:
    """Return the duration of a bar and the one its metre asks for, as `5/8 of 6/8`."""
    assert bar.asked is not None
    below = lcm(8, bar.asked.denominator, bar.duration.denominator)
    return " of ".join(f"{part * below}/{below}" for part in (bar.duration, bar.asked))
