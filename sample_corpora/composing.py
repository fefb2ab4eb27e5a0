"""Compose melodies from tune_rules.py: chords, a contour, and figures that lead from one chord note to the next.

A part has 8 bars in four units of 2 bars, such as A B A' C. A unit is made once, then repeated, varied or moved to
another degree. Each group of its notes begins on an anchor, a note of the chord; a figure fills the group and leads to
the next anchor.
"""

import random
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import NamedTuple, TypeVar

from tune_rules import CONTOURS, FORMS, KINDS, MAJOR, MINOR, Scale, Style

T = TypeVar("T")
LOWEST, HIGHEST = 1, 15  # D to d'
SEMITONES = (0, 2, 4, 5, 7, 9, 11)
FIFTHS = (3, 0, 4, 1, 5, 2, 6)  # the order of sharps: F C G D A E B
BY_LEAP = (0.7, 1.4, 1.2, 0.9, 0.7, 0.35, 0.05, 0.3)  # weight of an interval by its steps; more is rare
BY_DISTANCE = (2.0, 4.0, 4.0, 3.0, 2.0, 1.0, 0.3, 0.6)  # the same from anchor to anchor
EIGHTH = 6  # so that triplets and dotted notes have integer lengths
FAVOURED = 7.0  # figures of a tune that come back, compared with the others


class Note(NamedTuple):
    """A note of a melody."""

    step: int
    length: int  # in sixths of an eighth
    raised: bool = False  # by a semitone over the key signature


class Unit(NamedTuple):
    """Two bars, or the first of them before the last bar of a part."""

    chords: tuple[int, ...]  # degree by group, 1 is the tonic
    anchors: tuple[int, ...]  # step by group
    groups: tuple[tuple[Note, ...], ...]


class Part(NamedTuple):
    """Eight bars with a last bar for each time; without endings both are the same."""

    pickup: tuple[Note, ...]  # may be empty
    bars: tuple[tuple[Note, ...], ...]  # seven
    first: tuple[Note, ...]
    second: tuple[Note, ...]


