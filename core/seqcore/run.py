"""A run: a trainer, its corpus, its vocabulary and its folder, advanced one step at a time.

The command line and the screen both train through `Run.advance`, and so write the same folder.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from seqcore.checkpoint import BEST, Checkpoint
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.quoting import quoted
from seqcore.errors import CorpusChanged, SeqError
from seqcore.folder import RunFolder
from seqcore.history import HistoryLog, is_number, sizes_line
from seqcore.memory import Sizes, check_memory
from seqcore.run_config import CorpusReference, RunConfig, is_count
from seqcore.tasks.language import Language
from seqcore.tasks.task import Data, Measures, Task, dial_of
from seqcore.trainer import Step, Trainer


@dataclass(frozen=True)
class Advance:
    """What one call of `Run.advance` did."""

    step: Step
    validation: Measures | None = None  # if validation was due after the step
    saved: Path | None = None  # if a checkpoint was due after it
    finished: bool = False  # the run's end is reached; it is validated and saved


class Best(NamedTuple):
    """The lowest validation loss so far, nats per token, and its step; its checkpoint is kept."""

    step: int
    loss: float


class Run:
    """Create one with `Run.start` or `Run.resume`. Kernels must be compiled before the first `advance`."""

    def __init__(self, config: RunConfig, corpus: Corpus, folder: RunFolder | None) -> None:
        self.config, self.corpus, self.folder = config, corpus, folder
        self.vocabulary = config.vocabulary
        self.data = config.task.data(corpus, self.vocabulary, config.training)
        check_room(config, self.data)
        self.trainer = Trainer(config.model, config.training, self.data)
        if config.turns:
            self.trainer.since = config.turns[-1]
        self.saved_step: int | None = None
        self.best: Best | None = None
        self.measures: Measures = {}  # of the last validation
        self.notes = [*corpus.remarks, *self.data.notes]  # what the user should know, a line each
        self.history = HistoryLog()
        self.log: Callable[[dict[str, Any]], None] = lambda line: None  # receives every metrics line
        self._since = _Interval()

    @staticmethod
    def start(
        model: dict[str, Any],
        training: TrainingConfig,
        corpus: Corpus,
        out: Path | None = None,
        keep: bool = True,
        task: type[Task] = Language,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> "Run":
        """Start a new run of a model with these `ModelConfig` fields on `corpus`; `keep` False writes nothing.

        `options` are those of the task, e.g. the name of a column.

        Raises SeqError: the corpus is too short or has one symbol, the folder is taken or cannot be written.
        """
        begun, vocabulary = task.start(corpus, training, options)
        shape = ModelConfig(vocabulary_size=vocabulary.size, **begun.ends._asdict(), **model)
        config = RunConfig(shape, training, CorpusReference.of(corpus), vocabulary, begun)
        run = Run(config, corpus, None)
        if keep:
            run.folder = RunFolder.create(config, corpus, out, run_label(corpus, shape))
            try:
                run.folder.lock()
                run.save()  # so that it can be resumed from its first moment on
            except SeqError:
                run.folder.remove()  # without a checkpoint it could neither be resumed nor started again
                raise
        return run

    @staticmethod
    def resume(folder: RunFolder, corpus: Corpus | None = None, changed_ok: bool = False, **changes: Any) -> "Run":
        """Resume from the newest checkpoint that loads; `changes` replace fields of its TrainingConfig.

        `corpus`: the run's corpus, if it has moved (see `RunConfig.read_corpus`); None reads it where it was.
        `changed_ok`: accept another content, which is then read with the run's vocabulary.
        What the user should know is in `notes`. Raises SeqError, and CorpusChanged if the content is another one.
        """
        config = folder.config()
        if changed_ok and corpus is not None and config.task.dial is not None and corpus.digest != config.corpus.digest:
            run = Run.resume(folder, None, **changes)
            try:
                run.turn(dial_of(config.task.on(corpus)).value)
            except BaseException:
                run.close()
                raise
            run.notes.append(f"the dial is turned: {run.corpus.source} from step {run.trainer.steps:,} on")
            return run
        before = config
        if changes:
            config = replace(config, training=config.training.changed(**changes))
        folder.lock()
        try:
            if corpus is None or not config.corpus.source:  # the folder says why there is none
                corpus = folder.corpus(config, changed_ok)
            elif not changed_ok:
                _check_same(config.corpus, corpus)
            changed = corpus.digest != config.corpus.digest
            moved = corpus.source != config.corpus.source
            if changed or moved:
                config = config.on(corpus)
                folder.keep_corpus(corpus)
            run = Run(config, corpus, folder)
            checkpoint, step, damaged = folder.newest()
            run.restore(checkpoint, step)
            run.find_best()
            if changed:
                run.trainer.forget_state()
            run.notes += [f"{line}; continuing from step {step:,}" for line in damaged]
            if moved:
                run.notes.append(f"the corpus is now read from {quoted(corpus.source, 4096)}")
            if changed:
                run.notes.append("the corpus has changed: continuing with the vocabulary of this run")
            folder.forget_after(step)
            if config != before:
                folder.write_config(config)
        except BaseException:
            folder.unlock()
            raise
        return run

    def close(self) -> None:
        """Release the folder; nothing is saved."""
        if self.folder is not None:
            self.folder.unlock()

    @property
    def name(self) -> str:
        """The run's name; empty if it is not being saved."""
        return self.folder.name if self.folder else ""

    def restore(self, checkpoint: Checkpoint, step: int) -> None:
        """Take over a checkpoint of this model, and the lines of its folder up to there. Raises SeqError."""
        self.trainer.restore(checkpoint.arrays, checkpoint.numbers)
        self._since = _Interval.of(checkpoint.numbers)
        self.saved_step = step
        self.read_lines(step)

    def read_lines(self, step: int) -> None:
        """Take the curves up to a step from the folder, if there is one."""
        if self.folder:
            lines = (self.folder.metrics(), self.folder.updates())
            self.history = HistoryLog.of(*([line for line in part if line["step"] <= step] for part in lines))

    def find_best(self) -> None:
        """Take note of the best checkpoint of the folder; a damaged one is set aside."""
        assert self.folder is not None
        try:
            found = self.folder.best()
        except SeqError as error:
            self.notes.append(str(error))
            self.folder.set_aside(BEST)
            return
        loss = found.numbers.get("validation_loss") if found else None
        if found and is_number(loss):
            self.best = Best(found.numbers["steps"], float(loss))
            if self.config.turns and self.best.step <= self.config.turns[-1][0]:
                self.best = None  # losses of another dial do not compare

    def _checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the run as it is. Raises SeqError if something in it is not finite."""
        since, state = self._since, self.trainer.state()
        broken = [name for name, array in state.items() if not np.isfinite(array).all()]
        if broken:
            raise SeqError(f"not saved: {broken[0]} is not finite; the last checkpoint is kept")
        numbers = self.trainer.numbers() | {
            "interval_loss": since.loss,
            "interval_steps": since.steps,
            "interval_seconds": since.seconds,
        }
        return Checkpoint(state, numbers)

    def save(self) -> Path | None:
        """Write a checkpoint of the run as it is; None if the run is not being saved.

        Raises SeqError: the disk refuses, or something in it is not finite, which no checkpoint may be.
        """
        if self.folder is None:
            return None
        budget = self.config.training.keep_mb << 20
        path = self.folder.save(self._checkpoint(), self.trainer.steps, budget)
        self.saved_step = self.trainer.steps
        return path

    def keep_best(self, loss: float) -> None:
        """Keep the run as it is in best.safetensors, if this validation loss is the lowest so far. Raises SeqError."""
        if not math.isfinite(loss) or (self.best is not None and loss >= self.best.loss):
            return
        if self.folder is not None:
            checkpoint = self._checkpoint()
            self.folder.save_best(replace(checkpoint, numbers={**checkpoint.numbers, "validation_loss": loss}))
        self.best = Best(self.trainer.steps, loss)

    def recover(self, rate: float = 0.5) -> int:
        """After a divergence, return to the newest good checkpoint with the learning rate scaled; returns its step.

        A second time from the same checkpoint the rate is lower still: at the same rate it would diverge again.
        Raises SeqError if there is no checkpoint.
        """
        if self.folder is None:
            raise SeqError("this run is not being saved: there is no checkpoint to return to")
        before = self.trainer.rate_scale
        checkpoint, step, self.notes = self.folder.newest()
        self.restore(checkpoint, step)
        self.trainer.rate_scale = min(before, self.trainer.rate_scale) * rate
        self.folder.forget_after(step)
        return step

    def go_on(self, training: TrainingConfig) -> None:
        """Continue under other settings (another end, another rate); batch and length must stay. Raises SeqError."""
        self.config = replace(self.config, training=training)
        self.trainer.retrain(training)
        if self.folder:
            self.folder.write_config(self.config)

    def turn(self, value: int) -> None:
        """Continue with the same weights and optimiser at another value of the task's dial.

        A checkpoint is saved first, so that the run can be resumed exactly. Raises SeqError, and changes nothing: the
        task has no such dial, the model cannot read these examples, the disk refuses.
        """
        dial = dial_of(self.config.task)
        corpus = read_corpus(dial._replace(value=value).source)
        config = replace(self.config.on(corpus), turns=(*self.config.turns, (self.trainer.steps, self.trainer.tokens)))
        data = config.task.data(corpus, self.vocabulary, config.training)
        data.check(config.model)
        check_room(config, data)
        if self.saved_step != self.trainer.steps:
            self.save()
        since = self.trainer.since
        self.trainer.turn(config.training, data)
        if self.folder:
            try:
                self.folder.write_config(config)
            except SeqError:
                self.trainer.turn(self.config.training, self.data)
                self.trainer.since = since
                raise
        self.config, self.corpus, self.data = config, corpus, data
        self.best, self.measures = None, {}

    def advance(self, stop: Callable[[], bool] = lambda: False) -> Advance:
        """Make one training step and, if due, a validation, a metrics line and a checkpoint.

        A step that is not finite changes nothing, and nothing is written. `stop` ends a validation early.
        Raises SeqError if the disk refuses.
        """
        step = self.trainer.step()
        if not step.finite:
            return Advance(step)
        training, count, finished = self.config.training, step.step, self.trainer.done
        self.history.add(step, self.trainer.tokens, self.trainer.seconds)
        self._since.add(step)
        validation: Measures | None = None
        if finished or (training.eval_every and count % training.eval_every == 0):
            validation = self.validate(stop)
        if finished or validation is not None or count % training.log_every == 0:
            self._write_line(step, validation)
        if validation is not None:
            self.keep_best(validation["loss"])
        saved = None
        if finished or (training.checkpoint_every and count % training.checkpoint_every == 0):
            saved = self.save()
        return Advance(step, validation, saved, finished)

    def validate(self, stop: Callable[[], bool] = lambda: False) -> Measures | None:
        """Add the loss over the held-out part to the history, and return all measures; None without one, or on `stop`.

        None, too, if the loss is not finite.
        """
        measures = self.trainer.validate(stop)
        if not measures or math.isnan(measures["loss"]):
            return None
        self.history.add_validation(self.trainer.steps, measures["loss"])
        self.measures = measures
        return measures

    def validation_fields(self, measures: Measures) -> dict[str, Any]:
        """Return the fields of a metrics line for these measures: validation_loss, and those of the task.

        Runs on pairs also record them by the length of the source, so that later runs can be compared by length.
        """
        by_length = ("by_length",) if self.config.task.decodes else ()
        return {f"validation_{name}": measures[name] for name in ("loss", *self.config.task.measures, *by_length)}

    def _write_line(self, step: Step, validation: Measures | None) -> None:
        since, trainer = self._since, self.trainer
        count = trainer.feed.tokens(step.step) - trainer.feed.tokens(step.step - since.steps)
        line: dict[str, Any] = {
            "step": step.step,
            "tokens": trainer.tokens,
            "seconds": round(trainer.seconds, 4),
            "train_loss": since.loss / since.steps,
            "learning_rate": step.learning_rate,
            "gradient_norm": step.gradient_norm,
            "tokens_per_second": round(count / max(since.seconds, 1e-9), 1),
        }
        if validation is not None:
            line |= self.validation_fields(validation)
        self._since = _Interval()
        sizes = trainer.update_sizes(step)
        self.history.add_updates(step.step, sizes)
        if self.folder:
            self.folder.add_metrics(line)
            self.folder.add_updates(sizes_line(step.step, sizes))
        self.log(line)


def run_label(corpus: Corpus, config: ModelConfig) -> str:
    """Return the beginning of the name of a run: tales-lstm256, or tales-gru128x2 with two layers."""
    return f"{corpus.name}-{config.family}{config.hidden}" + (f"x{config.layers}" if config.layers > 1 else "")


def check_room(config: RunConfig, data: Data) -> None:
    """Raise SeqError if training on these examples needs more memory than there is."""
    sizes = Sizes(data.lengths(config.training), *data.held_out_shape(config.model))
    check_memory(config.model, config.training, sizes)


def _check_same(reference: CorpusReference, corpus: Corpus) -> None:
    """Check that a corpus that was given for a run is the run's. Raises SeqError, CorpusChanged."""
    if corpus.digest == reference.digest:
        return
    if corpus.source == reference.source:
        raise CorpusChanged(reference.changed(corpus))
    raise CorpusChanged(
        f"{quoted(corpus.source)} is not the corpus of this run, which is {quoted(reference.source)} "
        f"({len(corpus.data):,} bytes{f' instead of {reference.size:,}' if reference.size is not None else ''})"
    )


@dataclass
class _Interval:
    """Sums since the last metrics line."""

    loss: float = 0.0
    steps: int = 0
    seconds: float = 0.0

    @staticmethod
    def of(numbers: Mapping[str, Any]) -> "_Interval":
        """Return the interval in a checkpoint's numbers; an empty one if they are invalid."""
        loss, steps, seconds = (numbers.get(f"interval_{key}") for key in ("loss", "steps", "seconds"))
        if is_count(steps) and is_number(loss) and is_number(seconds):
            return _Interval(float(loss), steps, float(seconds))
        return _Interval()

    def add(self, step: Step) -> None:
        self.loss += step.loss
        self.steps += 1
        self.seconds += step.seconds
