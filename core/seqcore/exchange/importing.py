"""From a file of weights to a run folder that every command can use.

The folder holds one checkpoint, of step 0: the weights, and an optimiser that has not moved yet. A run without a corpus
writes, reads and exports like any other, but cannot be trained on.
"""

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqcore.checkpoint import Checkpoint
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import Corpus, split_tokens
from seqcore.data.quoting import quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents
from seqcore.exchange.npz import read_npz
from seqcore.exchange.torch_file import read_torch
from seqcore.folder import CorpusReference, RunConfig, RunFolder
from seqcore.memory import check_memory
from seqcore.model import shapes
from seqcore.naming import described
from seqcore.parameters import Parameters
from seqcore.records import I32
from seqcore.trainer import Trainer

_NOTHING = Corpus("", "", b"")  # what the configuration of a run without a corpus refers to


def read_weights(path: Path, like: tuple[ModelConfig, Vocabulary] | None = None) -> Contents:
    """The model in a file that `seqtui export` wrote for PyTorch or NumPy, or that PyTorch saved.

    `like` tells shape and vocabulary where the file does not; where both do, vocabulary and family must agree.
    Raises SeqError.
    """
    name = quoted(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SeqError(f"{name} is no file: give one that seqtui export wrote")
        with path.open("rb") as file:
            head = file.read(4)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "no possible file name"
        raise SeqError(f"{name} cannot be read ({reason})") from None
    contents = read_npz(path) if head == b"PK\3\4" else read_torch(path, like)
    if like is not None and contents.config.family != like[0].family:  # its settings are for models of another kind
        found, other = described(contents.config), described(like[0])
        raise SeqError(f"{name} holds {found}, and the run it should be like is {other}: leave --like out")
    if like is not None and contents.vocabulary != like[1]:
        raise SeqError(f"{name} has another vocabulary than the run it should be like: leave --like out")
    return contents


def import_run(
    contents: Contents, training: TrainingConfig, corpus: Corpus | None, label: str, out: Path | None = None
) -> RunFolder:
    """A run folder at step 0 with those weights: `out`, or the next free name after `label`.

    `corpus` is what it may be trained on; its tokens must be in the vocabulary. Raises SeqError: they are not, it is
    too short, the folder is taken or cannot be written.
    """
    model, vocabulary = contents.config, contents.vocabulary
    training = replace(training, tokens_by=vocabulary.kind)
    parameters = Parameters(shapes(model))
    for name, view in parameters.items():
        view[:] = contents.arrays[name]
    train, validation = _tokens(vocabulary, training, corpus)
    check_memory(model, training)
    trainer = Trainer(model, training, train, validation, parameters)
    source = corpus or _NOTHING
    digest = source.digest if corpus else ""
    reference = CorpusReference(source.name, source.source, source.encoding, digest)
    folder = RunFolder.create(RunConfig(model, training, reference, vocabulary), source, out, label)
    try:
        folder.save(Checkpoint(trainer.state(), trainer.numbers()), 0)
    except SeqError:
        folder.remove()
        raise
    return folder


def _tokens(vocabulary: Vocabulary, training: TrainingConfig, corpus: Corpus | None) -> tuple[I32, I32]:
    """What to train on and what to validate on; without a corpus, just enough of nothing to make a trainer."""
    if corpus is None:
        return np.zeros(training.batch * training.length + 1, np.int32), np.zeros(0, np.int32)
    try:
        tokens = vocabulary.encode_corpus(corpus)
    except SeqError as error:
        raise SeqError(f"the corpus {quoted(corpus.name)} does not fit this model: {error}") from None
    return split_tokens(tokens, training.validation)
