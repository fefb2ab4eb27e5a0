"""A live training behind a screen: two threads, a queue of commands, and the newest state as a snapshot.

The *trainer* thread runs steps and takes commands between them; it alone runs parallel kernels. The *observer* thread
probes and writes with serial kernels on copies of the parameters. Neither ever calls into the screen: the screen pulls
`snapshot()`, which puts together what both published last.

The engine is imported by the threads, so that a screen is painted before it is loaded.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from seqcore.errors import SeqError
from seqcore.records import CompileProgress

from seqtui.called import called
from seqtui.observer import Observer, Weights, is_milestone
from seqtui.positions import PositionLoss
from seqtui.snapshot import CorpusChoice, ModelChoice, Phase, Snapshot
from seqtui.speed import Speedometer

if TYPE_CHECKING:
    from seqcore.run import Run

PUBLISH_EVERY = 0.1  # seconds between published states
CHECKPOINT_EVERY = 1000  # steps
VALIDATION_SHARE = 0.05  # of training time, about


class LiveSession:
    """See `seqtui.snapshot.Session`. `run` reopens a run by name or folder; `keep` False writes nothing to disk."""

    def __init__(
        self,
        corpus: str = "tales",
        *,
        choice: ModelChoice | None = None,
        run: str | None = None,
        paused: bool = False,
        encoding: str = "utf-8",
        tokens_by: str = "char",
        threads: int | None = None,
        seed: int = 1,
        keep: bool = True,
    ) -> None:
        self._source, self._encoding, self._tokens_by = corpus, encoding, tokens_by
        self._choice = choice or ModelChoice()
        self._reopen, self._threads, self._seed, self._keep = run, threads, seed, keep
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._paused, self._single = paused, False
        self._lock = threading.Lock()
        self._said_at = 0.0
        self._state = Snapshot(corpus=corpus, model=self._choice, tokens_by=tokens_by)
        self._run: Run | None = None
        self._position: PositionLoss | None = None
        self._speed = Speedometer()
        self._published = 0.0
        self._observer = Observer(self._closing)
        self._trainer = threading.Thread(target=self._guarded, name="seqtui-trainer", daemon=True)

    # What the screen calls: each returns at once.

    def snapshot(self) -> Snapshot:
        """The newest state of both threads; the serial grows whenever something in it is new."""
        with self._lock:
            state = self._state
        seen = self._observer.seen()
        return replace(
            state,
            serial=state.serial + seen.serial,
            message=state.message if state.phase in _GRAVE or self._said_at >= seen.said_at else seen.message,
            references=seen.references,
            probe_text=seen.probe_text,
            probe=seen.probe,
            prompt=seen.prompt,
            temperature=seen.temperature,
            sample=seen.sample,
            earlier=seen.earlier,
        )

    def start(self) -> None:
        """Begin: load, compile, train."""
        self._trainer.start()
        self._observer.start()

    def pause(self) -> None:
        """Stop after the step that is being made."""
        self._commands.put(lambda: self._set_paused(True))

    def resume(self) -> None:
        """Go on."""
        self._commands.put(lambda: self._set_paused(False))

    def one_step(self) -> None:
        """Train one step, and be paused after it."""
        self._commands.put(self._do_single)

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate."""
        self._commands.put(lambda: self._do_scale_rate(factor))

    def set_temperature(self, temperature: float) -> None:
        """Of the writing, from the next sample on."""
        self._observer.set_temperature(temperature)

    def set_probe_text(self, text: str) -> None:
        """The text under the microscope; "" takes a passage of the validation part."""
        self._observer.set_probe_text(text)

    def set_prompt(self, prompt: str) -> None:
        """What the writing begins with."""
        self._observer.set_prompt(prompt)

    def next_passage(self) -> None:
        """Another passage of the validation part."""
        self._observer.next_passage()

    def set_probe_width(self, columns: int) -> None:
        """How many tokens of a passage can be drawn."""
        self._observer.set_probe_width(columns)

    def change_model(self, choice: ModelChoice) -> None:
        """A new run of another model; what was not chosen stays: see `following`. The old run is saved."""
        self._commands.put(lambda: self._do_change(self._source, choice))

    def change_corpus(self, name: str) -> None:
        """A new run of the same model, trained in the same way, on another corpus. The old run is saved."""
        self._commands.put(lambda: self._do_change(name, self._choice))

    def corpora(self) -> tuple[CorpusChoice, ...]:
        """The sample corpora."""
        from seqcore.data.samples import sample_info, sample_names

        found = []
        for name in sample_names():
            with contextlib.suppress(SeqError):
                info = sample_info(name)
                found.append(CorpusChoice(info.name, info.description, info.characters))
        return tuple(found)

    def save(self) -> None:
        """Write a checkpoint now."""
        self._commands.put(self._do_save)

    def recover(self) -> None:
        """Back to the last good checkpoint, at half the rate that it was written under."""
        self._commands.put(self._do_recover)

    def close(self, timeout: float = 2.0) -> bool:
        """Write a checkpoint and end both threads; True when they ended within `timeout` seconds."""
        self._closing.set()
        self._commands.put(lambda: None)  # wakes a thread that waits
        until = time.monotonic() + timeout
        for thread in (self._trainer, self._observer.thread):
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))
        return not (self._trainer.is_alive() or self._observer.thread.is_alive())

    # The trainer thread.

    def _guarded(self) -> None:
        try:
            self._main()
        except Exception as error:  # a bug must be told on the screen, not die silently in a thread
            self._save_quietly()
            self._publish(phase=Phase.FAILED, message=_told(error))
            if not isinstance(error, SeqError):
                raise
        finally:
            if self._run is not None:
                self._run.close()

    def _main(self) -> None:
        from seqcore import jit

        self._publish(threads=jit.set_threads(self._threads))
        self._open(self._first_run)
        while not self._closing.is_set():
            waits = self._paused or self._run is None or self._state.phase in _STOPPED
            if self._single and self._run is not None:
                waits = False
            self._take_commands(wait=waits)
            if self._closing.is_set():
                break
            if self._run is not None and (self._single or not (self._paused or self._state.phase in _STOPPED)):
                self._advance(self._run)
        self._save_quietly()

    def _take_commands(self, wait: bool) -> None:
        try:
            command = self._commands.get(timeout=0.1) if wait else self._commands.get_nowait()
            while not self._closing.is_set():
                try:
                    command()
                except (SeqError, OSError, MemoryError) as error:  # it was not to be had; the run goes on
                    self._publish(message=_told(error))
                command = self._commands.get_nowait()
        except queue.Empty:
            if wait:
                self._serve_observer()

    def _open(self, make: Callable[[], Run]) -> None:
        """Load and compile; a failure of the first run waits for another corpus, one of a later run keeps the old."""
        before = self._state
        self._publish(phase=Phase.LOADING, message="", compiling=None)
        try:
            run = make()
        except (SeqError, OSError, MemoryError) as error:
            self._publish(phase=Phase.FAILED if self._run is None else before.phase, message=_told(error))
            return
        self._save_quietly()
        if self._run is not None:
            self._run.close()
        self._adopt(run)
        self._compile()
        self._keep_milestone(run)
        self._publish(phase=self._resting_phase(), compiling=None)

    def _first_run(self) -> Run:
        from seqcore.folder import RunFolder
        from seqcore.run import Run

        if self._reopen is not None:
            return Run.resume(RunFolder.find(self._reopen))
        return self._new_run(self._source, self._choice)

    def _new_run(self, source: str, choice: ModelChoice) -> Run:
        from seqcore.config import TrainingConfig
        from seqcore.data.corpus import read_corpus
        from seqcore.run import Run

        from seqtui.following import following

        if self._run is not None and source == self._source:
            corpus = self._run.corpus  # standard input, for one, cannot be read again
        else:
            corpus = read_corpus(source, encoding=self._encoding, as_bytes=self._tokens_by == "byte")
        shape, before = (self._run.config.model, self._run.config.training) if self._run is not None else (None, None)
        model, fields = following(choice, shape, before)
        asked: dict[str, Any] = {"tokens_by": self._tokens_by, "seed": self._seed}
        training = TrainingConfig(**asked | fields)
        held_out = len(corpus.data) * training.validation
        # A validation costs a third of training on as many tokens.
        every = held_out / (3 * VALIDATION_SHARE * training.batch * training.length)
        paced = training.changed(eval_every=max(50, 50 * round(every / 50)), checkpoint_every=CHECKPOINT_EVERY)
        return Run.start(model, paced, corpus, keep=self._keep)

    def _adopt(self, run: Run) -> None:
        shape, training = run.config.model, run.config.training
        self._run, self._source = run, run.corpus.source
        self._tokens_by, self._encoding = training.tokens_by, run.corpus.encoding
        self._observer.watch(run)
        self._choice = ModelChoice(
            shape.family, shape.hidden, shape.layers, shape.dropout, training.batch, training.length, shape.activation,
            shape.heads, shape.positions, shape.context,
        )  # fmt: skip
        self._position = PositionLoss(run)
        self._speed.reset()
        self._publish(
            corpus=run.corpus.name,
            model=self._choice,
            shape=shape,
            training=training,
            parameters=run.trainer.parameters.size,
            tokens_by=training.tokens_by,
            vocabulary=run.vocabulary.size,
            run=run.name,
            reopen=called(run.folder.path) if run.folder else "",
            message="; ".join(run.warnings),
            checkpoint_step=run.saved_step,
            peak_share=None,
        )

    def _compile(self) -> None:
        from seqcore import jit, serial  # noqa: F401  # what is compiled soon has to be registered

        def report(progress: CompileProgress) -> None:
            self._publish(phase=Phase.COMPILING, compiling=progress)

        groups, soon = (jit.kernel_groups(self._choice.family, role) for role in ("train", "look"))
        # Loading from the cache is quick and no news.
        jit.compile_kernels(groups, None if jit.cached(groups) else report, soon, self._closing.is_set)
        self._observer.may_look()

    def _resting_phase(self) -> Phase:
        if self._run is not None and self._run.trainer.done:
            return Phase.FINISHED
        return Phase.PAUSED if self._paused else Phase.TRAINING

    def _advance(self, run: Run) -> None:
        try:
            done = run.advance(self._closing.is_set)
        except SeqError as error:  # the disk refused: nothing is lost in memory, and nothing more is risked
            self._paused, self._single = True, False
            self._publish(phase=Phase.PAUSED, message=str(error))
            return
        step = done.step
        if not step.finite:
            self._single = False
            what = "loss" if not np.isfinite(step.loss) else "gradient"
            self._publish(
                phase=Phase.DIVERGED,
                message=f"the {what} of step {step.step + 1:,} is not finite; the parameters are those before it",
            )
            self._offer_weights(run)
            return
        self._speed.add(run.config.training.batch * run.config.training.length, step.seconds)
        if self._position is not None:
            self._position.look()
        if done.finished:
            self._single = False
            self._publish(phase=Phase.FINISHED, message="the run's end is reached: it is saved")
        elif self._single:
            self._single, self._paused = False, True
            self._publish(phase=Phase.PAUSED)
        if is_milestone(step.step):
            self._keep_milestone(run)
        if self._observer.wants_weights:
            self._offer_weights(run)
        if done.saved or time.monotonic() - self._published > PUBLISH_EVERY:
            self._publish()

    def _offer_weights(self, run: Run) -> None:
        if not self._observer.has(run, run.trainer.steps):
            self._observer.offer(Weights(run, run.trainer.steps, run.trainer.parameters.flat.copy()))

    def _keep_milestone(self, run: Run) -> None:
        self._observer.keep(Weights(run, run.trainer.steps, run.trainer.parameters.flat.copy()))

    def _serve_observer(self) -> None:
        if self._run is not None and self._observer.wants_weights:
            self._offer_weights(self._run)

    def _publish(self, **changes: Any) -> None:
        """Put a new state into the slot: `changes`, and how far the run is."""
        run = self._run
        if run is not None:
            trainer = run.trainer
            rate, share = self._speed.read(trainer.work_per_token())
            changes |= {
                "step": trainer.steps,
                "epoch": trainer.epoch,
                "learning_rate": trainer.learning_rate,
                "seconds": trainer.seconds,
                "history": run.history.record(),
                "position_loss": self._position.mean if self._position else np.zeros(0, np.float32),
                "checkpoint_step": run.saved_step,
                "tokens_per_second": rate,
                "peak_share": share,
            }
        with self._lock:
            self._state = replace(self._state, serial=self._state.serial + 1, **changes)
            if "message" in changes:
                self._said_at = time.monotonic()
        self._published = time.monotonic()

    # Commands, carried out by the trainer thread between steps.

    def _set_paused(self, paused: bool) -> None:
        if not paused and self._state.phase is Phase.FINISHED and self._run is not None:
            self._go_on_without_end(self._run)
        self._paused = paused
        if self._state.phase in (Phase.TRAINING, Phase.PAUSED, Phase.FINISHED):
            self._publish(phase=self._resting_phase())

    def _go_on_without_end(self, run: Run) -> None:
        """A finished run trains on: at a constant rate, a tenth of the peak if a cosine had come to its end."""
        ended = run.config.training
        training = ended.changed(steps=None, tokens=None, minutes=None, schedule="constant")
        if ended.schedule == "cosine":
            training = training.changed(learning_rate=ended.learning_rate / 10)
        try:
            run.go_on(training)
            self._publish(message="training on without an end, at a constant rate")
        except SeqError as error:
            self._publish(message=str(error))

    def _do_single(self) -> None:
        if self._state.phase in (Phase.TRAINING, Phase.PAUSED):
            self._single = True

    def _do_scale_rate(self, factor: float) -> None:
        if self._run is not None:
            trainer = self._run.trainer
            trainer.rate_scale = min(1e6, max(1e-6, trainer.rate_scale * factor))
            self._publish(message=f"learning rate × {trainer.rate_scale:.3g}")

    def _do_change(self, source: str, choice: ModelChoice) -> None:
        if source == self._source and choice == self._choice and self._run is not None:
            self._publish(message="this corpus and model are already being trained")
            return
        self._open(lambda: self._new_run(source, choice))

    def _do_save(self) -> None:
        if self._run is None:
            return
        if self._state.phase is Phase.DIVERGED:  # what is there now is on its way to infinity
            self._publish(message="not saved: this run diverged; the checkpoint before stands")
            return
        path = self._run.save()
        self._publish(message=f"saved {path.name}" if path else "this run is kept nowhere: nothing saved")

    def _save_quietly(self) -> None:
        run = self._run
        if run is None or run.saved_step == run.trainer.steps or self._state.phase is Phase.DIVERGED:
            return
        try:
            run.save()
            self._publish()  # so that whoever says goodbye names the step that is on disk
        except SeqError as error:
            self._publish(message=str(error))

    def _do_recover(self) -> None:
        if self._run is None:
            return
        try:
            step = self._run.recover(0.5)
        except SeqError as error:
            self._publish(message=str(error))
            return
        self._speed.reset()
        self._publish(phase=self._resting_phase(), message=f"back at step {step:,}, at half the rate")


def _told(error: Exception) -> str:
    """What to tell of an error, in a line."""
    if isinstance(error, SeqError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory for this: take a smaller model, batch or length"
    if isinstance(error, OSError):
        return f"{error.filename or 'the disk'}: {error.strerror or error}"
    return f"internal error: {type(error).__name__}: {error}"


_GRAVE = (Phase.FAILED, Phase.DIVERGED)
_STOPPED = (Phase.FINISHED, Phase.DIVERGED, Phase.FAILED)
