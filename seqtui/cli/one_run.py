"""One run as `seqtui runs NAME` shows it: settings, loss curves, checkpoints, and the commands that use it."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from seqcore.checkpoint import checkpoint_steps
from seqcore.config import RECURRENT, ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.folder import RunFolder, list_runs
from seqcore.health.verdict import verdict
from seqcore.history import HistoryLog
from seqcore.model import parameter_count
from seqcore.naming import described
from seqcore.records import F32, History
from seqcore.run_config import RunConfig
from seqcore.tasks.table import as_json

from seqtui.cli.boundary import complain
from seqtui.cli.terminal import ago, console, duration, facts, plural, size
from seqtui.tui.widgets.cells import BARS

CURVE = 48  # columns of a sparkline
_TOLD = 6  # checkpoints
STEPS_MORE = 2  # times as many steps, in the command that resumes a finished run


@dataclass(frozen=True)
class _Run:
    """What is known of a run without loading the engine's kernels."""

    folder: RunFolder
    config: RunConfig
    lines: list[dict[str, Any]]  # of metrics.jsonl
    history: History
    steps: list[int]  # of the checkpoints, newest first
    best: tuple[int, float | None] | None  # step and validation loss of the best checkpoint

    @staticmethod
    def read(folder: RunFolder) -> "_Run":
        """Read a run. Raises SeqError if its config.json is damaged."""
        config, lines = folder.config(), list(folder.metrics())
        best = None
        try:
            found = folder.best()
            if found is not None:
                best = found.numbers["steps"], found.numbers.get("validation_loss")
        except SeqError as error:
            complain(str(error))
        history = HistoryLog.of(lines).record()
        return _Run(folder, config, lines, history, checkpoint_steps(folder.path), best)

    @property
    def step(self) -> int:
        """The step of the newest checkpoint."""
        return self.steps[0] if self.steps else 0

    def last(self, key: str) -> float | None:
        """The newest value in the metrics."""
        return next((line[key] for line in reversed(self.lines) if isinstance(line.get(key), int | float)), None)

    @property
    def finished(self) -> bool:
        """Whether the run has reached its last step."""
        last = self.config.training.last_step()
        return last is not None and self.step >= last

    @property
    def commands(self) -> dict[str, str]:
        """What to type to reopen, resume and use the run."""
        name = self.folder.argument
        more = f" --steps {STEPS_MORE * self.step}" if self.finished else ""
        best = " --at best" if self.best else ""
        said = {"reopen": f"seqtui --run {name}"} if self.config.task.generates else {}
        said |= {"resume": f"seqtui train --resume --out {name}{more}"}
        if self.config.task.generates:
            said |= {"generate": f"seqtui generate {name}{best}"}
        return said | {
            "evaluate": f"seqtui evaluate {name}{best}",
        }


def run_as_json(folder: RunFolder) -> dict[str, Any]:
    """Return a run as a JSON object; unknown fields are absent. Raises SeqError."""
    run = _Run.read(folder)
    config, history = run.config, run.history
    entry: dict[str, Any] = {
        "name": folder.name,
        "path": str(folder.path),
        "corpus": config.corpus.to_dict(),
        "model": config.model.to_dict() | {"described": described(config.model)},
        "parameters": parameter_count(config.model),
        "training": config.training.to_dict(),
        "task": as_json(config.task),
        "finished": run.finished,
        "checkpoints": sorted(run.steps),
        "commands": run.commands,
        "train_loss": [[int(s), float(v)] for s, v in zip(history.step, history.train_loss, strict=True)],
        "validation_loss": [
            [int(s), float(v)] for s, v in zip(history.validation_step, history.validation_loss, strict=True)
        ],
    }
    if config.parent is not None:
        entry["parent"] = config.parent._asdict()
    if forks := children(folder.name):
        entry["forks"] = [{"run": name, "step": step} for name, step in forks]
    if run.steps:
        entry["step"] = run.step
    if run.lines:
        entry["verdict"] = verdict(run.history)
    if run.best:
        entry["best"] = {"step": run.best[0]} | ({"validation_loss": run.best[1]} if run.best[1] is not None else {})
    for key in ("tokens", "seconds"):
        if (value := run.last(key)) is not None:
            entry[key] = value
    return entry | folder.on_disk()


def print_run(folder: RunFolder) -> None:
    """Print a run for people. Raises SeqError."""
    run = _Run.read(folder)
    disk = folder.on_disk()
    rows = [
        ("run", f"{folder.name} · {size(disk['bytes'])} in {folder.path} · changed {ago(disk['changed'])}"),
        ("corpus", _corpus(run.config)),
        ("task", _task(run.config)),
        ("model", _model(run.config.model)),
        ("training", _training(run.config)),
        ("progress", _progress(run)),
        *_curves(run),
        *([("verdict", verdict(run.history))] if run.lines else []),
        ("checkpoints", _checkpoints(run)),
        *_family(run),
        ("", ""),
        *run.commands.items(),
    ]
    facts(console(), rows)


def _family(run: _Run) -> list[tuple[str, str]]:
    """Return the run that this one was forked from, and those that were forked from it, if there are any."""
    parent, rows = run.config.parent, []
    if parent is not None:
        rows.append(("parent", f"{parent.run}, step {parent.step:,}"))
    forks = [f"{name} at {step:,}" for name, step in children(run.folder.name)]
    return rows + ([("forks", ", ".join(forks))] if forks else [])


