"""Import of a weights file into a run folder that every command can use.

The folder holds one checkpoint, at step 0: the weights and a fresh optimiser state. A run without a corpus can
generate, be inspected and be exported like any other, but cannot be trained.
"""

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqcore.checkpoint import Checkpoint
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.npz import read_npz
from seqcore.exchange.torch_file import read_torch
from seqcore.folder import RunFolder
from seqcore.memory import check_memory
from seqcore.model import shapes
from seqcore.naming import described
from seqcore.parameters import Parameters
from seqcore.run_config import CorpusReference, RunConfig
from seqcore.tasks.language import TokenData
from seqcore.tasks.task import Data
from seqcore.trainer import Trainer

_NOTHING = Corpus("", "", b"")  # placeholder in the configuration of a run without a corpus


def read_weights(path: Path, like: Described | None = None) -> Contents:
    """Read the model in a file written by `seqtui export` (torch or npz), or saved by PyTorch.

    `like` describes the model if the file does not; if the file has them, its family and vocabulary
    must match. Raises SeqError if the file cannot be read, is invalid, or does not match `like`.
    """
    name = quoted(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SeqError(f"{name} is not a regular file: give one written by seqtui export")
        with path.open("rb") as file:
            head = file.read(4)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "invalid file name"
        raise SeqError(f"{name} cannot be read ({reason})") from None
    contents = read_npz(path) if head == b"PK\3\4" else read_torch(path, like)
    if (
        like is not None and contents.config.family != like.config.family
    ):  # its training settings are for another family
        found, other = described(contents.config), described(like.config)
        raise SeqError(f"{name} holds {found}, but the --like run is {other}: leave --like out")
    if like is not None and contents.vocabulary != like.vocabulary:
        raise SeqError(f"{name} has a different vocabulary than the --like run: leave --like out")
    return contents


def import_run(
    contents: Contents, training: TrainingConfig, corpus: Corpus | None, label: str, out: Path | None = None
) -> RunFolder:
    """Create a run folder at step 0 with these weights: `out`, or the next free name based on `label`.

    `corpus` is for further training; all its tokens must be in the vocabulary. Raises SeqError if they are not, if the
    corpus is too short, or if the folder is taken or cannot be written.
    """
    model, vocabulary, task = contents.described
    if vocabulary.size:
        training = replace(training, tokens_by=vocabulary.kind)
    parameters = Parameters(shapes(model))
    for name, view in parameters.items():
        view[:] = contents.arrays[name]
    data = _data(contents, training, corpus)
    check_memory(model, training)
    trainer = Trainer(model, training, data, parameters)
    reference = CorpusReference.of(corpus) if corpus else CorpusReference("", "", "utf-8", "")
    folder = RunFolder.create(RunConfig(model, training, reference, vocabulary, task), corpus or _NOTHING, out, label)
    try:
        folder.save(Checkpoint(trainer.state(), trainer.numbers()), 0)
    except SeqError:
        folder.remove()
        raise
    return folder


class _Nothing(TokenData):
    """In place of examples, for a model that is not trained."""

    def check(self, config: ModelConfig) -> None:
        """Accept models of any task."""


def _data(contents: Contents, training: TrainingConfig, corpus: Corpus | None) -> Data:
    """Return the examples of the corpus; without one, just enough zeros to construct a trainer. Raises SeqError."""
    vocabulary = contents.vocabulary
    if corpus is None:
        return _Nothing(np.zeros(training.batch * training.length + 1, np.int32), np.zeros(0, np.int32))
    try:
        if contents.task.generates:
            vocabulary.encode_corpus(corpus)  # raises if a symbol is unknown
        return contents.task.data(corpus, vocabulary, training)
    except SeqError as error:
        raise SeqError(f"the corpus {quoted(corpus.name)} does not fit this model: {error}") from None
