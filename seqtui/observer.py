"""The second thread of a live session: probes the model and writes with it, beside training.

It works on copies of the parameters that the trainer thread hands over when asked, with serial kernels alone, and keeps
to a small share of a core: after a probe that took s seconds the next one waits s / PROBE_SHARE.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from seqcore.errors import SeqError
from seqcore.records import F32, I32, Probe, References, Sample

if TYPE_CHECKING:
    from seqcore.generate import Writer
    from seqcore.run import Run
    from seqcore.serial import SerialModel

PROBE_SHARE = 0.04  # of one core's time
PROBE_PAUSE = 0.3  # seconds between probes, at least
LONGEST_PROBE = 512  # tokens
WRITING_PACE = 60.0  # tokens a second: fast reading
WRITING_LENGTH = 360  # tokens of a sample
EARLIER_LENGTH = 160  # tokens of a sample that is kept
EARLIER_SEED = 7  # the same for all kept samples, so that they differ by what was learnt alone
MOST_KEPT = 32 << 20  # bytes of parameters that wait for a text to be written with them
REST = 1.0  # seconds a finished sample stays before the next begins


@dataclass(frozen=True)
class Weights:
    """A copy of the parameters (P,) of a run at a step."""

    run: Run
    step: int
    flat: F32


@dataclass(frozen=True)
class Seen:
    """What the observer has published; `serial` grows with every change."""

    serial: int = 0
    message: str = ""
    said_at: float = 0.0  # when, by the monotonic clock
    references: References | None = None
    probe_text: str = ""
    probe: Probe | None = None
    prompt: str = ""
    temperature: float = 0.8
    sample: Sample | None = None
    earlier: tuple[Sample, ...] = ()


def is_milestone(step: int) -> bool:
    """True for 0, 1, 2, 5, 10, 20, 50, ...: texts of these steps are kept."""
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


class Observer:
    """Made, started and told things by any thread; looks at models on its own."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._seen = Seen()
        self._run: Run | None = None
        self._weights: Weights | None = None
        self._ready = threading.Event()  # kernels may be loaded
        self.wants_weights = False
        self._milestones: deque[Weights] = deque()
        self._width, self._passage = 80, 0
        self._text_changed = self._prompt_changed = False
        self.thread = threading.Thread(target=self._guarded, name="seqtui-observer", daemon=True)

    def start(self) -> None:
        """Begin to look, once `may_look` was called."""
        self.thread.start()

    def seen(self) -> Seen:
        """What is published now."""
        with self._lock:
            return self._seen

    def may_look(self) -> None:
        """The trainer's kernels are there; those for looking may be loaded now."""
        self._ready.set()

    def watch(self, run: Run) -> None:
        """Another run from now on; probe text, prompt and temperature stay."""
        with self._wake:
            self._run, self._weights, self.wants_weights = run, None, True
            self._text_changed = self._prompt_changed = True
            self._update(probe=None, sample=None, earlier=(), references=None, message="")

    def offer(self, weights: Weights) -> None:
        """The parameters, from the trainer thread."""
        with self._wake:
            self._weights, self.wants_weights = weights, False
            self._wake.notify_all()

    def keep(self, weights: Weights) -> None:
        """Parameters to write a text with that is kept; the oldest are let go where the observer cannot follow."""
        with self._wake:
            most = 1 + MOST_KEPT // max(1, weights.flat.nbytes)
            while len(self._milestones) >= most:
                self._milestones.popleft()
            self._milestones.append(weights)

    def take_milestone(self, run: Run) -> Weights | None:
        """The oldest of the parameters to keep a text of, of `run`."""
        with self._lock:
            while self._milestones:
                weights = self._milestones.popleft()
                if weights.run is run:
                    return weights
            return None

    def set_temperature(self, temperature: float) -> None:
        """Of the samples from now on; the one being written begins again."""
        with self._wake:
            self._prompt_changed = True
            self._update(temperature=min(10.0, max(0.0, temperature)))

    def set_prompt(self, prompt: str) -> None:
        """What samples begin with."""
        with self._wake:
            self._prompt_changed = True
            self._update(prompt=prompt, message="")

    def set_probe_text(self, text: str) -> None:
        """What is probed; "" takes a passage of the validation part."""
        with self._wake:
            self._text_changed = True
            self._update(probe_text=text, message="")

    def next_passage(self) -> None:
        """Another passage of the validation part."""
        with self._wake:
            self._passage += 1
            self._text_changed = True
            self._update(probe_text="")

    def set_probe_width(self, columns: int) -> None:
        """How long a passage is to be, in tokens."""
        columns = min(LONGEST_PROBE, max(2, columns))
        with self._wake:
            if columns != self._width:
                self._width = columns
                self._text_changed |= not self._seen.probe_text
                self._wake.notify_all()

    def _update(self, **changes: Any) -> None:
        """Publish; the lock must be held."""
        if "message" in changes:
            changes["said_at"] = time.monotonic()
        self._seen = replace(self._seen, serial=self._seen.serial + 1, **changes)
        self._wake.notify_all()

    def _publish(self, run: Run, **changes: Any) -> None:
        """Publish what was seen of `run`, unless another one is watched by now."""
        with self._wake:
            if run is self._run:
                self._update(**changes)

    # The observer thread.

    def _guarded(self) -> None:
        while not self._closing.is_set() and not self._ready.wait(0.1):
            pass
        if self._closing.is_set():
            return
        while not self._closing.is_set():
            try:
                self._watch_one_run()
            except SeqError as error:
                with self._wake:
                    self._update(message=str(error))
                self._closing.wait(0.5)
            except Exception as error:  # a bug here must not stop the training, nor stay hidden
                with self._wake:
                    self._update(message=f"internal error in the probe: {type(error).__name__}: {error}")
                self._closing.wait(2.0)

    def _watch_one_run(self) -> None:
        with self._lock:
            run = self._run
        if run is None:
            self._closing.wait(0.05)
            return

        def gone() -> bool:
            return self._closing.is_set() or run is not self._run

        compile_for_looking(run, gone)
        if gone():
            return
        watch = _Watch(self, run)
        while not self._closing.is_set() and run is self._run:
            pause = watch.turn()
            with self._wake:
                if not self._text_changed and not self._prompt_changed:
                    self._wake.wait(pause)

    def has(self, run: Run, step: int) -> bool:
        """True if it has the weights of that step; it then no longer wants any."""
        with self._lock:
            known = self._weights is not None and (self._weights.run, self._weights.step) == (run, step)
            self.wants_weights = self.wants_weights and not known
            return known

    def take_weights(self, run: Run, newer: bool) -> Weights | None:
        """The newest parameters of `run`, asking for `newer` ones; None while there are none."""
        with self._lock:
            weights = self._weights if self._weights is not None and self._weights.run is run else None
            self.wants_weights = self.wants_weights or newer or weights is None
            return weights

    def take_changes(self) -> tuple[bool, bool, Seen, int, int]:
        """Whether text or prompt changed since the last call; what is set; passage and width."""
        with self._lock:
            text, prompt = self._text_changed, self._prompt_changed
            self._text_changed = self._prompt_changed = False
            return text, prompt, self._seen, self._passage, self._width


