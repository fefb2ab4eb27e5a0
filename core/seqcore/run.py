"""A run: a trainer, its corpus, its vocabulary and its folder, advanced one step at a time.

Both faces of the program, the command line and the screen, train through `Run.advance`, and so write the same folder.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from seqcore.checkpoint import Checkpoint
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import Corpus, split_tokens
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.folder import CorpusReference, RunConfig, RunFolder, is_count
from seqcore.memory import check_memory
from seqcore.records import History
from seqcore.trainer import Step, Trainer


@dataclass(frozen=True)
class Advance:
    """What one call of `Run.advance` did."""

    step: Step
    validation_loss: float | None = None  # if the step was one to validate after
    saved: Path | None = None  # if it was one to save after
    finished: bool = False  # the run's end is reached; it is validated and saved


class Run:
    """Make one with `Run.start` or `Run.resume`; kernels must be compiled before the first `advance`."""

    def __init__(self, config: RunConfig, corpus: Corpus, folder: RunFolder | None) -> None:
        self.config, self.corpus, self.folder = config, corpus, folder
        self.vocabulary = config.vocabulary
        tokens = self.vocabulary.encode_corpus(corpus)
        self.train, self.validation = split_tokens(tokens, config.training.validation)
        check_memory(config.model, config.training)
        self.trainer = Trainer(config.model, config.training, self.train, self.validation)
        self.saved_step: int | None = None
        self.warnings: list[str] = []
        self.history = HistoryLog()
        self.log: Callable[[dict[str, Any]], None] = lambda line: None  # told every metrics line
        self._since = _Interval()

    @staticmethod
    def start(
        model: dict[str, Any],
        training: TrainingConfig,
        corpus: Corpus,
        out: Path | None = None,
        keep: bool = True,
    ) -> "Run":
        """A new run of a model with those `ModelConfig` fields on `corpus`; `keep` False writes nothing.

        Raises SeqError: corpus too short or of one symbol, a folder that is taken or cannot be written.
        """
        vocabulary = Vocabulary.build(training.tokens_by, corpus, limit=training.vocabulary_limit)
        reference = CorpusReference(corpus.name, corpus.source, corpus.encoding, corpus.digest)
        shape = ModelConfig(vocabulary_size=vocabulary.size, **model)
        config = RunConfig(shape, training, reference, vocabulary)
        run = Run(config, corpus, None)
        if keep:
            label = f"{corpus.name}-{shape.family}{shape.hidden}" + (f"x{shape.layers}" if shape.layers > 1 else "")
            run.folder = RunFolder.create(config, corpus, out, label)
            try:
                run.folder.lock()
                run.save()  # from its first moment on there is something to go on with
            except SeqError:
                run.folder.remove()  # without a checkpoint it could neither be resumed nor begun again
                raise
        return run

    @staticmethod
    def resume(folder: RunFolder, **changes: Any) -> "Run":
        """Go on with the newest checkpoint that loads; `changes` replace fields of its TrainingConfig.

        Lines about damaged checkpoints are in `warnings`. Raises SeqError.
        """
        config = folder.config()
        if changes:
            config = replace(config, training=config.training.changed(**changes))
        folder.lock()
        try:
            run = Run(config, folder.corpus(config), folder)
            checkpoint, step, run.warnings = folder.newest()
            run._take(checkpoint, step)
            folder.forget_after(step)
            if changes:
                folder.write_config(config)
        except BaseException:
            folder.unlock()
            raise
        return run

    def close(self) -> None:
        """Let go of the folder; nothing is saved."""
        if self.folder is not None:
            self.folder.unlock()

    @property
    def name(self) -> str:
        """The run's name; empty if it is kept nowhere."""
        return self.folder.name if self.folder else ""

    def _take(self, checkpoint: Checkpoint, step: int) -> None:
        self.trainer.restore(checkpoint.arrays, checkpoint.numbers)
        self._since = _Interval.of(checkpoint.numbers)
        self.saved_step = step
        if self.folder:
            self.history = HistoryLog.of(line for line in self.folder.metrics() if line["step"] <= step)

    def save(self) -> Path | None:
        """A checkpoint of the run as it stands; None if the run is kept nowhere.

        Raises SeqError: the disk refuses, or something in it is not finite, which no checkpoint may be.
        """
        if self.folder is None:
            return None
        since, state = self._since, self.trainer.state()
        broken = [name for name, array in state.items() if not np.isfinite(array).all()]
        if broken:
            raise SeqError(f"not saved: {broken[0]} is not finite; the checkpoint before stands")
        numbers = self.trainer.numbers() | {
            "interval_loss": since.loss,
            "interval_steps": since.steps,
            "interval_seconds": since.seconds,
        }
        path = self.folder.save(Checkpoint(state, numbers), self.trainer.steps)
        self.saved_step = self.trainer.steps
        return path

    def recover(self, rate: float = 0.5) -> int:
        """After a divergence: back to the newest good checkpoint with the learning rate scaled; its step.

        A second time from the same checkpoint the rate is lower still: at the same one it would diverge again.
        Raises SeqError when there is none.
        """
        if self.folder is None:
            raise SeqError("this run is kept nowhere: there is no checkpoint to go back to")
        before = self.trainer.rate_scale
        checkpoint, step, self.warnings = self.folder.newest()
        self._take(checkpoint, step)
        self.trainer.rate_scale = min(before, self.trainer.rate_scale) * rate
        self.folder.forget_after(step)
        return step

    def go_on(self, training: TrainingConfig) -> None:
        """Train on under other settings (another end, another rate); batch and length must stay. Raises SeqError."""
        self.config = replace(self.config, training=training)
        self.trainer.retrain(training)
        if self.folder:
            self.folder.write_config(self.config)

    def advance(self, stop: Callable[[], bool] = lambda: False) -> Advance:
        """One training step and, where it is due, validation, a metrics line and a checkpoint.

        A step that was not finite changes nothing, and nothing is written. `stop` ends a validation early.
        Raises SeqError when the disk refuses.
        """
        step = self.trainer.step()
        if not step.finite:
            return Advance(step)
        training, count, finished = self.config.training, step.step, self.trainer.done
        self.history.add(step)
        self._since.add(step)
        validation: float | None = None
        if finished or (training.eval_every and count % training.eval_every == 0):
            validation = self.validate(stop)
        if finished or validation is not None or count % training.log_every == 0:
            self._write_line(step, validation)
        saved = None
        if finished or (training.checkpoint_every and count % training.checkpoint_every == 0):
            saved = self.save()
        return Advance(step, validation, saved, finished)

    def validate(self, stop: Callable[[], bool] = lambda: False) -> float | None:
        """The loss over the held-out part now, noted in the history; None where there is none or `stop` said so."""
        loss = self.trainer.validate(stop)
        if math.isnan(loss):
            return None
        self.history.add_validation(self.trainer.steps, loss)
        return loss

    def _write_line(self, step: Step, validation: float | None) -> None:
        since, trainer = self._since, self.trainer
        size = self.config.training.batch * self.config.training.length
        line: dict[str, Any] = {
            "step": step.step,
            "tokens": trainer.tokens,
            "seconds": round(trainer.seconds, 4),
            "train_loss": since.loss / since.steps,
            "learning_rate": step.learning_rate,
            "gradient_norm": step.gradient_norm,
            "tokens_per_second": round(since.steps * size / max(since.seconds, 1e-9), 1),
        }
        if validation is not None:
            line["validation_loss"] = validation
        self._since = _Interval()
        if self.folder:
            self.folder.add_metrics(line)
        self.log(line)


