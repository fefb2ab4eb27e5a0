"""One run under observation: when it is probed, what is generated with it, and which samples are kept.

Probing takes a small share of one core: after a probe of s seconds the next one waits s / PROBE_SHARE.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from seqcore.errors import SeqError
from seqcore.records import I32, Sample

from seqtui.live.embedding_watch import EmbeddingWatch
from seqtui.live.opening import text_of
from seqtui.live.seen import Requests, Seen, Weights

if TYPE_CHECKING:
    from seqcore.generate import Writer
    from seqcore.run import Run
    from seqcore.serial import SerialModel

PROBE_SHARE = 0.04  # of one core's time
PROBE_PAUSE = 0.3  # seconds between probes, at least
LONGEST_PROBE = 512  # tokens
WRITING_PACE = 60.0  # tokens per second: fast reading
WRITING_LENGTH = 360  # tokens of a sample
EARLIER_LENGTH = 160  # tokens of a kept sample
EARLIER_SEED = 7  # the same for all kept samples, so that only learning makes them differ
REST = 1.0  # seconds between the end of a sample and the start of the next


class Desk(Protocol):
    """Where a `Watch` gets its work and publishes its results: the observer."""

    def take_weights(self, run: Run, newer: bool) -> Weights | None:
        """Return the newest parameters of `run`, or None; `newer` also requests newer ones."""

    def take_milestone(self, run: Run) -> Weights | None:
        """Return the oldest parameters queued for a sample that is kept, or None."""

    def take_requests(self) -> Requests:
        """Return what the user asks for, and mark the changes as handled."""

    def publish(self, run: Run, **changes: Any) -> None:
        """Publish changes of `Seen`."""


def compile_for_looking(run: Run, stop: Callable[[], bool]) -> None:
    """Compile or load the serial kernels of the run's family; only the first run of a family takes a moment."""
    from seqcore import probe, serial  # noqa: F401  # registers their kernels before they are compiled
    from seqcore.jit import compile_kernels, kernel_groups

    compile_kernels(kernel_groups(run.config.model.family, "look"), stop=stop)


