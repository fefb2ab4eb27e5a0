"""The units of one run: what they do over the text, what they follow in the held-out part, and where else they are on.

The search reads the held-out part with the trained model and with untrained ones, on a thread of its own; it goes on
while nobody looks, until the observer leaves the run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from seqcore.errors import SeqError
from seqcore.records import F32, Inputs

from seqtui.live.aside import Aside, Progress, Stop

if TYPE_CHECKING:
    from seqcore.neurons.passage import Passage
    from seqcore.neurons.recording import Recording, Unit
    from seqcore.neurons.search import Finding, Search, Untrained
    from seqcore.records import Probe
    from seqcore.run import Run
    from seqcore.serial import SerialModel

    from seqtui.live.lookers import Scene

AROUND = 40  # symbols kept on each side of a stretch


class NeuronsAsked(NamedTuple):
    """What a view wants to know."""

    timesteps: int  # held-out ones that are read
    search: int = 0  # another number searches again, with the newest weights
    stretch: tuple[int, int] | None = None  # [first, last) of the text: where else its units are on
    threshold: float = 0.3


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search has found."""

    step: int
    timesteps: int
    units: int
    findings: tuple[Finding, ...]  # those that hold, the best score first
    best: tuple[Finding, ...]  # the best unit for each feature, whether it holds or not
    missing: dict[str, str]  # the features that could not be asked for, and why


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

    stretch: tuple[int, int]
    threshold: float
    state: str
    step: int
    units: tuple[Unit, ...]
    bounded: bool  # whether they are off just outside the selection
    places: tuple[Place, ...]


@dataclass(frozen=True, eq=False)
class NeuronsSeen:
    """What is known so far."""

    step: int = -1  # of the values
    state: str = ""
    values: F32 | None = None  # (T, layers, units) over the text
    searched: Searched | None = None
    percent: int | None = None  # of the search, or of the reading for a selection; None: nothing runs
    matched: Matched | None = None
    problem: str = ""  # why there is no more


@dataclass(frozen=True, eq=False)
class _Read:
    """The weights and the passage of a search, which selections use too."""

    step: int
    model: SerialModel
    passage: Passage
    recording: Recording | None  # of the state that selections use, once it is known