def compile_for_looking(run: Run, stop: Callable[[], bool]) -> None:
    """Compile, or load, what it takes to look at the run's model; only the first of its family takes a moment."""
    from seqcore import probe, serial  # noqa: F401  # registers their kernels before they are compiled
    from seqcore.jit import compile_kernels, kernel_groups

    compile_kernels(kernel_groups(run.config.model.family, "look"), stop=stop)


class _Watch:
    """Everything the observer holds of one run."""

    def __init__(self, owner: Observer, run: Run) -> None:
        from seqcore.serial import serial_model

        self.owner, self.run = owner, run
        self.looker: SerialModel = serial_model(run.config.model)  # under the microscope
        self.author: SerialModel = serial_model(run.config.model)  # the one that writes
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

    def turn(self) -> float:
        """Do what is due; returns the seconds until something will be."""
        now = time.monotonic()
        due = now >= self.probe_due or (self.writer is None and now >= self.rest_until)
        weights = self.owner.take_weights(self.run, due)
        text_changed, prompt_changed, seen, passage, width = self.owner.take_changes()
        if text_changed or not self.tokens.size:
            self._choose_text(seen.probe_text, passage, width)
            self.probed_step, self.probe_due = -1, 0.0
        if prompt_changed:
            self.writer, self.rest_until = None, 0.0
        if weights is None:
            return 0.05
        if weights.step != self.probed_step and now >= self.probe_due:
            self._probe(weights)
        self._keep_early(seen)
        self._write(weights, seen)
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
                self.owner._publish(self.run, message=self.warning)
                return
            except SeqError as error:
                self.owner._publish(self.run, message=str(error), probe_text="")
        self.tokens = passage_of(self.run, passage, min(width, longest))

    def _probe(self, weights: Weights) -> None:
        from seqcore.probe import probe

        self.looker.load(weights.flat)
        seen = probe(self.looker, self.run.vocabulary, self.tokens, weights.step, self.warning)
        self.probed_step = weights.step
        self.probe_due = time.monotonic() + max(PROBE_PAUSE, seen.seconds / PROBE_SHARE)
        self.owner._publish(self.run, probe=seen)

    def _keep_early(self, seen: Seen) -> None:
        """A text for the list of earlier ones, at once, with the weights of a milestone."""
        weights = self.owner.take_milestone(self.run)
        if weights is None:
            return
        self.author.load(weights.flat)
        self.writer = None  # its model was just taken
        writer = self._writer(seen, EARLIER_SEED)
        if writer is None:
            return
        written = [next(writer) for _ in range(EARLIER_LENGTH)]
        shares = np.array([piece.probability for piece in written], np.float32)
        sample = Sample(
            weights.step, seen.prompt, tuple(piece.text for piece in written), shares, seen.temperature, True
        )
        self.kept.insert(0, sample)
        self.owner._publish(self.run, earlier=tuple(self.kept))
        if self.run.folder is not None:
            with contextlib.suppress(SeqError):  # the trainer tells of a disk that is full
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
        self.owner._publish(self.run, sample=sample)
        if finished:
            self.writer, self.rest_until = None, now + REST

    def _begin(self, weights: Weights, seen: Seen, now: float) -> None:
        self.author.load(weights.flat)
        self.samples += 1
        self.writer = self._writer(seen, self.samples)
        if self.writer is not None:
            self.writer_step, self.pieces, self.shares, self.started = weights.step, [], [], now
            if self.writer.warning:
                self.owner._publish(self.run, message=self.writer.warning)

    def _writer(self, seen: Seen, seed: int) -> Writer | None:
        """One that has read the prompt; None, and the prompt is dropped, where the vocabulary knows nothing of it."""
        from seqcore.generate import Sampling, Writer

        try:
            return Writer(self.author, self.run.vocabulary, seen.prompt, Sampling(seen.temperature), seed)
        except SeqError as error:
            if not seen.prompt:
                raise
            self.owner._publish(self.run, message=str(error), prompt="")
            return None

    def _refer(self) -> None:
        from seqcore.data.ngrams import references

        self.referred = True
        if self.run.validation.size > 1:
            found = references(self.run.train, self.run.validation, self.run.vocabulary.size)
            self.owner._publish(self.run, references=found)


def passage_of(run: Run, passage: int, width: int) -> I32:
    """`width` tokens of the validation part (of the training part if there is none), from where a line begins."""
    tokens = run.validation if run.validation.size > 1 else run.train
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
