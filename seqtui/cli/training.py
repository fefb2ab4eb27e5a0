"""The training loop without the screen: advance, show progress, generate samples, and save on every way out."""

import contextlib
import json
import math
import time
from typing import Any

from seqcore.errors import SeqError
from seqcore.health.verdict import remarks
from seqcore.naming import described
from seqcore.run import Advance, Run
from seqcore.serial import SerialModel, serial_model
from seqcore.tasks.task import Measures, measures_said

from seqtui.cli.boundary import DIVERGED, FAILED, Exit
from seqtui.cli.progress import Progress, Standing
from seqtui.cli.stopping import Stopping
from seqtui.cli.terminal import duration, plural

_SAMPLE_LINE = 100  # tokens of the line on the terminal
_SAMPLE_KEPT = 300  # tokens of a sample in samples.txt
_SAMPLE_SHARE = 0.02  # of the time at most goes into the line on the terminal
_SAMPLE_SECONDS = 3.0  # between two of them at least
_SETTLED = 0.7  # how much of the speed shown is that of the moment before


def introduction(run: Run, threads: int, chosen: bool) -> list[tuple[str, str]]:
    """Return what is about to happen, as names and values. `chosen`: the person said how many threads."""
    model, training = run.config.model, run.config.training
    unit = run.config.task.loss_unit(run.vocabulary)
    end = f"{plural(run.trainer.training.last_step() or 0, 'step')}" if training.last_step() is not None else ""
    end = " or ".join(filter(None, [end, f"{training.minutes:g} minutes" if training.minutes is not None else ""]))
    rows = [
        ("task", f"{run.config.task.name}, {run.config.task.form}"),
        ("corpus", f"{run.corpus.name} · {run.data.summary(run.vocabulary)}"),
        (
            "model",
            f"{described(model)} · {plural(run.trainer.parameters.size, 'parameter')}",
        ),
        (
            "training",
            f"{end} of {_batch(run)} · "
            f"rate {training.learning_rate:g} {training.schedule} · {_threads(threads, chosen)}",
        ),
    ]
    if held_out(run):
        baselines = run.data.baselines(run.vocabulary)
        said = " · ".join(f"{name} {value:.3f}" for name, value in baselines.losses.items() if name != "uniform")
        rows.append(("baselines", ", ".join(filter(None, [f"{said} {unit}", baselines.remark]))))
    if run.folder:
        rows.append(("run", str(run.folder.path)))
    if (parent := run.config.parent) is not None:
        rows.append(("parent", f"{parent.run}, step {parent.step:,}"))
    if run.trainer.steps:
        rows.append(("resumes", f"from step {run.trainer.steps:,}"))
    return rows


def _threads(threads: int, chosen: bool) -> str:
    return plural(threads, "thread") if chosen or threads == 1 else f"up to {threads} threads, as many as are fastest"


def _batch(run: Run) -> str:
    """Return the size of a batch: rows × timesteps."""
    feed, unit = run.trainer.feed, run.config.task.input_unit(run.vocabulary)
    if len(feed.lengths) == 1:
        return f"{feed.rows} × {feed.lengths[0]} {unit}s"
    return f"{feed.rows} × {feed.lengths[0]} to {feed.lengths[-1]} {unit}s"


def json_line(line: dict[str, Any]) -> None:
    """Print a metrics line immediately."""
    print(json.dumps(line), flush=True)


def held_out(run: Run) -> bool:
    """Return whether the run has a held-out part."""
    return bool(run.data.held_out_shape(run.config.model)[0])


def validation_owed(run: Run) -> bool:
    """Return whether the validation due after the current step is missing, because a signal interrupted it."""
    step, every = run.trainer.steps, run.config.training.eval_every
    due = run.trainer.done or (every > 0 and step % every == 0)
    validated = run.history.record().validation_step
    return due and step > 0 and held_out(run) and not (validated.size and int(validated[-1]) == step)