def pick(chance: random.Random, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """Return one of the options at random."""
    weights = weights or [1.0] * len(options)
    total = 0.0
    for weight in weights:  # not sum(): its rounding depends on the version of Python
        total += weight
    left = total * chance.random()
    for option, weight in zip(options, weights, strict=True):
        left -= weight
        if left < 0:
            return option
    return options[-1]


@cache
def figure_notes(figure: str) -> tuple[tuple[str, int], ...]:
    """Return the signs and lengths of a figure; see tune_rules.py."""
    pairs = [sign.partition(":") for sign in figure.split(" ")]
    return tuple((sign, int(EIGHTH * Fraction(length or 1))) for sign, _, length in pairs)


def degree(scale: Scale, step: int) -> int:
    """Return the degree of a step, 1 to 7."""
    return (step - scale.tonic) % 7 + 1


def belongs(scale: Scale, step: int, chord: int) -> bool:
    """Whether a step is in the triad of a degree."""
    return (step - scale.tonic + 1 - chord) % 7 in (0, 2, 4)


@cache
def semitone(scale: Scale, step: int) -> int:
    """Return the pitch of a step in semitones above middle C, by the key signature."""
    place = FIFTHS.index(step % 7)
    altered = (place < scale.sharps) - (place >= 7 + scale.sharps)
    return SEMITONES[step % 7] + 12 * (step // 7) + altered


@cache
def signs(scale: Scale, anchor: int, after: int, chord: int) -> dict[str, int]:
    """Return the step of each sign of a figure."""
    above = [step for step in range(anchor + 1, anchor + 8) if belongs(scale, step, chord)]
    below = [step for step in range(anchor - 1, anchor - 8, -1) if belongs(scale, step, chord)]
    near = min((*above, *below), key=lambda step: (abs(step - after), step))
    steps = {"s": anchor, "u": above[0], "U": above[1], "d": below[0], "D": below[1], "n": near}
    steps |= {f"{by:+}": anchor + by for by in range(-3, 4)}
    return steps | {"<": after - 1, ">": after + 1}


def realised(figure: str, scale: Scale, anchor: int, after: int, chord: int) -> tuple[Note, ...]:
    """Return the notes of a figure from an anchor."""
    steps = signs(scale, anchor, after, chord)
    return tuple(Note(steps[sign], length) for sign, length in figure_notes(figure))


def weight(notes: tuple[Note, ...], scale: Scale, after: int, chord: int) -> float:
    """Return how well notes go together: small intervals, leaps within the chord, no tritones."""
    weight = 1.0
    steps = [note.step for note in notes] + [after]
    if min(steps) < LOWEST or max(steps) > HIGHEST:
        return 0.0
    for one, other in pairwise(steps):
        leap = abs(one - other)
        weight *= BY_LEAP[leap] if leap < len(BY_LEAP) else 0.02
        if leap > 2 and not (belongs(scale, one, chord) and (other == after or belongs(scale, other, chord))):
            weight *= 0.2
        if abs(semitone(scale, one) - semitone(scale, other)) == 6:
            weight *= 0.1
    if steps[-2] == after:
        weight *= 0.5
    for note in notes:
        if note.length >= 2 * EIGHTH and not belongs(scale, note.step, chord):
            weight *= 0.2
        weight *= 0.5 if note.step >= HIGHEST - 1 else 1
    return weight


@cache
def choices(
    scale: Scale, style: Style, anchor: int, after: int, chord: int
) -> list[tuple[str, tuple[Note, ...], float]]:
    """Return each figure of a style with its notes and its weight."""
    found = []
    for figure in style.figures:
        notes = realised(figure, scale, anchor, after, chord)
        held = 0.3 if notes[0].length == style.group * EIGHTH else 1
        found.append((figure, notes, held * weight(notes, scale, after, chord)))
    return found


class Composer:
    """Composes the parts of one tune."""

    def __init__(self, chance: random.Random, scale: Scale, style: Style) -> None:
        self.chance, self.scale, self.style = chance, scale, style
        self.favourites = [self.pick(style.figures) for _ in range(4)]
        self.harmonic = scale.chords is MINOR and chance.random() < 0.6
        low = scale.tonic if scale.tonic >= LOWEST else scale.tonic + 7
        self.final = low + 7 if low <= 4 and chance.random() < 0.3 else low
        self.has_pickup = chance.random() < 0.35
        self.has_endings = chance.random() < 0.65
        self.close: Unit | None = None

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Return one of the options at random."""
        return pick(self.chance, options, weights)

    def part(self, height: int) -> Part:
        """Return a part around a step; a second part may end like the first."""
        form = self.pick(tuple(FORMS), tuple(FORMS.values()))
        contour = self.pick(CONTOURS)
        units: dict[str, Unit] = {}
        if self.close is not None and self.chance.random() < 0.6:
            units["c"] = self.close
        before = height
        for place, letter in enumerate(form):
            if letter not in units:
                following = form[place + 1 : place + 2]
                centre = height + contour[2 * place]
                units[letter] = self.unit(letter, units, before, centre, following)
            before = units[letter].groups[-1][-1].step
        self.close = units[form[3]]
        groups = self.joined([units[letter] for letter in form])
        size = self.style.groups
        bars = [sum(groups[first : first + size], ()) for first in range(0, len(groups), size)]
        start = units[form[0]].anchors[0]
        return Part(self.pickup(start), tuple(bars), *self.last_bars(start))

    def unit(self, letter: str, units: dict[str, Unit], before: int, centre: int, following: str) -> Unit:
        """Return the unit of a letter of the form, after the step `before` and, if it is known, before `following`."""
        if letter == "A":
            return self.varied(units["a"])
        if letter == "s":
            return self.moved(units["a"]) or self.unit("b", units, before, centre, following)
        groups = self.style.groups
        if letter == "z":
            model = units["a"]
            chords = (*model.chords[: groups - 1], 5)
            anchors = model.anchors[: groups - 1]
            last = self.anchor(5, anchors[-1] if anchors else before, (centre + self.final) // 2, False)
            filled = (*model.groups[: groups - 1], self.group(last, self.final, 5))
            return Unit(chords, (*anchors, last), filled)
        plan = self.pick(self.scale.chords[KINDS[letter]]).split(" ")
        bars = plan[:1] if letter == "c" else plan
        chords = tuple(int(bar[place]) for bar in bars for place in ((0, -1) if groups == 2 else (-1,)))
        goal = self.final if letter == "c" else units[following].anchors[0] if following in units else None
        steps: list[int] = []
        for place, chord in enumerate(chords):
            if goal is not None and place == len(chords) - 1:
                centre = goal
            steps.append(self.anchor(chord, steps[-1] if steps else before, centre, place % groups == 0))
        if goal is None:  # the next unit begins near the end of this one
            goal = steps[0] if following == letter else self.anchor(1, steps[-1], centre, True)
        filled = tuple(self.group(*each) for each in zip(steps, [*steps[1:], goal], chords, strict=True))
        return Unit(chords, tuple(steps), filled)

    def joined(self, units: list[Unit]) -> list[tuple[Note, ...]]:
        """Return the groups of all units; where two units do not meet, the first gets another last figure."""
        groups = []
        for unit, following in pairwise([*units, None]):
            groups += unit.groups
            if following is not None and abs(groups[-1][-1].step - following.anchors[0]) > 3:
                groups[-1] = self.group(unit.anchors[-1], following.anchors[0], unit.chords[-1])
        return groups

    def anchor(self, chord: int, before: int, centre: int, strong: bool) -> int:
        """Return a note of the chord that is near the one before and near the centre."""
        options = [step for step in range(LOWEST, HIGHEST - 1) if belongs(self.scale, step, chord)]
        weights = []
        for step in options:
            leap = abs(step - before)
            weight = BY_DISTANCE[leap] if leap < len(BY_DISTANCE) else 0.05
            weight /= 1 + 0.4 * (step - centre) * (step - centre)
            weights.append(weight * (1.5 if strong and degree(self.scale, step) == chord else 1))
        return self.pick(options, weights)

    def group(self, anchor: int, after: int, chord: int, other_than: tuple[Note, ...] = ()) -> tuple[Note, ...]:
        """Return a figure that begins on the anchor and leads to the step `after`."""
        found = choices(self.scale, self.style, anchor, after, chord)
        options = [notes for _, notes, _ in found]
        weights = [
            0.0 if notes == other_than else weight * (FAVOURED if figure in self.favourites else 1)
            for figure, notes, weight in found
        ]
        return self.raised(self.pick(options, weights), after, chord)

    def varied(self, unit: Unit) -> Unit:
        """Return a unit with another figure in one of its later groups."""
        place = 1 + int(self.chance.random() * (len(unit.groups) - 1))
        after = unit.anchors[place + 1] if place + 1 < len(unit.anchors) else unit.groups[place][-1].step
        group = self.group(unit.anchors[place], after, unit.chords[place], other_than=unit.groups[place])
        return unit._replace(groups=(*unit.groups[:place], group, *unit.groups[place + 1 :]))

    def moved(self, unit: Unit) -> Unit | None:
        """Return a unit one degree lower or, in major, on a degree near the tonic; None if that leaves the range."""
        by = self.pick((1, 3, -3)) if self.scale.chords is MAJOR else -1
        steps = [note.step + by for group in unit.groups for note in group]
        if min(steps) < LOWEST or max(steps) > HIGHEST - 1:
            return None
        groups = tuple(tuple(Note(note.step + by, note.length) for note in group) for group in unit.groups)
        chords = tuple((chord - 1 + by) % 7 + 1 for chord in unit.chords)
        return Unit(chords, tuple(step + by for step in unit.anchors), groups)

    def raised(self, notes: tuple[Note, ...], after: int, chord: int) -> tuple[Note, ...]:
        """Return the notes with the seventh raised where it leads to the tonic over the fifth, in some minor tunes."""
        steps = [note.step for note in notes] + [after]
        leads = any(degree(self.scale, one) == 7 and other == one + 1 for one, other in pairwise(steps))
        if not (self.harmonic and chord == 5 and leads):
            return notes
        return tuple(note._replace(raised=degree(self.scale, note.step) == 7) for note in notes)

    def pickup(self, start: int) -> tuple[Note, ...]:
        """Return the notes before the first bar; none in most tunes."""
        if not self.has_pickup:
            return ()
        options = [realised(figure, self.scale, start, start, 1) for figure in self.style.pickups]
        fitting = [notes for notes in options if all(LOWEST <= note.step < HIGHEST for note in notes)]
        return self.pick(fitting)

    def last_bars(self, start: int) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
        """Return the last bar of a part for the first and the second time; the first leads back to `start`."""
        endings = self.style.short_finals if self.has_pickup else self.style.finals
        options = [realised(final, self.scale, self.final, self.final, 1) for final in endings]
        options = [notes for notes in options if min(note.step for note in notes) >= LOWEST]
        second = self.pick(options)
        if not self.has_endings:
            return second, second
        if self.has_pickup:
            return self.pick([notes for notes in options if notes != second]), second
        if self.style.groups == 1:
            return self.group(self.final, start, 1, other_than=second), second
        anchor = self.anchor(1, self.final, (self.final + start) // 2, False)
        count = next(
            n for n in range(len(second)) if sum(note.length for note in second[:n]) == self.style.group * EIGHTH
        )
        return second[:count] + self.group(anchor, start, 1), second
