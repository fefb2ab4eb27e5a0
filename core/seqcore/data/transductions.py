"""Transductions: pairs of a source and a target, generated without end, with a dial that makes them harder.

`reverse:20` names one: the transduction and its dial; `reverse` stands for its default dial. Pairs follow from a random
generator alone. Reversing, sorting and duplicating as Deletang et al. 2023 have them; dates after the usual exercise
for attention (the formats are our own, see `data.date_formats`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seqcore.data.date_formats import DATE_SYMBOLS, ISO_SYMBOLS, SHORTEST_AND_LONGEST, drawn_dates
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.records import I32

_NAMED = re.compile(r"([a-z]+)(?::(\d{1,6}))?")
_ABC = "abcdefghijklmnopqrstuvwxyz"

Pairs = list[tuple[I32, I32]]
Span = tuple[int, int]  # (least, most) symbols


@dataclass(frozen=True)
class Transduction:
    """One kind of generated pairs."""

    name: str
    about: str  # one line; "N" stands for the dial
    dial: int  # default
    least: int  # of the dial; 0, as `most`: there is none
    most: int
    source: str  # the source symbols, one character each
    target: str  # the target symbols
    draw: Callable[[np.random.Generator, int, int], Pairs]  # generator, dial, count -> the symbols' numbers
    lengths: Callable[[int], tuple[Span, Span]]  # dial -> the lengths of sources, and of targets


def _words(chance: np.random.Generator, dial: int, count: int) -> list[I32]:
    """Return `count` sequences of 1 to `dial` letters; every length is as likely."""
    lengths = chance.integers(1, dial + 1, count)
    letters = chance.integers(0, len(_ABC), int(lengths.sum()), np.int32)
    ends = np.cumsum(lengths).tolist()
    return [letters[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]


def _reverse(chance: np.random.Generator, dial: int, count: int) -> Pairs:
    return [(word, word[::-1]) for word in _words(chance, dial, count)]


def _sort(chance: np.random.Generator, dial: int, count: int) -> Pairs:
    return [(word, np.sort(word)) for word in _words(chance, dial, count)]


def _duplicate(chance: np.random.Generator, dial: int, count: int) -> Pairs:
    return [(word, np.repeat(word, 2)) for word in _words(chance, dial, count)]


def _dates(chance: np.random.Generator, dial: int, count: int) -> Pairs:
    return [
        (_numbers(source, _OF_SOURCE), _numbers(target, _OF_TARGET)) for source, target in drawn_dates(chance, count)
    ]


def _lookup(symbols: str) -> I32:
    """Return the number of each ASCII character among `symbols`, (128,); -1 for the others."""
    table = np.full(128, -1, np.int32)
    table[[ord(symbol) for symbol in symbols]] = np.arange(len(symbols))
    return table


def _numbers(text: str, table: I32) -> I32:
    return table[np.frombuffer(text.encode("ascii"), np.uint8)]


_OF_SOURCE, _OF_TARGET = _lookup(DATE_SYMBOLS), _lookup(ISO_SYMBOLS)

TRANSDUCTIONS: dict[str, Transduction] = {
    one.name: one
    for one in (
        Transduction(
            "reverse", "reverse up to N letters", 20, 2, 200, _ABC, _ABC,
            _reverse, lambda dial: ((1, dial), (1, dial)),
        ),
        Transduction(
            "sort", "sort up to N letters", 20, 2, 200, _ABC, _ABC,
            _sort, lambda dial: ((1, dial), (1, dial)),
        ),
        Transduction(
            "duplicate", "write each of up to N letters twice", 20, 2, 200, _ABC, _ABC,
            _duplicate, lambda dial: ((1, dial), (2, 2 * dial)),
        ),
        Transduction(
            "dates", "write a date as ISO 8601 has it (day first: 5/3/87; two-digit years are 1930 to 2029)",
            0, 0, 0, DATE_SYMBOLS, ISO_SYMBOLS,
            _dates, lambda dial: (SHORTEST_AND_LONGEST, (10, 10)),
        ),
    )
}  # fmt: skip


def transduction(source: str) -> tuple[Transduction, int] | None:
    """Return the transduction and the dial that `source` names ("reverse:20", "dates"); None if it names none.

    Raises SeqError if the dial is out of range.
    """
    found = _NAMED.fullmatch(source)
    if found is None or found[1] not in TRANSDUCTIONS:
        return None
    one = TRANSDUCTIONS[found[1]]
    dial = one.dial if found[2] is None else int(found[2])
    if not one.least <= dial <= one.most:
        if one.most == 0:
            raise SeqError(f"{quoted(source)}: {one.name} has no dial: write {one.name}")
        raise SeqError(f"{quoted(source)}: the dial of {one.name} goes from {one.least} to {one.most:,}")
    return one, dial
