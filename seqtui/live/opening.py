"""Which run a session opens first, and how a new run follows the one on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqtui.live.snapshot import ModelChoice

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.tasks.language import TokenData

CHECKPOINT_EVERY = 1000  # steps
_LANGUAGE_ONLY = "the screen shows language models only"
VALIDATION_SHARE = 0.05  # of training time, approximately


@dataclass(frozen=True)
class Opening:
    """What to open: a run by name or folder (`run`), or a new run of `choice` on `source`.

    With `run`, `source` is the new path of its corpus ("" if it has not moved), and `changed_ok` accepts a corpus that
    has changed.
    """

    source: str
    choice: ModelChoice
    run: str | None
    encoding: str
    tokens_by: str
    seed: int
    keep: bool
    changed_ok: bool

    def first_run(self) -> Run:
        """Return the run to begin with. Raises SeqError."""
        from seqcore.errors import CorpusChanged, SeqError
        from seqcore.folder import RunFolder
        from seqcore.run import Run

        if self.run is None:
            return self.new_run(self.source, self.choice, None)
        folder = RunFolder.find(self.run)
        corpus = folder.config().read_corpus(self.source) if self.source else None
        if not folder.config().task.generates:
            name = folder.argument
            raise SeqError(f"{_LANGUAGE_ONLY}: use seqtui evaluate {name}, or seqtui inspect {name} --text TEXT")
        try:
            return Run.resume(folder, corpus, self.changed_ok)
        except CorpusChanged as error:
            line = f"{error}: start a new run, or reopen this one with --corpus-changed-ok to keep its vocabulary"
            raise SeqError(line) from None

    def new_run(self, source: str, choice: ModelChoice, before: Run | None) -> Run:
        """Return a new run of `choice` on `source`; it keeps settings of the run `before`. Raises SeqError."""
        from seqcore.config import VOCABULARY_LIMIT, TrainingConfig
        from seqcore.data.corpus import read_corpus
        from seqcore.errors import SeqError
        from seqcore.run import Run
        from seqcore.tasks.table import is_language

        from seqtui.live.following import following

        if not is_language(source):
            raise SeqError(f"{_LANGUAGE_ONLY}: train on this with seqtui train {source.removeprefix('sample:')}")
        asked: dict[str, Any] = {"tokens_by": self.tokens_by, "seed": self.seed}
        encoding = self.encoding
        if before is not None:
            encoding, asked["tokens_by"] = before.corpus.encoding, before.config.training.tokens_by
        if asked["tokens_by"] in VOCABULARY_LIMIT:
            asked["vocabulary_limit"] = VOCABULARY_LIMIT[asked["tokens_by"]]
        if before is not None and source == before.corpus.source:
            corpus = before.corpus  # standard input, for one, cannot be read twice
        else:
            corpus = read_corpus(source, encoding=encoding, as_bytes=asked["tokens_by"] == "byte")
        shape, earlier = (before.config.model, before.config.training) if before is not None else (None, None)
        model, fields = following(choice, shape, earlier)
        training = TrainingConfig(**asked | fields)
        held_out = len(corpus.data) * training.validation
        # A validation costs a third of training on as many tokens.
        every = held_out / (3 * VALIDATION_SHARE * training.batch * training.length)
        paced = training.changed(eval_every=max(50, 50 * round(every / 50)), checkpoint_every=CHECKPOINT_EVERY)
        return Run.start(model, paced, corpus, keep=self.keep)


def text_of(run: Run) -> TokenData:
    """Return the text that a run of a session is on; `Opening` opens no others."""
    from seqcore.tasks.language import TokenData

    assert isinstance(run.data, TokenData)
    return run.data


def choice_of(run: Run) -> ModelChoice:
    """Return the choice that describes the model of a run."""
    shape, training = run.config.model, run.config.training
    return ModelChoice(
        shape.family, shape.hidden, shape.layers, shape.dropout, training.batch, training.length, shape.activation,
        shape.heads, shape.positions, shape.context,
    )  # fmt: skip
