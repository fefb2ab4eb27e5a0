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
from seqtui.live.selected import Matched, Read, Separated, matched, selected_state, separated

if TYPE_CHECKING:
    from seqcore.neurons.search import Finding, Search, Untrained
    from seqcore.records import Probe
    from seqcore.run import Run
    from seqcore.serial import SerialModel

    from seqtui.live.lookers import Scene


class NeuronsAsked(NamedTuple):
    """What a view wants to know."""

    timesteps: int  # held-out ones that are read
    search: int = 0  # another number searches again, with the newest weights
    stretch: tuple[int, int] | None = None  # [first, last) of the text: where else its units are on
    threshold: float = 0.3
    other: tuple[int, int] | None = None  # another stretch: which units tell the two apart


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search has found."""

    step: int
    timesteps: int
    units: int
    findings: tuple[Finding, ...]  # those that hold, the best score first
    best: tuple[Finding, ...]  # the best unit for each feature, whether it holds or not
    missing: dict[str, str]  # the features that could not be asked for, and why


@dataclass(frozen=True, eq=False)
class NeuronsSeen:
    """What is known so far."""

    step: int = -1  # of the values
    state: str = ""
    values: F32 | None = None  # (T, layers, units) over the text
    searched: Searched | None = None
    percent: int | None = None  # of the search, or of the reading for a selection; None: nothing runs
    matched: Matched | None = None
    separated: Separated | None = None
    problem: str = ""  # why there is no more


class NeuronsWatch:
    """Searches once by itself, and again when it is asked to."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._probe: Probe | None = None
        self._values: F32 | None = None
        self._asked: tuple[int, int] | None = None  # timesteps and number of the search
        self._search: Aside[tuple[Read, Search]] | None = None
        self._match: Aside[tuple[Read, Matched | Separated]] | None = None
        self._matching: tuple[Any, ...] = ()  # what is, or was, matched last
        self._read: Read | None = None
        self._searched: Searched | None = None
        self._matched: Matched | Separated | None = None
        self._untrained: tuple[Inputs, Untrained] | None = None  # of the passage with these inputs
        self._problem = ""
        self._shown: tuple[Any, ...] = ()

    def rest(self) -> None:
        """Let the recording go, which takes most memory: nobody looks. A search goes on; the next selection reads."""
        self._collect()  # one may have ended meanwhile
        if self._read is not None and self._search is None and self._match is None:
            self._read = replace(self._read, recording=None)

    def look(self, scene: Scene, asked: NeuronsAsked) -> NeuronsSeen | None:
        """Return what is known, if it is more than before."""
        model = scene.model
        if not model.states:
            return self._shown_once(NeuronsSeen(problem=why_none(self._run, model)))
        if scene.probe is None:
            return None
        if scene.probe is not self._probe:
            self._probe = scene.probe
            (self._values,) = model.record(scene.example.inputs, model.initial_state(), model.states[0])
        self._collect()
        if (asked.timesteps, asked.search) != self._asked:
            self._begin_search(scene, asked)
        if self._search is None and self._match is None and self._read is not None:
            self._begin_match(scene, asked)
        work = self._search or self._match
        percent, found = work.percent if work is not None else None, self._matched
        return self._shown_once(
            NeuronsSeen(
                scene.step, model.states[0], self._values, self._searched, percent,
                found if isinstance(found, Matched) else None, found if isinstance(found, Separated) else None,
                self._problem,
            )
        )  # fmt: skip

    def _shown_once(self, seen: NeuronsSeen) -> NeuronsSeen | None:
        key = (seen.values, seen.searched, seen.percent, seen.matched, seen.separated, seen.problem)
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

        def work_on(progress: Progress, stop: Stop) -> tuple[Read, Search] | None:
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
            return Read(weights.step, model, passage, kept), found

        self._search = Aside(work_on, scene.gone)

    def _begin_match(self, scene: Scene, asked: NeuronsAsked) -> None:
        """Look where else the units of the selection are on, or what tells two selections apart, unless it is known."""
        read, inputs = self._read, scene.example.inputs
        key = (asked.stretch, asked.threshold, asked.other, self._read_step())
        if asked.stretch is None or read is None:
            self._problem = "" if self._matching else self._problem
            self._matching, self._matched = (), None
            return
        if self._matching and self._matching[:-1] == key and self._matching[-1] is inputs:
            return
        self._matching, stretch, threshold, other = (*key, inputs), asked.stretch, asked.threshold, asked.other

        def work_on(report: Progress, stop: Stop) -> tuple[Read, Matched | Separated] | None:
            if other is not None:
                return separated(read, inputs, stretch, other, report, stop)
            return matched(read, inputs, stretch, threshold, report, stop)

        self._match = Aside(work_on, scene.gone)

    def _read_step(self) -> int:
        return self._read.step if self._read is not None else -1


def why_none(run: Run, model: SerialModel) -> str:
    """Return why the units of a model without states cannot be searched."""
    from seqcore.neurons.passage import held_out_passage

    try:
        held_out_passage(run.config.task, run.data, run.vocabulary, model, 1)
    except SeqError as error:
        return str(error)
    return ""
