"""Whether the model of one run is well: measured over held-out timesteps on a thread of its own, again and again."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqcore.records import Updates

from seqtui.live.aside import Aside, Progress, Stop

if TYPE_CHECKING:
    from seqcore.health.examine import Health
    from seqcore.run import Run

    from seqtui.live.lookers import Scene
    from seqtui.live.seen import Weights

PAUSE = 1.0  # seconds between two looks at the sizes of updates, at least
AGAIN = 8.0  # seconds between two examinations, at least
SHARE = 0.1  # of the time is spent on them


@dataclass(frozen=True, eq=False)
class HealthSeen:
    """What is known so far."""

    updates: Updates
    step: int = -1  # of `health`
    health: Health | None = None  # None until the first examination is done
    percent: int | None = None  # how much of the first one is done; None: it is not running
    problem: str = ""  # why there is none


class HealthWatch:
    """Examines the newest weights while the view is looked at."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._work: Aside[Health] | None = None
        self._examining = -1  # the step that is examined, or was last
        self._step, self._problem = -1, ""
        self._health: Health | None = None
        self._due = self._looked = 0.0
        self._updates: Updates | None = None
        self._shown: tuple[Any, ...] = ()

    def rest(self) -> None:
        """End an examination: nobody looks. It begins anew when somebody does."""
        if self._work is not None:
            self._work.stop()
            self._work, self._examining = None, self._step

    def look(self, scene: Scene, asked: Any) -> HealthSeen | None:
        """Return what is known, if it is more than before; asks nothing more."""
        now = time.monotonic()
        if self._updates is None or now >= self._looked + PAUSE:
            found = self._run.history.updates()
            if self._updates is None or found.step.size != self._updates.step.size:
                self._updates = found
            self._looked = now
        self._collect(now)
        if self._work is None and now >= self._due and scene.weights.step != self._examining:
            self._begin(scene)
        percent = self._work.percent if self._work is not None and self._health is None else None
        key = (self._updates.step.size, self._step, percent, self._problem)
        if key == self._shown:
            return None
        self._shown = key
        return HealthSeen(self._updates, self._step, self._health, percent, self._problem)

    def _collect(self, now: float) -> None:
        """Take the result of an examination that is done."""
        work = self._work
        if work is None or work.running:
            return
        self._work, self._problem = None, work.problem
        self._due = now + max(AGAIN, work.seconds / SHARE)
        if work.result is not None:
            self._step, self._health = self._examining, work.result

    def _begin(self, scene: Scene) -> None:
        weights = scene.weights
        self._examining = weights.step
        self._work = Aside(lambda progress, stop: examined(self._run, weights, progress, stop), scene.gone)


def examined(run: Run, weights: Weights, progress: Progress, stop: Stop) -> Health | None:
    """Measure the weights of a run; without held-out timesteps, or units to record, only what the weights say."""
    from seqcore.errors import SeqError
    from seqcore.health.examine import TIMESTEPS, examine
    from seqcore.neurons.passage import held_out_passage
    from seqcore.serial import serial_model

    config = run.config
    model, passage = serial_model(config.model), None
    model.load(weights.flat)
    with contextlib.suppress(SeqError):  # a pair, or nothing is held out
        passage = held_out_passage(config.task, run.data, run.vocabulary, model, TIMESTEPS)
    return examine(model, passage, run.history.record(), run.history.updates(), None, progress, stop)
