"""What composing.py composes from: keys, chords, rhythms and the figures that fill a bar.

Pitches are diatonic steps: 0 is middle C, 7 the c above. Lengths are in eighths.
"""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Scale:
    """A key with the chords that its tunes use, as degrees: 1 is the tonic."""

    name: str  # as in K:
    tonic: int  # the step within the octave above middle C
    sharps: int  # of the key signature; flats are negative
    chords: dict[str, tuple[str, ...]]  # by kind of unit: two bars, each with one or two chords
    weight: int


@dataclass(frozen=True, eq=False)
class Style:
    """A rhythm: its bars and what fills them."""

    name: str
    metre: str
    group: int  # eighths from anchor to anchor
    groups: int  # in a bar
    beat: int  # eighths that are beamed together
    figures: tuple[str, ...]
    finals: tuple[str, ...]  # the last bar of a part
    pickup: int  # eighths before the first bar, in a tune that has them
    short_finals: tuple[str, ...]  # the last bar of a part where a pickup completes it
    pickups: tuple[str, ...]
    weight: int


# The chords of units: opening, answer that stays open, contrast, close. The close ends on the tonic.
MAJOR = {
    "open": ("1 1", "1 4", "1 5", "1 6", "15 1", "14 1"),
    "answer": ("4 5", "1 5", "2 5", "6 5", "14 5"),
    "contrast": ("4 1", "6 4", "5 1", "6 2", "4 4"),
    "close": ("45 1", "25 1", "5 1", "15 1", "65 1"),
}
MINOR = {
    "open": ("1 1", "1 5", "1 6", "1 4", "15 1"),
    "answer": ("4 5", "6 5", "7 5", "4 7", "1 5"),
    "contrast": ("3 7", "6 3", "4 1", "7 3"),
    "close": ("45 1", "5 1", "75 1", "15 1"),
}
DORIAN = {
    "open": ("1 1", "1 7", "17 1", "1 4"),
    "answer": ("7 7", "7 5", "4 7", "1 7"),
    "contrast": ("3 7", "7 1", "4 1", "3 3"),
    "close": ("7 1", "75 1", "37 1", "17 1"),
}
MIXOLYDIAN = {
    "open": ("1 1", "1 7", "14 1", "17 1"),
    "answer": ("7 7", "4 7", "1 7", "4 5"),
    "contrast": ("4 1", "7 4", "7 1", "4 4"),
    "close": ("7 1", "47 1", "45 1", "57 1"),
}

