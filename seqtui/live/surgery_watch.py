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
    from seqcore.records import Example, Inputs, Probe
    from seqcore.run import Run
    from seqcore.serial import SerialModel
    from seqcore.surgery.beside import Beside

    from seqtui.live.lookers import Scene
    from seqtui.live.seen import Weights

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
    """Probes the untouched model of one run, and lets both write. What it says is kept while only the cuts change."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._model: SerialModel | None = None  # the untouched one, while somebody looks
        self._loaded: Weights | None = None  # in it
        self._of: tuple[Weights | None, Example | None] = None, None  # what it was probed with
        self._untouched: Probe | None = None
        self._wrote: tuple[tuple[int, SurgeryAsked] | None, tuple[str, ...]] = None, ()  # after so many timesteps
        self._probe: Probe | None = None  # of the cut model
        self._asked: SurgeryAsked | None = None
        self._beside: Beside | None = None
        self._results: tuple[Probe, Probe] | None = None
        self._due = 0.0

    def rest(self) -> None:
        """Let the untouched model go: nobody looks."""
        self._model = self._loaded = None

    def _with(self, weights: Weights) -> SerialModel:
        """Return the untouched model."""
        from seqcore.serial import serial_model

        if self._model is None or self._loaded is not weights:
            self._model = self._model or serial_model(self._run.config.model)
            self._model.load(weights.flat)
            self._loaded = weights
        return self._model

    def look(self, scene: Scene, asked: SurgeryAsked) -> SurgerySeen | None:
        """Return both, if the probe or what is asked is new. Raises SeqError: the model has diverged."""
        probe, began = scene.probe, time.monotonic()
        if probe is None or scene.whole is None or scene.probed is None:
            return None
        learnt = scene.probed is not self._of[0] and scene.whole is self._of[1]  # nothing else is new
        if asked == self._asked and (probe is self._probe or (learnt and began < self._due)):
            return None
        if probe is not self._probe:
            self._compare(scene, scene.whole, scene.probed, probe)
        self._probe, self._asked = probe, asked
        assert self._beside is not None
        dropped, after = len(scene.whole.inputs) - len(scene.example.inputs), asked.playhead + 1
        after = min(after, len(scene.example.inputs))
        before, cut = self._texts(scene, scene.whole, scene.probed, dropped + after, after, asked)
        now = time.monotonic()
        self._due = now + (now - began) / SHARE
        return SurgerySeen(probe.step, scene.cuts, self._beside, dropped, after, self._results, before, cut)

    def _compare(self, scene: Scene, whole: Example, weights: Weights, probe: Probe) -> None:
        """Compare the probe with that of the untouched model on the whole example; of a source alone, on one target."""
        from seqcore.surgery.beside import beside, scores
        from seqcore.surgery.context import cut_example

        task, vocabulary, config = self._run.config.task, self._run.vocabulary, self._run.config.model
        context = [one for one in scene.cuts if isinstance(one, ContextCut)]
        _, origin, first = cut_example(config, whole, context)
        if self._untouched is None or self._of[0] is not weights or self._of[1] is not whole:
            given = whole.inputs, weights.step, probe.warning, whole
            self._untouched = probe if not scene.cuts else task.probe(self._with(weights), vocabulary, *given)
            self._of, self._wrote = (weights, whole), (None, ())
        untouched, self._results = self._untouched, None
        if (both := scores(untouched, probe, vocabulary.size)) is not None:
            self._results = untouched, probe
            untouched = task.probe(self._with(weights), vocabulary, both[0], weights.step, probe.warning)
            probe = task.probe(scene.model, vocabulary, both[1], weights.step, probe.warning)
        self._beside = beside(untouched, probe, origin, first)

    def _texts(
        self, scene: Scene, whole: Example, weights: Weights, before: int, after: int, asked: SurgeryAsked
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what both write, if they write: after timesteps of the whole example, and of the cut one."""
        if not self._run.config.task.generates:
            return (), ()
        if self._wrote[0] != (before, asked):
            self._wrote = (before, asked), self._written(self._with(weights), whole.inputs[:before], asked)
        untouched = self._wrote[1]
        return untouched, self._written(scene.model, scene.example.inputs[:after], asked) if scene.cuts else untouched

    def _written(self, model: SerialModel, tokens: Inputs, asked: SurgeryAsked) -> tuple[str, ...]:
        from seqcore.generate import Writer
        from seqcore.sampling import Sampling

        writer = Writer(model, self._run.vocabulary, tokens, Sampling(asked.temperature), SEED)
        try:
            return tuple(piece.text for piece in islice(writer, LENGTH))
        except SeqError as error:
            return (f"({error})",)