class NeuronsWatch:
    """Searches once by itself, and again when it is asked to."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._probe: Probe | None = None
        self._values: F32 | None = None
        self._asked: tuple[int, int] | None = None  # timesteps and number of the search
        self._search: Aside[tuple[_Read, Search]] | None = None
        self._match: Aside[tuple[_Read, Matched]] | None = None
        self._matching: tuple[Any, ...] = ()  # what is, or was, matched last
        self._read: _Read | None = None
        self._searched: Searched | None = None
        self._matched: Matched | None = None
        self._untrained: tuple[Inputs, Untrained] | None = None  # of the passage with these inputs
        self._problem = ""
        self._shown: tuple[Any, ...] = ()

    def look(self, scene: Scene, asked: NeuronsAsked) -> NeuronsSeen | None:
        """Return what is known, if it is more than before."""
        model = scene.model
        if not model.states:
            return self._shown_once(NeuronsSeen(problem=why_none(self._run, model)))
        if scene.probe is None:
            return None
        if scene.probe is not self._probe:
            self._probe = scene.probe
            self._values = model.record(scene.example.inputs, model.initial_state(), model.states[0])
        self._collect()
        if (asked.timesteps, asked.search) != self._asked:
            self._begin_search(scene, asked)
        if self._search is None and self._match is None and self._read is not None:
            self._begin_match(scene, asked)
        work = self._search or self._match
        percent = work.percent if work is not None else None
        return self._shown_once(
            NeuronsSeen(
                scene.step, model.states[0], self._values, self._searched, percent, self._matched, self._problem
            )
        )

    def _shown_once(self, seen: NeuronsSeen) -> NeuronsSeen | None:
        key = (seen.values, seen.searched, seen.percent, seen.matched, seen.problem)
        same = len(key) == len(self._shown) and all(
            one is other or (isinstance(one, int | str) and one == other)
            for one, other in zip(key, self._shown, strict=True)
        )
        self._shown = key
        return None if same else seen

    def _collect(self) -> None:
        """Take the results of work that is done."""
        search, match = self._search, self._match
        if search is not None and not search.running:
            self._search, self._problem = None, search.problem
            if search.result is not None:
                self._read, found = search.result
                self._searched = Searched(
                    self._read.step, len(self._read.passage), len(found.recording.units), found.findings, found.best,
                    found.missing,
                )  # fmt: skip
                self._untrained = (self._read.passage.inputs, found.untrained)
        if match is not None and not match.running:
            self._match, self._problem = None, match.problem
            if match.result is not None:
                self._read, self._matched = match.result

    def _begin_search(self, scene: Scene, asked: NeuronsAsked) -> None:
        for work in (self._search, self._match):
            if work is not None:
                work.stop()
        self._asked, self._match, self._matching = (asked.timesteps, asked.search), None, ()
        run, weights, known = self._run, scene.weights, self._untrained

        def work_on(progress: Progress, stop: Stop) -> tuple[_Read, Search] | None:
            from seqcore.neurons.passage import held_out_passage
            from seqcore.neurons.recording import affordable, state_of
            from seqcore.neurons.search import search
            from seqcore.serial import serial_model

            model = serial_model(run.config.model)
            model.load(weights.flat)
            passage = held_out_passage(run.config.task, run.data, run.vocabulary, model, asked.timesteps)
            state = state_of(model, None)
            most = affordable(model, passage, state, None)
            if len(passage) > most:
                passage = held_out_passage(run.config.task, run.data, run.vocabulary, model, most)
            untrained = known[1] if known is not None and np.array_equal(known[0], passage.inputs) else None
            found = search(model, passage, untrained=untrained, progress=progress, stop=stop)
            if found is None:
                return None
            kept = found.recording if state == selected_state(model) else None
            return _Read(weights.step, model, passage, kept), found

        self._search = Aside(work_on, scene.gone)

    def _begin_match(self, scene: Scene, asked: NeuronsAsked) -> None:
        """Look where else the units of the selection are on, unless that is known."""
        read, inputs, key = self._read, scene.example.inputs, (asked.stretch, asked.threshold, self._read_step())
        if asked.stretch is None or read is None:
            self._problem = "" if self._matching else self._problem
            self._matching, self._matched = (), None
            return
        if self._matching and self._matching[:3] == key and self._matching[3] is inputs:
            return
        self._matching = (*key, inputs)
        stretch, threshold = asked.stretch, asked.threshold
        self._match = Aside(lambda report, stop: matched(read, inputs, stretch, threshold, report, stop), scene.gone)

    def _read_step(self) -> int:
        return self._read.step if self._read is not None else -1


def selected_state(model: SerialModel) -> str:
    """Return the state by which selections are matched: h, if there is one, has bounds: one threshold fits all."""
    return "h" if "h" in model.states else model.states[0]


def why_none(run: Run, model: SerialModel) -> str:
    """Return why the units of a model without states cannot be searched."""
    from seqcore.neurons.passage import held_out_passage

    try:
        held_out_passage(run.config.task, run.data, run.vocabulary, model, 1)
    except SeqError as error:
        return str(error)
    return ""


def matched(
    read: _Read, inputs: Inputs, stretch: tuple[int, int], threshold: float, progress: Progress, stop: Stop
) -> tuple[_Read, Matched] | None:
    """Return where in the passage the units are on that are on in a stretch of other inputs (T,); None on `stop`.

    With the weights of the search. Raises SeqError.
    """
    from seqcore.neurons.matching import matches_of, units_on
    from seqcore.neurons.recording import Recording, record

    model, passage = read.model, read.passage
    state = selected_state(model)
    recording = read.recording or record(model, passage, state, None, progress, stop)
    if recording is None:
        return None
    own = model.record(inputs, model.initial_state(), state)
    text = Recording(state, recording.units, own.reshape(len(own), -1).astype(np.float16))
    first, last = max(0, stretch[0]), min(stretch[1], len(own))
    bounded, columns = True, units_on(text, first, last, threshold)
    if not columns.size:  # most units of a small model are on for longer
        bounded, columns = False, units_on(text, first, last, threshold, bounded=False)
    at = place_of(inputs, passage.inputs)
    own_place = (at + first, min(at + last, len(passage))) if at is not None else (0, 0)
    found = matches_of(recording, columns, last - first, threshold, own_place)
    places = tuple(_place(passage, one.first, one.last, one.likeness(columns.size)) for one in found.found)
    made = Matched(stretch, threshold, state, read.step, found.units, bounded, places)
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