# A figure is a list of notes separated by spaces, each with its length after a colon unless that is an eighth:
#   s the anchor, +1 -2 steps above or below it, u d the next chord notes above and below, U D those after them,
#   < > the notes a step below and above the next anchor, n the chord note of this chord that is nearest to it
JIG = (
    "s u U|s d D|s u s|s d s|s +1 +2|s -1 -2|s +1 s|s -1 s|s u >|s d <|s u d|s d u|s -1 <|s +1 >"
    "|s:2 u|s:2 d|s:2 s|s:2 <|s:2 >|s:2 +1|s:2 -1|s:3|s d d|s u u"
)
REEL = (
    "s +1 +2 +3|s -1 -2 -3|s u U u|s d D d|s d s u|s u s d|s u d u|s d u d|s +1 s -1|s -1 s +1|s +1 s d|s -1 s u"
    "|s d d d|s u > <|s d < >|s -1 d <|s +1 u >|s:2 u >|s:2 d <|s:2 s u|s:2 d s|s:2 +1 +2|s:2 -1 -2|s:3 >|s:3 <"
    "|s u:2 >|s d:2 <|s s d s|s +2 +1 -1"
)
DOTTED = "s:3/2 {}:1/2 {}:3/2 {}:1/2"
TRIPLET = "s:3/2 {}:1/2 {}:2/3 {}:2/3 {}:2/3"
FIRST_TRIPLET = "s:2/3 {}:2/3 {}:2/3 {}:3/2 {}:1/2"
HORNPIPE = "|".join(
    [DOTTED.format(*walk.split()) for walk in ("+1 +2 +3", "-1 -2 -3", "u U u", "d D d", "d s u", "u s d", "u d u",
                                               "d u d", "+1 s -1", "+1 s d", "-1 s u", "u > <", "d < >", "-1 d <")]
    + [TRIPLET.format(*walk.split()) for walk in ("+1 +2 +1 s", "-1 -2 -1 s", "u +1 s -1", "d -1 s +1")]
    + [FIRST_TRIPLET.format(*walk.split()) for walk in ("+1 +2 u >", "-1 -2 d <", "+1 s d u")]
    + ["s:2 u:3/2 >:1/2", "s:2 d:3/2 <:1/2", "s:2 u:2", "s:2 d:2", "s:3/2 u:1/2 s:2", "s:3/2 d:1/2 n:2"]
)  # fmt: skip
AIR = (
    "s:2 u:2 >:2|s:2 d:2 <:2|s:4 >:2|s:4 <:2|s:4 u:2|s:4 d:2|s:3 +1 u:2|s:3 -1 d:2|s:3 u >:2|s:3 d <:2|s:2 +1 +2 u:2"
    "|s:2 -1 -2 d:2|s:2 u +1 s:2|s:2 d -1 <:2|s +1 u:2 >:2|s -1 d:2 <:2|s:2 u:3 >|s:2 d:3 <|s:3 +1 s d|s:3 u U >"
    "|s:6|s:2 u:4|s:2 s:2 +1:2|s:2 -1:2 -2:2|s:4 u +1|s:4 d -1"
)
SCALES = (
    Scale("D", 1, 2, MAJOR, 20),
    Scale("G", 4, 1, MAJOR, 18),
    Scale("A", 5, 3, MAJOR, 9),
    Scale("C", 0, 0, MAJOR, 6),
    Scale("F", 3, -1, MAJOR, 3),
    Scale("Em", 2, 1, MINOR, 8),
    Scale("Am", 5, 0, MINOR, 6),
    Scale("Dm", 1, -1, MINOR, 5),
    Scale("Bm", 6, 2, MINOR, 5),
    Scale("Ador", 5, 1, DORIAN, 7),
    Scale("Edor", 2, 2, DORIAN, 7),
    Scale("Ddor", 1, 0, DORIAN, 3),
    Scale("Gmix", 4, 0, MIXOLYDIAN, 4),
    Scale("Dmix", 1, 1, MIXOLYDIAN, 6),
    Scale("Amix", 5, 2, MIXOLYDIAN, 6),
)
STYLES = (
    Style("jig", "6/8", 3, 2, 3, tuple(JIG.split("|")),
          ("s:3 s:3", "s d s s:3", "s:2 d s:3", "s:2 u s:3"), 1,
          ("s:3 s:2", "s d s s:2", "s:2 d s:2", "s:2 s s:2"), ("<", ">", "d", "u"), 32),
    Style("reel", "4/4", 4, 2, 4, tuple(REEL.split("|")),
          ("s:4 s:4", "s:2 d:2 s:4", "s:2 u:2 s:4", "s d s:2 s:4"), 2,
          ("s:4 s:2", "s:2 d:2 s:2", "s d s:2 s:2", "s:2 s:2 s:2"), ("-2 -1", "+2 +1", "d <", "u >", "d u"), 34),
    Style("hornpipe", "4/4", 4, 2, 2, tuple(HORNPIPE.split("|")),
          ("s:2 s:2 s:4", "s:2 d:2 s:4", "s:2 u:2 s:4"), 2,
          ("s:2 s:2 s:2", "s:2 d:2 s:2", "s:2 u:2 s:2"),
          ("-2:3/2 -1:1/2", "+2:3/2 +1:1/2", "d:3/2 <:1/2", "-3:2/3 -2:2/3 -1:2/3"), 17),
    Style("air", "3/4", 6, 1, 2, tuple(AIR.split("|")),
          ("s:6", "s:2 d:2 s:2", "s:4 s:2"), 2, ("s:4", "s:2 s:2"), ("-2 -1", "+2 +1", "d:2", "u:2", "d <"), 17),
)  # fmt: skip
# How the four units of a part follow each other: capitals are varied, s is a sequence of a, z is a with a close
FORMS = {"abac": 30, "abAc": 14, "aabc": 12, "aAbc": 8, "aabz": 8, "abdc": 12, "asbc": 14, "abaz": 8}
KINDS = {"a": "open", "b": "answer", "d": "contrast", "c": "close"}
# The height of a part by bar, in steps
CONTOURS = (
    (0, 1, 2, 3, 3, 2, 0, -2),
    (2, 2, 1, 0, 2, 1, 0, -2),
    (0, -1, 0, 1, 2, 3, 1, -1),
    (0, 2, 1, 3, 0, 2, 0, -2),
    (1, 0, -1, 0, 1, 0, -1, -2),
)
