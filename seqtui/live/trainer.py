"""The first thread of a live session: trains the run, and executes the commands of the screen between steps."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from seqcore.errors import SeqError
from seqcore.records import CompileProgress

from seqtui.live.measuring import Measuring
from seqtui.live.observer import Observer, is_milestone
from seqtui.live.opening import Opening, choice_of, task_of
from seqtui.live.positions import PositionLoss
from seqtui.live.seen import Weights
from seqtui.live.slot import Slot
from seqtui.live.snapshot import GRAVE, ModelChoice, Phase, Snapshot
from seqtui.live.speed import Speedometer

if TYPE_CHECKING:
    from seqcore.run import Run

PUBLISH_EVERY = 0.1  # seconds between published states
_STOPPED = (Phase.FINISHED, Phase.DIVERGED, Phase.FAILED)

Command = Callable[["TrainerThread"], None]


class TrainerThread:
    """Owns the run. Any thread may call `request`; everything else happens on `thread`."""

    def __init__(
        self,
        opening: Opening,
        slot: Slot,
        observer: Observer,
        closing: threading.Event,
        threads: int | None,
        paused: bool,
    ) -> None:
        self._opening, self._slot, self._observer, self._closing = opening, slot, observer, closing
        self._threads, self._paused, self._single = threads, paused, False
        self._source, self._choice = opening.source, opening.choice
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.run: Run | None = None
        self._position: PositionLoss | None = None
        self._measuring = Measuring()
        self._speed = Speedometer()
        self.thread = threading.Thread(target=self._guarded, name="seqtui-trainer", daemon=True)

    def request(self, command: Command) -> None:
        """Queue a command; it is executed between two steps. Returns immediately."""
        self._commands.put(command)

    # The loop.

    def _guarded(self) -> None:
        try:
            self._main()
        except Exception as error:  # a defect must show on the screen, not end a thread silently
            self._save_quietly()
            self._publish(phase=Phase.FAILED, message=described_error(error))
            if not isinstance(error, SeqError):
                raise
        finally:
            if self.run is not None:
                self.run.close()

    def _main(self) -> None:
        from seqcore.team import set_threads

        self._publish(threads=set_threads(self._threads))
        self._open(self._opening.first_run)
        while not self._closing.is_set():
            waits = self._paused or self.run is None or self._state.phase in _STOPPED
            if (self._single or self._measuring.owed) and self.run is not None:
                waits = False
            self._take_commands(wait=waits)
            if self._closing.is_set():
                break
            if self.run is not None and self._measuring.owed:
                self._measuring.measure(self.run, self._closing.is_set)
                self._publish()
            elif self.run is not None and (self._single or not (self._paused or self._state.phase in _STOPPED)):
                self._advance(self.run)
        self._save_quietly()

    def _take_commands(self, wait: bool) -> None:
        try:
            command = self._commands.get(timeout=0.1) if wait else self._commands.get_nowait()
            while not self._closing.is_set():
                try:
                    command(self)
                except (SeqError, OSError, MemoryError) as error:  # the command failed; the run continues
                    self._publish(message=described_error(error))
                command = self._commands.get_nowait()
        except queue.Empty:
            if wait:
                self._serve_observer()

    def _advance(self, run: Run) -> None:
        try:
            done = run.advance(self._closing.is_set)
        except SeqError as error:  # the disk refused: nothing in memory is lost, and nothing more is risked
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
        feed = run.trainer.feed
        self._speed.add(feed.tokens(step.step) - feed.tokens(step.step - 1), step.seconds)
        if done.validation is not None:
            self._measuring.step = step.step
        if self._position is not None:
            self._position.look()
        if done.finished:
            self._single = False
            self._publish(phase=Phase.FINISHED, message="the run is finished and saved")
        elif self._single:
            self._single, self._paused = False, True
            self._publish(phase=Phase.PAUSED)
        if is_milestone(step.step):
            self._keep_milestone(run)
        if self._observer.wants_weights:
            self._offer_weights(run)
        if done.saved or time.monotonic() - self._slot.published > PUBLISH_EVERY:
            self._publish()

    # Opening a run.

    def _open(self, make: Callable[[], Run]) -> None:
        """Load and compile. If the first run fails, wait for another corpus; if a later one fails, keep the old run."""
        before = self._state
        self._publish(phase=Phase.LOADING, message="", compiling=None)
        try:
            run = make()
        except (SeqError, OSError, MemoryError) as error:
            self._publish(phase=Phase.FAILED if self.run is None else before.phase, message=described_error(error))
            return
        self._save_quietly()
        if self.run is not None:
            self.run.close()
        self._adopt(run)
        self._compile()
        self._keep_milestone(run)
        self._publish(phase=self._resting_phase(), compiling=None)

    def _adopt(self, run: Run) -> None:
        self.run, self._source, self._choice = run, run.corpus.source, choice_of(run)
        self._observer.watch(run)
        self._position = PositionLoss.of(run)
        self._speed.reset()
        self._measuring.owe(run)
        self._publish(
            **self._subject(run),
            shape=run.config.model,
            parameters=run.trainer.parameters.size,
            tokens_by=run.config.training.tokens_by,
            vocabulary=run.vocabulary.size,
            run=run.name,
            reopen=run.folder.argument if run.folder else "",
            message="; ".join(run.notes),
            checkpoint_step=run.saved_step,
            peak_share=None,
        )

    def _subject(self, run: Run) -> dict[str, Any]:
        """Return the fields that change with the examples of a run."""
        return {
            "corpus": run.corpus.name,
            "task": task_of(run),
            "model": self._choice,
            "training": run.config.training,
            "turns": tuple(step for step, _ in run.config.turns),
        }

    def _compile(self) -> None:
        from seqcore import jit, serial  # noqa: F401  # registers the kernels that are compiled after the others

        def report(progress: CompileProgress) -> None:
            self._publish(phase=Phase.COMPILING, compiling=progress)

        kinds = self._choice.family if self.run is None else self.run.config.model.kernels
        groups, soon = (jit.kernel_groups(kinds, role) for role in ("train", "look"))
        # Loading from the cache is fast and not worth showing.
        jit.compile_kernels(groups, None if jit.cached(groups) else report, soon, self._closing.is_set)
        self._observer.may_look()

    def _resting_phase(self) -> Phase:
        if self.run is not None and self.run.trainer.done:
            return Phase.FINISHED
        return Phase.PAUSED if self._paused else Phase.TRAINING

    # What others see.

    def _offer_weights(self, run: Run) -> None:
        if not self._observer.has(run, run.trainer.steps):
            self._observer.offer(self._weights(run))

    def _keep_milestone(self, run: Run) -> None:
        if run.config.task.generates:
            self._observer.keep(self._weights(run))

    def _weights(self, run: Run) -> Weights:
        return Weights(run, run.trainer.steps, run.trainer.parameters.flat.copy())

    def _serve_observer(self) -> None:
        if self.run is not None and self._observer.wants_weights:
            self._offer_weights(self.run)

    @property
    def _state(self) -> Snapshot:
        return self._slot.state

    def _publish(self, **changes: Any) -> None:
        """Publish `changes` and the progress of the run."""
        run = self.run
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
                "threads": trainer.threads,
                "measures": run.measures,
                "measured_step": self._measuring.step,
            }
        self._slot.publish(**changes)

    # Commands.

    def set_paused(self, paused: bool) -> None:
        """Pause, or continue; a finished run continues without an end."""
        if not paused and self._state.phase is Phase.FINISHED and self.run is not None:
            self._continue_without_end(self.run)
        self._paused = paused
        if self._state.phase in (Phase.TRAINING, Phase.PAUSED, Phase.FINISHED):
            self._publish(phase=self._resting_phase())

    def _continue_without_end(self, run: Run) -> None:
        """Continue at a constant rate: a tenth of the peak rate if a cosine schedule had ended."""
        ended = run.config.training
        training = ended.changed(steps=None, tokens=None, minutes=None, schedule="constant")
        if ended.schedule == "cosine":
            training = training.changed(learning_rate=ended.learning_rate / 10)
        try:
            run.go_on(training)
            self._publish(message="training continues without an end, at a constant rate")
        except SeqError as error:
            self._publish(message=str(error))

    def single_step(self) -> None:
        """Train one step, then pause."""
        if self._state.phase in (Phase.TRAINING, Phase.PAUSED):
            self._single = True

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate."""
        if self.run is not None:
            trainer = self.run.trainer
            trainer.rate_scale = min(1e6, max(1e-6, trainer.rate_scale * factor))
            grave = self._state.phase in GRAVE
            self._publish(message=self._state.message if grave else f"learning rate × {trainer.rate_scale:.3g}")

    def turn_dial(self, direction: int) -> None:
        """Turn the dial of the task; the same weights and optimiser go on with other examples."""
        run = self.run
        if run is None or run.config.task.dial is None or self._state.phase in GRAVE:
            return
        dial = run.config.task.dial
        new = dial.stepped(direction)
        if new == dial:
            self._publish(message=f"the dial of {dial.name} goes from {dial.least:,} to {dial.most:,}")
            return
        run.turn(new.value)
        self._source, self._choice = run.corpus.source, choice_of(run)
        self._observer.turned(run)
        self._speed.reset()
        self._measuring.owe(run)
        self._publish(**self._subject(run), message=f"{new.source} from step {run.trainer.steps:,} on, same weights")

    def change_model(self, choice: ModelChoice) -> None:
        """Start a run of another model on the same corpus."""
        self._change(self._source, choice)

    def change_corpus(self, source: str) -> None:
        """Start a run of the same model on another corpus."""
        self._change(source, self._choice)

    def _change(self, source: str, choice: ModelChoice) -> None:
        same = source in (self._source, self._source.removeprefix("sample:"))
        if same and choice == self._choice and self.run is not None:
            self._publish(message="this model is already training on this corpus")
            return
        self._open(lambda: self._opening.new_run(source, choice, self.run))

    def save(self) -> None:
        """Write a checkpoint now."""
        if self.run is None:
            return
        if self._state.phase is Phase.DIVERGED:  # the current weights lead to infinity
            self._publish(message="not saved: this run diverged; the last checkpoint is kept")
            return
        path = self.run.save()
        self._publish(message=f"saved {path.name}" if path else "this run is not being saved")

    def _save_quietly(self) -> None:
        run = self.run
        if run is None or run.saved_step == run.trainer.steps or self._state.phase is Phase.DIVERGED:
            return
        try:
            run.save()
            self._publish()  # the farewell names the step that is on disk
        except SeqError as error:
            self._publish(message=str(error))

    def recover(self) -> None:
        """Return to the last good checkpoint, at half its learning rate."""
        if self.run is None:
            return
        try:
            step = self.run.recover(0.5)
        except SeqError as error:
            self._publish(message=str(error))
            return
        self._speed.reset()
        self._publish(phase=self._resting_phase(), message=f"back at step {step:,}, at half the learning rate")


def described_error(error: Exception) -> str:
    """Return one line that describes an error to the user."""
    if isinstance(error, SeqError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory: choose a smaller model, batch or length"
    if isinstance(error, OSError):
        return f"{error.filename or 'the disk'}: {error.strerror or error}"
    return f"internal error: {type(error).__name__}: {error}"