class Training:
    """Advances a run to its end, or until a signal."""

    def __init__(self, run: Run, progress: Progress, stopping: Stopping) -> None:
        self.run, self.progress, self.stopping = run, progress, stopping
        self.standing = Standing(
            run.config.task.input_unit(run.vocabulary), run.trainer.steps, run.config.training.last_step()
        )
        self._began, self._share = time.monotonic(), self._done()
        self._model: SerialModel | None = None
        self._sample_due = self._began + 1.0
        self._recent = _Recent(run.trainer.tokens)

    def to_the_end(self) -> bool:
        """Train. Return True at the end of the run, False if a signal came first (a checkpoint is written).

        Raises Exit after a divergence or when the disk refuses, having saved what could be saved.
        """
        run = self.run
        try:
            if validation_owed(run):
                self._validate()
            while not (run.trainer.done or self.stopping()):
                self._follow(run.advance(self.stopping))
            if run.saved_step != run.trainer.steps:
                run.save()
        except SeqError as error:
            raise Exit(FAILED, f"{error}; {self._rescue()}") from None
        except (OSError, MemoryError):
            self._rescue()
            raise
        return run.trainer.done and not (self.stopping() and validation_owed(run))

    def _validate(self) -> None:
        """Repeat a validation that a signal interrupted; its metrics line has the fields that are still known."""
        run, trainer = self.run, self.run.trainer
        measures = run.validate(self.stopping)
        if measures is None:
            return
        line = {"step": trainer.steps, "tokens": trainer.tokens, "seconds": round(trainer.seconds, 4)}
        line |= run.validation_fields(measures)
        if run.folder:
            run.folder.add_metrics(line)
        run.log(line)
        run.keep_best(measures["loss"])
        self._validated(measures)
        self._show(True)

    def _follow(self, advance: Advance) -> None:
        step = advance.step
        if not step.finite:
            raise Exit(DIVERGED, self._diverged(advance))
        self._recent.add(step.loss, step.seconds)
        if advance.validation is not None:
            self._validated(advance.validation)
        self._show(advance.validation is not None or advance.finished)

    def _validated(self, measures: Measures) -> None:
        said = measures_said(measures, self.run.config.task.measures)
        self.standing.validation = ", ".join([f"{measures['loss']:.3f}", *said])
        if self.run.folder:
            steps = self.run.trainer.steps
            self.run.folder.add_sample(steps, self._write(_SAMPLE_KEPT, steps))

    def _show(self, event: bool) -> None:
        now, standing, trainer = time.monotonic(), self.standing, self.run.trainer
        if self.progress.samples and now >= self._sample_due:
            standing.sample = self._write(_SAMPLE_LINE, trainer.steps)
            spent = time.monotonic() - now
            self._sample_due = now + max(_SAMPLE_SECONDS, spent / _SAMPLE_SHARE)
        if not event and not self.progress.due():
            return
        recent = self._recent.take(trainer.tokens)
        standing.step, standing.share = trainer.steps, self._done()
        if recent is not None:
            before, (standing.train_loss, rate) = standing.per_second, recent
            standing.per_second = rate if before is None else _SETTLED * before + (1 - _SETTLED) * rate
        gained = standing.share - self._share
        standing.left = (now - self._began) * (1 - standing.share) / gained if gained > 0 else None
        self.progress.show(standing, event)

    def _done(self) -> float:
        trainer = self.run.trainer
        return self.run.config.training.progress(trainer.steps, trainer.seconds)

    def _write(self, tokens: int, seed: int) -> str:
        """Return a raw sample of what the model can do, with a copy of the current parameters."""
        trainer = self.run.trainer
        if self._model is None:
            self._model = serial_model(self.run.config.model)
        self._model.load(trainer.parameters.flat)
        return self.run.data.sample(self._model, self.run.vocabulary, tokens, seed)

    def _rescue(self) -> str:
        """Save unsaved steps if the disk allows it, and return a message about it."""
        run = self.run
        if run.saved_step != run.trainer.steps:
            with contextlib.suppress(SeqError):
                run.save()
        return f"the newest checkpoint is from step {run.saved_step}: resume with {resume_line(run)}"

    def _diverged(self, advance: Advance) -> str:
        run, step = self.run, advance.step
        what = f"the loss was {step.loss:g}" if not math.isfinite(step.loss) else "the gradient was not finite"
        rate = run.config.training.learning_rate
        return (
            f"training diverged in step {step.step + 1}: {what}; checkpoint-{run.saved_step} is kept; "
            f"train again with a lower --lr (it was {rate:g}) or a smaller --clip"
        )


def resume_line(run: Run) -> str:
    """Return the command that resumes a run."""
    assert run.folder is not None  # asked of runs that are kept
    return f"seqtui train --resume --out {run.folder.argument}"


def last_words(run: Run) -> str:
    """Return the final line of a finished run."""
    history = run.history.record()
    said = [f"done: step {run.trainer.steps:,}, {duration(run.trainer.seconds)} of training"]
    if history.validation_loss.size:
        loss = float(history.validation_loss[-1])
        said.append(f"validation loss {loss_said(loss, run.config.task.loss_unit(run.vocabulary))}")
        said += measures_said(run.measures, run.config.task.measures)
    said += [remark.words for remark in remarks(history) if remark.kind != "early"]
    if run.folder:
        command = "generate" if run.config.task.generates else "evaluate"
        said.append(f"seqtui {command} {run.folder.argument}")
    return " · ".join(said)


def loss_said(loss: float, unit: str) -> str:
    """Return a loss with its unit; nats also as bits."""
    kind, _, per = unit.partition(" per ")
    return f"{loss:.3f} nats ({loss / math.log(2):.3f} bits) per {per}" if kind == "nats" else f"{loss:.4g} {unit}"


class _Recent:
    """Sums of the loss and time of the steps since the last reading, which was after `tokens` tokens."""

    def __init__(self, tokens: int) -> None:
        self._count, self._loss, self._seconds, self._tokens = 0, 0.0, 0.0, tokens

    def add(self, loss: float, seconds: float) -> None:
        self._count, self._loss, self._seconds = self._count + 1, self._loss + loss, self._seconds + seconds

    def take(self, tokens: int) -> tuple[float, float] | None:
        """Return the mean loss and tokens/s, `tokens` being trained on by now, or None without a step; then reset."""
        count, loss, seconds, read = self._count, self._loss, self._seconds, tokens - self._tokens
        self._count, self._loss, self._seconds, self._tokens = 0, 0.0, 0.0, tokens
        return (loss / count, read / max(seconds, 1e-9)) if count else None
