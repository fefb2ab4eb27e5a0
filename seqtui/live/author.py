"""What a model under observation writes: the newest sample as it grows, and samples that are kept."""

from __future__ import annotations

import contextlib
import time
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from seqcore.errors import SeqError
from seqcore.records import Sample, Tally

from seqtui.live.seen import Desk, Seen, Weights

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.serial import SerialModel
    from seqcore.tasks.generating import Stream

WRITING_PACE = 60.0  # tokens per second: fast reading
EARLIER_LENGTH = 160  # tokens of a kept sample
EARLIER_SEED = 7  # the same for all kept samples, so that only learning makes them differ
REST = 1.0  # seconds between the end of a sample and the start of the next
OF_THE_SAME = 3  # samples with the same weights and prompt: a training that is paused leaves nothing to do


class Author:
    """Generates text with copies of a run's parameters."""

    def __init__(self, desk: Desk, run: Run) -> None:
        from seqcore.serial import serial_model
        from seqcore.tasks.generating import Generating

        assert isinstance(run.config.task, Generating)  # others have no author
        self.desk, self.run, self.task = desk, run, run.config.task
        self.model: SerialModel = serial_model(run.config.model)
        self.writer: Stream | None = None
        self.writer_step = -1
        self.pieces: list[str] = []
        self.shares: list[float] = []
        self.started = 0.0
        self.rest_until = 0.0
        self.samples = 0
        self.alike = 0  # of them, those in a row with the newest weights and prompt
        self.kept: list[Sample] = []
        self.tally = Tally()

    def due(self, now: float) -> bool:
        """Return whether the next sample needs parameters."""
        return self.writer is None and now >= self.rest_until

    def start_over(self) -> None:
        """Drop the sample: prompt or temperature have changed."""
        self.writer, self.rest_until, self.alike = None, 0.0, 0

    def keep_early(self, seen: Seen) -> None:
        """Generate a sample for the list of earlier ones with the weights of a milestone."""
        weights = self.desk.take_milestone(self.run)
        if weights is None:
            return
        self.model.load(weights.flat)
        self.writer = None  # its model has just been overwritten
        writer = self._writer(seen, EARLIER_SEED)
        if writer is None:
            return
        written = list(islice(writer, EARLIER_LENGTH))
        shares = np.array([piece.probability for piece in written], np.float32)
        sample = Sample(
            weights.step, seen.prompt, tuple(piece.text for piece in written), shares, seen.temperature, True
        )
        self.kept.insert(0, sample)
        self.desk.publish(self.run, earlier=tuple(self.kept))
        if self.run.folder is not None:
            with contextlib.suppress(SeqError):  # the trainer reports a full disk
                self.run.folder.add_sample(weights.step, seen.prompt + sample.text)

    def write(self, weights: Weights, seen: Seen) -> None:
        """Continue the newest sample, as far as its pace allows."""
        now = time.monotonic()
        if now < self.rest_until:
            return
        if self.writer is None:
            if weights.step != self.writer_step:
                self.alike = 0
            if self.alike == OF_THE_SAME:
                return
            self.alike += 1
            self._begin(weights, seen, now)
        writer = self.writer
        if writer is None:
            return
        due = min(self.task.longest, int((now - self.started) * WRITING_PACE) + 1)
        for written in islice(writer, due - len(self.pieces)):
            self.pieces.append(written.text)
            self.shares.append(written.probability)
        finished = len(self.pieces) < due or due == self.task.longest
        sample = Sample(
            self.writer_step,
            seen.prompt,
            tuple(self.pieces),
            np.array(self.shares, np.float32),
            writer.sampling.temperature,
            finished,
        )
        judgement = self.task.judge(sample.prompt + sample.text) if finished else None
        if judgement is not None and not seen.cuts:  # the tally is the run's, not that of a model without some parts
            self.tally = self.tally.plus(sample.step, judgement)
        self.desk.publish(self.run, sample=sample, tally=self.tally)
        if finished:
            self.writer, self.rest_until = None, now + REST

    def _begin(self, weights: Weights, seen: Seen, now: float) -> None:
        self.model.load(weights.flat)
        self.samples += 1
        self.writer = self._writer(seen, self.samples)
        if self.writer is not None:
            self.writer_step, self.pieces, self.shares, self.started = weights.step, [], [], now
            if self.writer.warning:
                self.desk.publish(self.run, message=self.writer.warning)

    def _writer(self, seen: Seen, seed: int) -> Stream | None:
        """A writer that has read the prompt; None, and the prompt dropped, if the vocabulary has none of its tokens."""
        from seqcore.sampling import Sampling

        try:
            return self.task.writer(self.model, self.run.vocabulary, seen.prompt, Sampling(seen.temperature), seed)
        except SeqError as error:
            if not seen.prompt:
                raise
            self.desk.publish(self.run, message=str(error), prompt="")
            return None
