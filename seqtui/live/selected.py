"""Selections of a text: where else in the held-out part their units are on, and which units tell two of them apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from seqcore.records import Inputs

from seqtui.live.aside import Progress, Stop

if TYPE_CHECKING:
    from seqcore.neurons.contrast import Separation
    from seqcore.neurons.passage import Passage
    from seqcore.neurons.recording import Recording, Unit
    from seqcore.serial import SerialModel

AROUND = 40  # symbols kept on each side of a stretch
Stretch = tuple[int, int]  # [first, last)


class Place(NamedTuple):
    """A stretch of the held-out part. The symbols are raw: sanitise before drawing."""

    first: int
    likeness: float  # the share of units that are on here and in the selection alike
    before: tuple[str, ...]
    inside: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Matched:
    """Where else the units of a selection are on."""

    stretch: Stretch
    threshold: float
    state: str
    step: int
    units: tuple[Unit, ...]
    bounded: bool  # whether they are off just outside the selection
    places: tuple[Place, ...]


@dataclass(frozen=True, eq=False)
class Separated:
    """Which units tell two selections apart."""

    stretch: Stretch
    other: Stretch
    state: str
    step: int
    units: tuple[Separation, ...]  # best first


@dataclass(frozen=True, eq=False)
class Read:
    """The weights and the passage of a search, which selections use too."""

    step: int
    model: SerialModel
    passage: Passage
    recording: Recording | None  # of the state that selections use, once it is known


def selected_state(model: SerialModel) -> str:
    """Return the state by which selections are matched: h, if there is one, has bounds: one threshold fits all."""
    return "h" if "h" in model.states else model.states[0]


def matched(
    read: Read, inputs: Inputs, stretch: Stretch, threshold: float, progress: Progress, stop: Stop
) -> tuple[Read, Matched] | None:
    """Return where in the passage the units are on that are on in a stretch of other inputs (T,); None on `stop`.

    With the weights of the search. Raises SeqError.
    """
    from seqcore.neurons.matching import matches_of, units_on

    passage, both = read.passage, _recorded(read, inputs, progress, stop)
    if both is None:
        return None
    recording, text = both
    own = text.values
    first, last = max(0, stretch[0]), min(stretch[1], len(own))
    bounded, columns = True, units_on(text, first, last, threshold)
    if not columns.size:  # most units of a small model are on for longer
        bounded, columns = False, units_on(text, first, last, threshold, bounded=False)
    at = place_of(inputs, passage.inputs)
    own_place = (at + first, min(at + last, len(passage))) if at is not None else (0, 0)
    found = matches_of(recording, columns, last - first, threshold, own_place)
    places = tuple(_place(passage, one.first, one.last, one.likeness(columns.size)) for one in found.found)
    made = Matched(stretch, threshold, recording.state, read.step, found.units, bounded, places)
    return replace(read, recording=recording), made


def _recorded(read: Read, inputs: Inputs, progress: Progress, stop: Stop) -> tuple[Recording, Recording] | None:
    """Return what the units did over the passage, and over other inputs (T,); None on `stop`."""
    from seqcore.neurons.recording import Recording, record

    model, state = read.model, selected_state(read.model)
    recording = read.recording or record(model, read.passage, state, None, progress, stop)
    if recording is None:
        return None
    (own,) = model.record(inputs, model.initial_state(), state)
    return recording, Recording(state, recording.units, own.reshape(len(own), -1).astype(np.float16))


def separated(
    read: Read, inputs: Inputs, stretch: Stretch, other: Stretch, progress: Progress, stop: Stop
) -> tuple[Read, Separated] | None:
    """Return which units tell two stretches of inputs (T,) apart, better than elsewhere in the passage; None on `stop`.

    With the weights of the search. Raises SeqError: they share timesteps, or one of them is too short.
    """
    from seqcore.neurons.contrast import contrast
    from seqcore.neurons.recording import Recording

    both = _recorded(read, inputs, progress, stop)
    if both is None:
        return None
    recording, text = both
    whole = Recording(text.state, recording.units, np.concatenate([recording.values, text.values]))
    at = len(recording.values)
    one, two = ((at + first, at + last) for first, last in (stretch, other))
    found = tuple(contrast(whole, [one], [two]))
    made = Separated(stretch, other, text.state, read.step, found)
    return replace(read, recording=recording), made


def place_of(inputs: Inputs, passage: Inputs) -> int | None:
    """Return where inputs (T,) or (T, D) stand in those of a passage; None if they do not."""
    T = len(inputs)
    if len(passage) < T or inputs.shape[1:] != passage.shape[1:]:
        return None
    candidates = np.arange(len(passage) - T + 1)
    for t in range(T):
        same = passage[candidates + t] == inputs[t]
        candidates = candidates[same if same.ndim == 1 else same.all(axis=1)]
        if not candidates.size:
            return None
    return int(candidates[0])


def _place(passage: Passage, first: int, last: int, likeness: float) -> Place:
    def symbols(begin: int, end: int) -> tuple[str, ...]:
        return tuple(passage.symbol(t) for t in range(max(0, begin), min(end, len(passage))))

    return Place(first, likeness, symbols(first - AROUND, first), symbols(first, last), symbols(last, last + AROUND))
