"""Diagnostic sequences: generated without end, each a question about memory, with a dial that makes it harder.

`copy:100` names one: the diagnostic and its dial. Sequences follow from a random generator alone. Sources: copy memory
(Arjovsky et al. 2016), adding and temporal order (Hochreiter and Schmidhuber 1997; lengths of the latter as Pascanu et
al. 2013), a^n b^n (Gers and Schmidhuber 2001), parity (Deletang et al. 2023), associative recall (Graves et al. 2014;
many queries as Arora et al. 2023), induction (Olsson et al. 2022).
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.data.examples import padded_length
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.records import I32, Inputs, Targets

Bools = np.typing.NDArray[np.bool_]
_NAMED = re.compile(r"([a-z]+):(\d{1,6})")


class Drawn(NamedTuple):
    """B sequences of T timesteps and their targets, see `records`; and which targets the accuracy counts, (T, B)."""

    inputs: Inputs
    targets: Targets
    asked: Bools
    lags: I32 | None = None  # timesteps since the answer was read, (T, B), where targets differ in that


@dataclass(frozen=True)
class Diagnostic:
    """One kind of diagnostic sequences."""

    name: str
    about: str
    dial: int  # default
    least: int
    most: int
    symbols: str  # the input symbols, one character each
    classes: tuple[str, ...]  # what is predicted; empty: the symbols
    several: bool  # a sequence has several answers
    lengths: Callable[[int], tuple[int, ...]]  # dial -> the T of batches, ascending
    draw: Callable[[np.random.Generator, int, int], Drawn]  # generator, dial, B
    blind: Callable[[int], float]  # dial -> the loss that no model without memory can beat, per target
    reads: tuple[str, ...] = ()  # the names of the real values at each timestep, instead of symbols
    values: tuple[str, ...] = ()  # the names of the real values that are predicted, with the squared error

    @property
    def answers(self) -> tuple[str, ...]:
        """What is predicted: the classes, or else the symbols."""
        return self.classes or tuple(self.symbols)


def _rounded(least: int, most: int) -> tuple[int, ...]:
    return tuple(sorted({padded_length(length) for length in range(least, most + 1)}))


def _masked(T: int, B: int) -> I32:
    return np.full((T, B), -1, np.int32)


# Copy memory: ten symbols, dial - 1 blanks, a marker, then ten blanks at which the symbols are repeated.
_COPIED, _BLANK, _MARK = 10, 0, 9


def _copy(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    T = dial + 2 * _COPIED
    symbols = chance.integers(1, 9, (_COPIED, B), np.int32)
    tokens, targets = np.full((T, B), _BLANK, np.int32), np.full((T, B), _BLANK, np.int32)
    tokens[:_COPIED], tokens[T - _COPIED - 1], targets[T - _COPIED :] = symbols, _MARK, symbols
    asked = np.zeros((T, B), np.bool_)
    asked[T - _COPIED :] = True
    return Drawn(tokens, targets, asked)


# Temporal order: X or Y at two places among noise; the class at the end is which came first and which second.
def _order(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    tokens, targets = chance.integers(0, 4, (dial, B), np.int32), _masked(dial, B)
    marks = chance.integers(0, 2, (2, B))
    rows = np.arange(B)
    for mark, (low, high) in zip(marks, ((dial // 10, dial // 5), (2 * dial // 5, dial // 2)), strict=True):
        tokens[chance.integers(low, max(low + 1, high), B), rows] = 4 + mark
    targets[-1] = 2 * marks[0] + marks[1]
    return Drawn(tokens, targets, targets >= 0)


# Parity: whether the number of ones so far is odd, asked at the end of a sequence of at most `dial` bits.
def _parity(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    length = int(chance.integers(1, dial + 1))
    tokens = np.zeros((padded_length(length), B), np.int32)
    targets = _masked(*tokens.shape)
    tokens[:length] = chance.integers(0, 2, (length, B))
    targets[length - 1] = tokens[:length].sum(axis=0) % 2
    return Drawn(tokens, targets, targets >= 0)


# a^n b^n: the next symbol; from the first b on, it is determined by the number of a.
def _anbn(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    counts = chance.integers(1, dial + 1, B)
    T = padded_length(2 * dial + 1)
    place = np.arange(T + 1)[:, None]
    text = np.where(place == 0, 0, np.where(place <= counts, 1, np.where(place <= 2 * counts, 2, 0)))
    targets = np.where(place[:-1] <= 2 * counts, text[1:], -1).astype(np.int32)
    asked = (place[:-1] > counts) & (targets >= 0)
    return Drawn(text[:-1].astype(np.int32), targets, asked)


# Adding: at each timestep a number from 0 to 1 and a mark, which is 1 at one timestep of each half. The target at the
# end is the sum of the two marked numbers; its variance is that of the sum of two uniform numbers, 1 / 6.
def _adding(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    inputs = np.zeros((dial, B, 2), np.float32)
    inputs[..., 0] = chance.random((dial, B), np.float32)
    targets, rows, half = np.full((dial, B, 1), np.nan, np.float32), np.arange(B), dial // 2
    places = chance.integers(0, half, B), chance.integers(half, dial, B)
    targets[-1] = 0
    for place in places:
        inputs[place, rows, 1] = 1
        targets[-1, :, 0] += inputs[place, rows, 0]
    return Drawn(inputs, targets, ~np.isnan(targets[..., 0]))


# Associative recall: pairs of a key and a value, then every key once more, in any order: which value came with it.
_KEYS, _VALUES = 26, 10


def _recall(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    keys = chance.permuted(np.tile(np.arange(_KEYS, dtype=np.int32)[:, None], (1, B)), axis=0)[:dial]
    values = chance.integers(_KEYS, _KEYS + _VALUES, (dial, B), np.int32)
    asked = chance.permuted(np.tile(np.arange(dial)[:, None], (1, B)), axis=0)
    pairs = np.stack([keys, values], axis=1).reshape(2 * dial, B)
    tokens, targets = np.concatenate([pairs, np.take_along_axis(keys, asked, 0)]), _masked(3 * dial, B)
    targets[2 * dial :] = np.take_along_axis(values, asked, 0)
    lags = np.zeros((3 * dial, B), np.int32)
    lags[2 * dial :] = np.arange(2 * dial, 3 * dial)[:, None] - (2 * asked + 1)
    return Drawn(tokens, targets, targets >= 0, lags)


# Induction: random symbols, then the same once more, and that is predictable from its second symbol on. The length
# varies, so that a fixed distance back is no solution.
_LETTERS = 26


def _repeat(chance: np.random.Generator, dial: int, B: int) -> Drawn:
    length = int(chance.integers(max(2, dial // 2), dial + 1))
    once = chance.integers(0, _LETTERS, (length, B), np.int32)
    text = np.concatenate([once, once])
    tokens = np.zeros((padded_length(2 * length), B), np.int32)
    targets = _masked(*tokens.shape)
    tokens[: 2 * length] = text
    targets[length : 2 * length - 1] = text[length + 1 :]
    return Drawn(tokens, targets, targets >= 0, np.full(tokens.shape, length - 1, np.int32))


def _entropy(p: float) -> float:
    """Return the entropy of a choice between two, in nats."""
    return 0.0 - sum(share * math.log(share) for share in (p, 1 - p) if share > 0)


def _blind_anbn(dial: int) -> float:
    """Knowing only the current symbol: how likely this a, or b, is the last of (dial + 1) / 2 on average."""
    mean = (dial + 1) / 2
    return 2 * mean * _entropy(1 / mean) / (2 * mean + 1)


_ABC = "abcdefghijklmnopqrstuvwxyz"
DIAGNOSTICS: dict[str, Diagnostic] = {
    one.name: one
    for one in (
        Diagnostic(
            "adding", "add the two marked ones of N numbers", 100, 2, 2000, "", (), False,
            lambda dial: (dial,), _adding, lambda dial: 1 / 6, ("number", "mark"), ("sum",),
        ),
        Diagnostic(
            "copy", "repeat ten symbols after N steps", 100, 1, 2000, "_12345678?", (), True,
            lambda dial: (dial + 2 * _COPIED,), _copy, lambda dial: _COPIED * math.log(8) / (dial + 2 * _COPIED),
        ),
        Diagnostic(
            "order", "tell the order of two marks among N symbols", 100, 10, 2000, "abcdXY",
            ("XX", "XY", "YX", "YY"), False,
            lambda dial: (dial,), _order, lambda dial: math.log(4),
        ),
        Diagnostic(
            "parity", "tell whether the number of ones in up to N bits is odd", 40, 1, 2000, "01",
            ("even", "odd"), False,
            lambda dial: _rounded(1, dial), _parity, lambda dial: _entropy(0.5 + 0.5 / dial),
        ),
        Diagnostic(
            "anbn", "predict the end of up to N times a and as many b", 50, 1, 1000, "$ab", (), True,
            lambda dial: (padded_length(2 * dial + 1),), _anbn, _blind_anbn,
        ),
        Diagnostic(
            "recall", "recall the values of N keys", 8, 1, _KEYS, _ABC + "0123456789", (), True,
            lambda dial: (3 * dial,), _recall, lambda dial: math.log(_VALUES),
        ),
        Diagnostic(
            "repeat", "repeat up to N random symbols", 32, 2, 1000, _ABC, (), True,
            lambda dial: _rounded_even(max(2, dial // 2), dial), _repeat, lambda dial: math.log(_LETTERS),
        ),
    )
}  # fmt: skip


def _rounded_even(least: int, most: int) -> tuple[int, ...]:
    return tuple(sorted({padded_length(2 * length) for length in range(least, most + 1)}))


def diagnostic(source: str) -> tuple[Diagnostic, int] | None:
    """Return the diagnostic and the dial that `source` names ("copy:100"); None if it names none.

    Raises SeqError if the dial is out of range.
    """
    found = _NAMED.fullmatch(source)
    if found is None or found[1] not in DIAGNOSTICS:
        return None
    one, dial = DIAGNOSTICS[found[1]], int(found[2])
    if not one.least <= dial <= one.most:
        raise SeqError(f"{quoted(source)}: the dial of {one.name} goes from {one.least} to {one.most:,}")
    return one, dial
