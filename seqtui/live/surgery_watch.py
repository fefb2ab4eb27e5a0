"""The untouched model beside the cut one: the probe of the same example, and what both write after the same text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from seqcore.errors import SeqError
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

if TYPE_CHECKING:
    from seqcore.records import Inputs, Probe
    from seqcore.run import Run
    from seqcore.serial import SerialModel
    from seqcore.surgery.beside import Beside

    from seqtui.live.lookers import Scene

LENGTH = 240  # tokens that are written
SEED = 1
SHARE = 0.1  # of one core's time while the model learns


class SurgeryAsked(NamedTuple):
    """What both shall write after: the example up to a timestep."""

    playhead: int  # in the example as it is read
    temperature: float = 0.8


@dataclass(frozen=True, eq=False)
class SurgerySeen:
    """What was found. The texts are raw: sanitise before drawing."""

    step: int
    cuts: tuple[Cut | ContextCut, ...]
    beside: Beside
    dropped: int  # timesteps at the start of the example that are not read
    after: int = 0  # timesteps of the example as it is read, after which both write
    results: tuple[Probe, Probe] | None = None  # as they are without a target in common; None: those of `beside`
    untouched: tuple[str, ...] = ()  # what they write, token by token; nothing if the task does not continue a text
    cut: tuple[str, ...] = ()


class SurgeryWatch:
    """Probes the untouched model of one run, and lets both write."""

    def __init__(self, run: Run) -> None:
        from seqcore.serial import serial_model

        self._run = run
        self._model: SerialModel = serial_model(run.config.model)  # the untouched one
        self._probe: Probe | None = None  # of the cut model
        self._asked: SurgeryAsked | None = None
        self._beside: Beside | None = None
        self._results: tuple[Probe, Probe] | None = None
        self._dropped = 0
        self._due = 0.0

    def look(self, scene: Scene, asked: SurgeryAsked) -> SurgerySeen | None:
        """Return both, if the probe or what is asked is new. Raises SeqError: the model has diverged."""
        probe, began = scene.probe, time.monotonic()
        if probe is None or scene.whole is None or scene.probed is None:
            return None
        if (probe is self._probe and asked == self._asked) or (asked == self._asked and began < self._due):
            return None
        if probe is not self._probe:
            self._compare(scene, probe)
        self._probe, self._asked = probe, asked
        assert self._beside is not None
        after = min(asked.playhead + 1, len(scene.example.inputs))
        written: list[tuple[str, ...]] = [(), ()]
        if self._run.config.task.generates:
            before = self._dropped + after
            written = [
                self._written(self._model, scene.whole.inputs[:before], asked),
                self._written(scene.model, scene.example.inputs[:after], asked),
            ]
        now = time.monotonic()
        self._due = now + (now - began) / SHARE
        return SurgerySeen(probe.step, scene.cuts, self._beside, self._dropped, after, self._results, *written)

    def _compare(self, scene: Scene, probe: Probe) -> None:
        """Probe the untouched model on the whole example; of a source alone, both on what it writes."""
        from seqcore.surgery.beside import beside, scores
        from seqcore.surgery.context import cut_example

        assert scene.whole is not None
        assert scene.probed is not None
        run, step, whole = self._run, scene.probed.step, scene.whole
        task, vocabulary = run.config.task, run.vocabulary
        context = [one for one in scene.cuts if isinstance(one, ContextCut)]
        _, origin, first = cut_example(run.config.model, whole, context)
        self._model.load(scene.probed.flat)
        untouched, self._results = task.probe(self._model, vocabulary, whole.inputs, step, probe.warning, whole), None
        if (both := scores(untouched, probe, vocabulary.size)) is not None:
            self._results = untouched, probe
            untouched = task.probe(self._model, vocabulary, both[0], step, probe.warning)
            probe = task.probe(scene.model, vocabulary, both[1], step, probe.warning)
        self._beside = beside(untouched, probe, origin, first)
        self._dropped = len(whole.inputs) - len(scene.example.inputs)

    def _written(self, model: SerialModel, tokens: Inputs, asked: SurgeryAsked) -> tuple[str, ...]:
        from seqcore.generate import Writer
        from seqcore.sampling import Sampling

        writer = Writer(model, self._run.vocabulary, tokens, Sampling(asked.temperature), SEED)
        try:
            return tuple(piece.text for piece in islice(writer, LENGTH))
        except SeqError as error:
            return (f"({error})",)
