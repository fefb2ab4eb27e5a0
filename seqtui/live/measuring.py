"""Measuring the held-out examples before the first validation is due, so that a screen has something to show."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqcore.run import Run

MOST = 1_000_000  # held-out timesteps that are measured before the next step: more would take long


class Measuring:
    """Knows whether a run has to be measured, and at which step it last was. Only for the trainer thread."""

    def __init__(self) -> None:
        self.owed = False
        self.step = 0

    def owe(self, run: Run) -> None:
        """Ask for the measures of a run that is new here, or has new examples, unless there is only a loss."""
        self.step = run.trainer.steps
        self.owed = bool(run.config.task.measures) and 0 < run.data.held_out_steps <= MOST

    def measure(self, run: Run, stop: Callable[[], bool]) -> None:
        """Measure the weights as they are; the curves of the run stay as they are."""
        self.owed = False
        measures = run.trainer.validate(stop)
        if measures and math.isfinite(measures["loss"]):
            run.measures, self.step = measures, run.trainer.steps
