"""The tokens of the music in ABC, their lengths, and the unit in which time is counted."""

import re
from fractions import Fraction
from functools import lru_cache

from seqcore.data.abc_fields import power_of_two
from seqcore.data.quoting import quoted

LENGTH = r"([0-9]*/*[0-9]*)"
NOTE = re.compile(r"(\^\^?|__?|=)?([A-Ga-g])([,']*)" + LENGTH)
REST = re.compile(r"[zx]" + LENGTH)
CHORD_END = re.compile(r"\]" + LENGTH)
TUPLET = re.compile(r"\(([0-9])(?::([0-9]?)(?::([0-9]?))?)?")
LINE = re.compile(r"(::|:\|\|?:|:\|[\]|]?|\|\|?:|\[\|:?|\|\]|\|\|?)([0-9]*)")
ENDING = re.compile(r"(\[)([0-9]+)")
BROKEN = re.compile(r">{1,3}|<{1,3}")
SKIPPED = re.compile(r"[ \t\r`]+|\\(?=[ \t\r]*(?:%|\n|\Z))|%[^\n]*|\"[^\"\n]*\"")
DECORATION = re.compile(r"[~.HLMOPSTuv]|![a-zA-Z0-9+<>().]*!")
INLINE = re.compile(r"\[([A-Za-z]):([^\]\n]*)\]")
FIELD = re.compile(r"([H-WYZhi-wyX+]):([^\n]*)")  # not the notes a to g and rests: `d:|` is music
IGNORED = "INPQRrsTwW+"
# what can become a token when more text follows
BEGUN = re.compile(r"\"[^\"\n]*|![^!\n]*|\^\^?|__?|=|:|\[(?:[A-Za-z](?::[^\]\n]*)?)?|\\[ \t\r]*|[H-WYZhi-wyX+]")
TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # 5, 7 and 9 depend on the metre
ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
LETTERS = "CDEFGAB"
# Time is counted in ticks per whole note, an integer that makes every length exact: units and divisors up to 64
# (twice in a chord), broken rhythm down to 1/8, tuplets of 2 to 9.
TICKS = 64 * 64 * 64 * 8 * 2520


@lru_cache(maxsize=4096)
def read_length(written: str) -> Fraction:
    """Return a length as a multiple of the unit: "" is 1, "3/2", "/" is 1/2, "//" is 1/4. Raises ValueError."""
    above, slash, below = written.partition("/")
    slashes = len(slash) + len(below) - len(below.lstrip("/"))
    below = below.lstrip("/")
    if len(above) <= 3 and len(below) <= 3 and slashes <= 6 and not (slashes > 1 and below):
        number = int(above or 1)
        divisor = int(below) if below else 2**slashes
        if number > 0 and power_of_two(divisor):
            return Fraction(number, divisor)
    raise ValueError(f"invalid length {quoted(written, 24)}: write for instance A2, A/2 or A3/2")


@lru_cache(maxsize=4096)
def as_fraction(ticks: int) -> Fraction:
    """Return a duration as a fraction of a whole note."""
    return Fraction(ticks, TICKS)