def children(name: str) -> list[tuple[str, int]]:
    """Return the runs that were forked from the one of that name, and at which step, by step."""
    found = []
    for folder in list_runs():
        with contextlib.suppress(SeqError):
            parent = folder.config().parent
            if parent is not None and parent.run == name:
                found.append((folder.name, parent.step))
    return sorted(found, key=lambda one: (one[1], one[0]))


def _corpus(config: RunConfig) -> str:
    corpus, unit = config.corpus, config.task.input_unit(config.vocabulary)
    if not corpus.source:
        return "none: imported without one"
    gone = os.path.isabs(corpus.source) and not os.path.lexists(corpus.source)
    parts = [
        f"{corpus.name} ({corpus.source}{': no longer there' if gone else ''})",
        *([f"{corpus.size:,} bytes"] if corpus.size is not None else []),
        f"by {unit}" + (f", vocabulary of {config.vocabulary.size:,}" if config.vocabulary.size else ""),
    ]
    return " · ".join(parts)


def _model(model: ModelConfig) -> str:
    parts = [described(model), plural(parameter_count(model), "parameter")]
    if model.family in (*RECURRENT, "feedforward"):
        one_hot = f"{model.inputs} real inputs" if model.inputs else "one-hot input"
        parts.append(f"embedding {model.embedding}" if model.embedding else one_hot)
    if model.family == "attention":
        parts.append(f"{model.heads} heads, context {model.context}, {model.positions} positions")
    if model.dropout:
        parts.append(f"dropout {model.dropout:g}")
    if model.decodes:
        parts.append(f"cross-attention {model.cross_attention}")
        parts += ["bidirectional"] if model.bidirectional else []
        parts += ["input feeding"] if model.input_feeding else []
    return " · ".join(parts)


def _task(config: RunConfig) -> str:
    settings = [f"{name.replace('_', ' ')} {value}" for name, value in config.task.settings().items()
                if value and not isinstance(value, list | dict)]  # fmt: skip
    return " · ".join([f"{config.task.name}, {config.task.form}", *settings])


def _forcing(training: TrainingConfig) -> list[str]:
    first, last = training.teacher_forcing, training.final_teacher_forcing
    if last in (None, first):
        return [f"teacher forcing {first:g}"] if first < 1 else []
    return [f"teacher forcing {first:g} to {last:g}"]


def _training(config: RunConfig) -> str:
    training = config.training
    text = "sampling" not in config.task.fixed
    parts = [
        f"batch {training.batch} × {training.length} ({training.sampling})" if text else f"batch {training.batch}",
        f"learning rate {training.learning_rate:g} {training.schedule}, warm-up {training.warmup_steps:,}",
        *([f"weight decay {training.weight_decay:g}"] if training.weight_decay else []),
        f"clip {training.clip:g}" if training.clip else "no clipping",
        *([f"label smoothing {training.label_smoothing:g}"] if training.label_smoothing else []),
        *_forcing(training),
        *([f"{training.validation:.0%} held out"] if "validation" not in config.task.fixed else []),
        f"seed {training.seed}",
    ]
    return " · ".join(parts)


def _progress(run: _Run) -> str:
    last, training = run.config.training.last_step(), run.config.training
    parts = [f"step {run.step:,}" + (f" of {last:,}" if last is not None else "")]
    if last is None and training.minutes is not None:
        parts[0] += f", until {training.minutes:g} minutes"
    tokens, seconds = run.last("tokens"), run.last("seconds")
    if tokens is not None and seconds:
        unit = run.config.task.input_unit(run.config.vocabulary)
        parts += [f"{duration(seconds)} of training", f"{tokens / seconds:,.0f} {unit}s per second"]
    return " · ".join(parts)


def _curves(run: _Run) -> list[tuple[str, str]]:
    unit, rows = run.config.task.loss_unit(run.config.vocabulary), []
    for name, losses in (("train", run.history.train_loss), ("validation", run.history.validation_loss)):
        if losses.size:
            ends = f"{losses[0]:.3f} → {losses[-1]:.3f}" if losses.size > 1 else f"{losses[-1]:.3f}"
            rows.append((f"{name} loss", f"{sparkline(losses)}  {ends} {unit}"))
    return rows or [("loss", "no metrics yet")]


def sparkline(values: F32, columns: int = CURVE) -> str:
    """Return values (N,) as a line of bars: each column the mean of its share, from the lowest to the highest."""
    parts = np.array_split(values[np.isfinite(values)].astype(np.float64), min(columns, values.size))
    means = [float(part.mean()) for part in parts if part.size]
    if not means:
        return ""
    low, high = min(means), max(means)
    levels = len(BARS) - 2  # the lowest bar is not blank
    return "".join(BARS[1 + round((mean - low) / (high - low) * levels) if high > low else 1] for mean in means)


def _checkpoints(run: _Run) -> str:
    said: Sequence[str] = [f"{step:,}" for step in sorted(run.steps)]
    if len(said) > _TOLD:
        said = [said[0], f"… {len(said) - _TOLD} more …", *said[1 - _TOLD :]]
    kept = ", ".join(said).replace("…, ", "… ").replace(", …", " …") or "none"
    if run.best is None:
        return kept
    step, loss = run.best
    return f"{kept} · best {step:,}" + (f" (validation {loss:.3f})" if loss is not None else "")
