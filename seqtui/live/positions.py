"""The mean loss at each position of a sequence that is read from an empty state: what context is worth.

A training batch cannot show it, because its state is carried over from the previous batch: its first position has as
much context as its last.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from seqcore.records import F32

from seqtui.live.opening import has_passages

if TYPE_CHECKING:
    from seqcore.run import Run

ROWS = 16  # most windows per batch; at most half a training batch, to need less memory
SHARE = 0.01  # of training time
PAUSE = 1.0  # least seconds between batches
NEWEST = 0.1  # weight of the newest batch in the running mean


class PositionLoss:
    """Reads passages of the held-out text with a run's model.

    Only the trainer thread may use it. It has its own arrays and does not change what training computes.
    """

    def __init__(self, run: Run) -> None:
        from seqcore.model import workspace

        training = run.config.training
        length, self._rows = training.length, max(1, min(ROWS, training.batch // 2))
        self._run, self._length = run, length
        self._work = workspace(run.config.model, length, self._rows, backward=False)
        self._draw = np.random.default_rng(training.seed)
        self._count, self._due = 0, 0.0
        self.mean: F32 = np.zeros(0, np.float32)  # (length,) nats; empty before the first batch

    @staticmethod
    def of(run: Run) -> PositionLoss | None:
        """Return one for a run; None if its examples are not passages of one text."""
        return PositionLoss(run) if has_passages(run) else None

    def look(self) -> None:
        """Read another batch if one is due."""
        start = time.monotonic()
        if start < self._due:
            return
        losses = self._read()
        self._count += 1
        weight = max(1 / self._count, NEWEST)
        self.mean = losses if self._count == 1 else self.mean + np.float32(weight) * (losses - self.mean)
        now = time.monotonic()
        self._due = now + max(PAUSE, (now - start) / SHARE)

    def _read(self) -> F32:
        batch = self._run.data.windows(self._draw, self._rows, self._length)
        assert batch is not None  # the run has passages
        model = self._run.trainer.model
        self._work.reset()
        model.pack(backward=False)
        losses: F32 = model.losses(batch.inputs, batch.targets, self._work)
        return np.asarray(losses.mean(axis=1, dtype=np.float64), np.float32)
