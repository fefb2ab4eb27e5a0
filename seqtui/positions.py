"""The mean loss at each position of a sequence that is read from nothing: how much context is worth.

A training batch cannot tell it, as its state is carried over from the batch before: there the first position has as
much context as the last.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from seqcore.records import F32

if TYPE_CHECKING:
    from seqcore.run import Run

ROWS = 16  # windows of a batch, at most; no more than half of a training batch, so that they need less memory
SHARE = 0.01  # of the trainer's time
PAUSE = 1.0  # seconds between batches, at least
NEWEST = 0.1  # weight of a batch in the mean, once there are enough of them


class PositionLoss:
    """Reads windows of the validation part (of the training part if that is too short) with a run's model.

    For the thread that trains alone. It has arrays of its own: what training computes does not change by it.
    """

    def __init__(self, run: Run) -> None:
        from seqcore.model import workspace

        training = run.config.training
        length, self._rows = training.length, max(1, min(ROWS, training.batch // 2))
        self._run = run
        self._tokens = run.validation if run.validation.size > self._rows * length else run.train
        self._places = np.arange(length + 1)[:, None]
        self._work = workspace(run.config.model, length, self._rows, backward=False)
        self._draw = np.random.default_rng(training.seed)
        self._count, self._due = 0, 0.0
        self.mean: F32 = np.zeros(0, np.float32)  # (length,) nats; empty before the first batch

    def look(self) -> None:
        """Read another batch, if it is time for one."""
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
        starts = self._draw.integers(0, max(1, self._tokens.size - len(self._places) + 1), self._rows)
        text = np.take(self._tokens, self._places + starts, mode="wrap")  # (T + 1, rows)
        model = self._run.trainer.model
        self._work.reset()
        model.pack(backward=False)
        losses: F32 = model.losses(text[:-1].copy(), text[1:].copy(), self._work)
        return np.asarray(losses.mean(axis=1, dtype=np.float64), np.float32)