@dataclass
class _Interval:
    """What happened since the last metrics line."""

    loss: float = 0.0
    steps: int = 0
    seconds: float = 0.0

    @staticmethod
    def of(numbers: Mapping[str, Any]) -> "_Interval":
        """From a checkpoint's numbers; empty where they make no sense."""
        loss, steps, seconds = (numbers.get(f"interval_{key}") for key in ("loss", "steps", "seconds"))
        if is_count(steps) and _is_number(loss) and _is_number(seconds):
            return _Interval(float(loss), steps, float(seconds))
        return _Interval()

    def add(self, step: Step) -> None:
        self.loss += step.loss
        self.steps += 1
        self.seconds += step.seconds


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class HistoryLog:
    """Growing curves. Every step is kept: a spike must survive any zoom.

    Columns are append-only, so that a `record` is a set of views and costs nothing however long a run is.
    """

    def __init__(self) -> None:
        self._columns = _columns(1024)
        self._count = 0
        self._validations: list[tuple[int, float]] = []
        self._validation_record = _validation_columns([])

    @staticmethod
    def of(lines: Iterable[Mapping[str, Any]]) -> "HistoryLog":
        """From metrics lines with a step, which anybody may have written: what is no number is left out."""
        log = HistoryLog()
        for line in lines:
            rest = [line.get(key) for key in ("train_loss", "learning_rate", "gradient_norm")]
            if all(_is_number(value) for value in rest):
                log._append(line["step"], *rest)
            if _is_number(line.get("validation_loss")):
                log.add_validation(line["step"], float(line["validation_loss"]))
        return log

    def _append(self, step: int, *values: Any) -> None:
        if self._count == self._columns[0].size:
            wider = _columns(2 * self._count)
            for new, old in zip(wider, self._columns, strict=True):
                new[: self._count] = old
            self._columns = wider
        for column, value in zip(self._columns, (step, *values), strict=True):
            column[self._count] = value
        self._count += 1

    def add(self, step: Step) -> None:
        """One training step."""
        self._append(step.step, step.loss, step.learning_rate, step.gradient_norm)

    def add_validation(self, step: int, loss: float) -> None:
        """One validation."""
        self._validations.append((step, loss))

    def record(self) -> History:
        """The curves as they are now."""
        step, loss, rate, norm = (_read_only(column[: self._count]) for column in self._columns)
        if len(self._validations) != self._validation_record[0].size:
            self._validation_record = _validation_columns(self._validations)
        return History(step, loss, rate, norm, *self._validation_record)


def _columns(size: int) -> tuple[Any, ...]:
    """Steps, losses, rates and norms."""
    return (np.zeros(size, np.int64), *(np.zeros(size, np.float32) for _ in range(3)))


def _read_only(view: Any) -> Any:
    view.flags.writeable = False
    return view


def _validation_columns(rows: list[tuple[int, float]]) -> tuple[Any, Any]:
    steps, losses = zip(*rows, strict=True) if rows else ((), ())
    return np.array(steps, np.int64), np.array(losses, np.float32)
