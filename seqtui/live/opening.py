"""Which run a session opens first, and how a new run follows the one on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqtui.live.about import TaskInfo
from seqtui.live.snapshot import BOTH_WAYS, FED, ModelChoice

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.tasks.task import Task

CHECKPOINT_EVERY = 1000  # steps
VALIDATION_SHARE = 0.05  # of training time, approximately
_SAMPLED = 100  # steps over which the size of a batch is averaged


@dataclass(frozen=True)
class Opening:
    """What to open: a run by name or folder (`run`), or a new run of `choice` on `source`.

    With `run`, `source` is the new path of its corpus ("" if it has not moved), and `changed_ok` accepts a corpus that
    has changed. `tokens_by`, `task` and its `options` are for `source`; None leaves them to the task or the corpus.
    """

    source: str
    choice: ModelChoice
    run: str | None
    encoding: str
    tokens_by: str | None
    seed: int
    keep: bool
    changed_ok: bool
    task: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def first_run(self) -> Run:
        """Return the run to begin with. Raises SeqError."""
        from seqcore.errors import CorpusChanged, SeqError
        from seqcore.folder import RunFolder
        from seqcore.run import Run

        if self.run is None:
            return self.new_run(self.source, self.choice, None)
        folder = RunFolder.find(self.run)
        corpus = folder.config().read_corpus(self.source) if self.source else None
        try:
            return Run.resume(folder, corpus, self.changed_ok)
        except CorpusChanged as error:
            line = f"{error}: start a new run, or reopen this one with --corpus-changed-ok to keep its vocabulary"
            raise SeqError(line) from None

    def new_run(self, source: str, choice: ModelChoice, before: Run | None) -> Run:
        """Return a new run of `choice` on `source`; it keeps settings of the run `before`. Raises SeqError."""
        from seqcore.config import TrainingConfig
        from seqcore.data.corpus import read_corpus
        from seqcore.run import Run

        task, options = self._task(source, self.encoding if before is None else before.corpus.encoding)
        model, fields = self._settings(task, source, choice, before)
        model = {name: value for name, value in model.items() if name not in choice.across()}
        across = choice.across() if task.decodes else {}
        model |= {name: value for name, value in across.items() if name not in task.fixed}
        training = TrainingConfig(**fields)
        encoding = self.encoding if before is None else before.corpus.encoding
        if before is not None and source == before.corpus.source:
            corpus = before.corpus  # standard input, for one, cannot be read twice
            task = type(before.config.task)
            options = {name.replace("_", "-"): value for name, value in before.config.task.settings().items()}
            if (scale := getattr(before.config.task, "scale", None)) is not None:
                options["columns"] = list(scale.names)
        else:
            corpus = read_corpus(source, encoding=encoding, as_bytes=training.tokens_by == "byte")
        run = Run.start(model, training, corpus, keep=self.keep, task=task, options=options)
        run.go_on(training.changed(eval_every=validate_every(run), checkpoint_every=CHECKPOINT_EVERY))
        return run

    def _task(self, source: str, encoding: str) -> tuple[type[Task], Mapping[str, Any]]:
        """Return the task for a corpus, and its options. Raises SeqError."""
        from seqcore.tasks.table import check_options, guessed, task_named

        mine = source == self.source
        task = task_named(self.task) if mine and self.task else guessed(source, encoding)
        options = self.options if mine else {}
        check_options(task, options)
        return task, options

    def _settings(
        self, task: type[Task], source: str, choice: ModelChoice, before: Run | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the fields of `ModelConfig` and `TrainingConfig` for the next run."""
        from seqcore.config import VOCABULARY_LIMIT

        from seqtui.live.following import decided, following, on_another_task

        own = task.defaults(source)
        asked: dict[str, Any] = {"tokens_by": self.tokens_by} if self.tokens_by and source == self.source else {}
        if self.tokens_by in VOCABULARY_LIMIT and asked:
            asked["vocabulary_limit"] = VOCABULARY_LIMIT[self.tokens_by]
        if before is not None and isinstance(before.config.task, task):
            model, fields = following(choice, before.config.model, before.config.training)
            return decided(model, fields, {name: value for name, value in own.items() if name in task.fixed})
        if before is not None:
            model, fields = on_another_task(choice, own | asked, before.config.model, before.config.training)
        elif own:
            model, fields = on_another_task(choice, own | asked, None, None)
        else:
            model, fields = following(choice, None, None)
            fields = asked | fields
        if before is None:
            fields |= {"seed": self.seed}
        return model, {name: value for name, value in fields.items() if name not in task.fixed or name in own}


def validate_every(run: Run) -> int:
    """Return the steps between validations: one costs a third of training on as many timesteps."""
    step = run.trainer.feed.tokens(_SAMPLED) / _SAMPLED
    every = run.data.held_out_steps / (3 * VALIDATION_SHARE * max(1.0, step))
    return max(50, 50 * round(every / 50))


def has_passages(run: Run) -> bool:
    """Return whether the held-out part of a run is one text, of which passages are read."""
    return not run.data.example_lengths.size


def choice_of(run: Run) -> ModelChoice:
    """Return the choice that describes the model of a run."""
    shape, training = run.config.model, run.config.training
    return ModelChoice(
        shape.family, shape.hidden, shape.layers, shape.dropout, training.batch, training.length, shape.activation,
        shape.heads, shape.positions, (shape.cross_attention if shape.decodes else "") or "general",
        BOTH_WAYS if shape.bidirectional else "one way", FED if shape.input_feeding else "none", shape.context,
    )  # fmt: skip


def task_of(run: Run) -> TaskInfo:
    """Return what a screen needs to know of the task of a run."""
    task, vocabulary, data = run.config.task, run.vocabulary, run.data
    passages = has_passages(run)
    return TaskInfo(
        task.name, task.pane, task.unit(vocabulary), task.loss_unit(vocabulary), task.input_unit(vocabulary),
        vocabulary.size > 0, task.generates, passages, () if task.decodes else task.classes, task.measures, task.fixed,
        task.dial,
        int(data.example_lengths.size),
        task.decodes,
        None if passages else (data.lengths(run.config.training), *data.held_out_shape(run.config.model)),
    )  # fmt: skip