class Watch:
    """The observer's work on one run."""

    def __init__(self, desk: Desk, run: Run) -> None:
        from seqcore.serial import serial_model

        self.desk, self.run = desk, run
        self.looker: SerialModel = serial_model(run.config.model)  # for probes
        self.author: SerialModel = serial_model(run.config.model)  # for generated text
        self.writer: Writer | None = None
        self.writer_step = -1
        self.probed_step, self.probe_due = -1, 0.0
        self.tokens: I32 = np.zeros(0, np.int32)
        self.warning = ""
        self.pieces: list[str] = []
        self.shares: list[float] = []
        self.started = 0.0
        self.rest_until = 0.0
        self.samples = 0
        self.kept: list[Sample] = []
        self.referred = False
        self.embedding = EmbeddingWatch(desk, run)

    def turn(self) -> float:
        """Do what is due; return the seconds to wait before the next turn."""
        now = time.monotonic()
        due = now >= self.probe_due or (self.writer is None and now >= self.rest_until)
        weights = self.desk.take_weights(self.run, due)
        asked = self.desk.take_requests()
        if asked.text_changed or not self.tokens.size:
            self._choose_text(asked.seen.probe_text, asked.passage, asked.width)
            self.probed_step, self.probe_due = -1, 0.0
        if asked.prompt_changed:
            self.writer, self.rest_until = None, 0.0
        if weights is None:
            return 0.05
        if weights.step != self.probed_step and now >= self.probe_due:
            self._probe(weights)
        if asked.embedding:
            self.embedding.turn(weights)
        self._keep_early(asked.seen)
        self._write(weights, asked.seen)
        if not self.referred:
            self._refer()
        return 0.05

    def _choose_text(self, text: str, passage: int, width: int) -> None:
        vocabulary = self.run.vocabulary
        self.warning = ""
        longest = min(LONGEST_PROBE, self.looker.longest or LONGEST_PROBE)
        if text:
            try:
                self.tokens, self.warning = vocabulary.encode_prompt(text)
                if self.tokens.size > longest:
                    self.warning = f"the first {longest} of {self.tokens.size:,} tokens are probed"
                    self.tokens = self.tokens[:longest]
                self.desk.publish(self.run, message=self.warning)
                return
            except SeqError as error:
                self.desk.publish(self.run, message=str(error), probe_text="")
        self.tokens = passage_of(self.run, passage, min(width, longest))

    def _probe(self, weights: Weights) -> None:
        from seqcore.probe import probe

        self.looker.load(weights.flat)
        seen = probe(self.looker, self.run.vocabulary, self.tokens, weights.step, self.warning)
        self.probed_step = weights.step
        self.probe_due = time.monotonic() + max(PROBE_PAUSE, seen.seconds / PROBE_SHARE)
        self.desk.publish(self.run, probe=seen)

    def _keep_early(self, seen: Seen) -> None:
        """Generate a sample for the list of earlier ones with the weights of a milestone."""
        weights = self.desk.take_milestone(self.run)
        if weights is None:
            return
        self.author.load(weights.flat)
        self.writer = None  # its model has just been overwritten
        writer = self._writer(seen, EARLIER_SEED)
        if writer is None:
            return
        written = [next(writer) for _ in range(EARLIER_LENGTH)]
        shares = np.array([piece.probability for piece in written], np.float32)
        sample = Sample(
            weights.step, seen.prompt, tuple(piece.text for piece in written), shares, seen.temperature, True
        )
        self.kept.insert(0, sample)
        self.desk.publish(self.run, earlier=tuple(self.kept))
        if self.run.folder is not None:
            with contextlib.suppress(SeqError):  # the trainer reports a full disk
                self.run.folder.add_sample(weights.step, seen.prompt + sample.text)

    def _write(self, weights: Weights, seen: Seen) -> None:
        now = time.monotonic()
        if now < self.rest_until:
            return
        if self.writer is None:
            self._begin(weights, seen, now)
        writer = self.writer
        if writer is None:
            return
        due = min(WRITING_LENGTH, int((now - self.started) * WRITING_PACE) + 1)
        while len(self.pieces) < due:
            written = next(writer)
            self.pieces.append(written.text)
            self.shares.append(written.probability)
        finished = len(self.pieces) >= WRITING_LENGTH
        sample = Sample(
            self.writer_step,
            seen.prompt,
            tuple(self.pieces),
            np.array(self.shares, np.float32),
            writer.sampling.temperature,
            finished,
        )
        self.desk.publish(self.run, sample=sample)
        if finished:
            self.writer, self.rest_until = None, now + REST

    def _begin(self, weights: Weights, seen: Seen, now: float) -> None:
        self.author.load(weights.flat)
        self.samples += 1
        self.writer = self._writer(seen, self.samples)
        if self.writer is not None:
            self.writer_step, self.pieces, self.shares, self.started = weights.step, [], [], now
            if self.writer.warning:
                self.desk.publish(self.run, message=self.writer.warning)

    def _writer(self, seen: Seen, seed: int) -> Writer | None:
        """A writer that has read the prompt; None, and the prompt dropped, if the vocabulary has none of its tokens."""
        from seqcore.generate import Sampling, Writer

        try:
            return Writer(self.author, self.run.vocabulary, seen.prompt, Sampling(seen.temperature), seed)
        except SeqError as error:
            if not seen.prompt:
                raise
            self.desk.publish(self.run, message=str(error), prompt="")
            return None

    def _refer(self) -> None:
        from seqcore.data.ngrams import references

        self.referred = True
        text = text_of(self.run)
        if text.validation.size > 1:
            found = references(text.train, text.validation, self.run.vocabulary.size)
            self.desk.publish(self.run, references=found)


def passage_of(run: Run, passage: int, width: int) -> I32:
    """Return `width` tokens of the validation part (or of the training part if empty), from the start of a line."""
    text = text_of(run)
    tokens = text.validation if text.validation.size > 1 else text.train
    width = min(width, tokens.size)
    places = np.arange(tokens.size - width + 1)
    ends = {token for token in range(run.vocabulary.size) if run.vocabulary.symbol(token).endswith("\n")}
    if ends:
        starts = np.flatnonzero(np.isin(tokens[: tokens.size - width], list(ends))) + 1
        same = np.isin(tokens[starts], list(ends))
        if (~same).any():
            places = starts[~same]
    start = int(places[(passage * 7919) % places.size])
    return tokens[start : start + width].copy()
