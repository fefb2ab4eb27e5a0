"""The fields of ABC that change what notes mean: key, metre and unit length (ABC 2.1, sections 3.1.6, 3.1.7, 3.1.14).

The functions raise ValueError with a reason for the user; the caller adds the position.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from seqcore.data.quoting import quoted

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS = "FCGDAEB"  # the order of sharps; flats are added from the other end
_MODES = {
    "": 0,
    "maj": 0,
    "ion": 0,
    "m": -3,
    "min": -3,
    "aeo": -3,
    "mix": -1,
    "dor": -2,
    "phr": -4,
    "lyd": 1,
    "loc": -5,
}
_KEY = re.compile(r"([A-G])([#b]?) ?([A-Za-z]*)")
_FRACTION = re.compile(r"([0-9]{1,3})/([0-9]{1,3})")
_SHORTEST = 64  # the largest denominator of a length


class Key(NamedTuple):
    """A key signature."""

    signature: dict[str, int]  # semitones by letter
    tonic: int | None  # pitch class


def read_key(value: str) -> Key:
    """Return the key of a K: field, such as `D`, `F#m`, `Ador`, `E minor`, `Bb mix` or `none`."""
    if value == "none":
        return Key({}, None)
    match = _KEY.fullmatch(value)
    if match is None:
        raise ValueError(f"unknown key {quoted(value, 24)}: write for instance K:D, K:F#m or K:Ador")
    letter, accidental, word = match.groups()
    mode = word if word == "m" else word[:3].lower()
    if mode not in _MODES or (mode == "m" and word != "m"):
        raise ValueError(f"unknown mode {quoted(word, 24)}: maj, m, mix, dor, phr, lyd, loc, ion or aeo")
    shift = (accidental == "#") - (accidental == "b")
    sharps = _FIFTHS.index(letter) - 1 + 7 * shift + _MODES[mode]
    if abs(sharps) > 7:
        raise ValueError(f"the key {quoted(value, 24)} has more than seven {'sharps' if sharps > 0 else 'flats'}")
    signature = dict.fromkeys(_FIFTHS[:sharps], 1) if sharps >= 0 else dict.fromkeys(_FIFTHS[sharps:], -1)
    return Key(signature, (SEMITONES[letter] + shift) % 12)


def read_metre(value: str) -> tuple[int, int] | None:
    """Return the metre of an M: field, such as `6/8`, `C` or `C|`; None for `none`."""
    if value == "none":
        return None
    if value in ("C", "C|"):
        return (4, 4) if value == "C" else (2, 2)
    beats, unit = _fraction(value) or (0, 0)
    if not 1 <= beats <= 64 or not power_of_two(unit):
        raise ValueError(f"invalid metre {quoted(value, 24)}: write for instance M:4/4, M:6/8, M:C or M:none")
    return beats, unit


def read_unit(value: str) -> Fraction:
    """Return the unit length of an L: field, such as `1/8`."""
    above, below = (1, 1) if value == "1" else _fraction(value) or (0, 0)
    if above != 1 or not power_of_two(below):
        raise ValueError(f"invalid unit length {quoted(value, 24)}: write for instance L:1/8")
    return Fraction(1, below)


def default_unit(metre: tuple[int, int] | None) -> Fraction:
    """Return the unit length of a tune without L: a sixteenth if the metre is below 3/4, else an eighth."""
    return Fraction(1, 16 if metre is not None and Fraction(*metre) < Fraction(3, 4) else 8)


def power_of_two(number: int) -> bool:
    """Whether `number` can be the denominator of a note length: 1, 2, 4 ... 64."""
    return 1 <= number <= _SHORTEST and number & (number - 1) == 0


def _fraction(value: str) -> tuple[int, int] | None:
    match = _FRACTION.fullmatch(value)
    return (int(match[1]), int(match[2])) if match else None
