"""A new run from a checkpoint of another one: the same model goes on, with other settings if that is asked for.

Where nothing is changed, the fork's next step is the parent's, byte for byte.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from seqcore.data.corpus import Corpus
from seqcore.errors import SeqError
from seqcore.folder import At, RunFolder
from seqcore.run import Run, check_room, run_label
from seqcore.run_config import Parent, RunConfig

FIXED = ("tokens_by", "vocabulary_limit", "validation", "beta1", "beta2")  # fields of `TrainingConfig` that stay
_FEEDING = ("batch", "length", "sampling", "seed")  # decide which examples a step reads


def fork(parent: RunFolder, at: At, corpus: Corpus | None = None, out: Path | None = None, **changes: Any) -> Run:
    """Return a run, in a folder of its own, that begins with the checkpoint `at` of another one.

    Args:
        parent: the folder of the other run; nothing in it changes.
        at: which of its checkpoints.
        corpus: another corpus for the same task, read with the parent's vocabulary; None: the parent's.
        out: the folder; None: the next free name.
        changes: fields of `TrainingConfig`, except for those of FIXED.

    Raises SeqError: no such checkpoint, a setting that cannot change, examples that the model cannot read, the disk;
    CorpusChanged: the parent's corpus is another one by now.
    """
    for name in FIXED:
        if name in changes:
            raise SeqError(
                f"{name.replace('_', ' ')}: a fork cannot change it, it belongs to what the model has learnt"
            )
    before = parent.config()
    checkpoint, step, notes = parent.checkpoint(at)
    read = parent.corpus(before) if corpus is None else corpus
    another = read.digest != before.corpus.digest
    config = before.on(read) if another or read.source != before.corpus.source else before
    run = Run(config, read, None)
    run.restore(checkpoint, step)
    if another:
        run.trainer.forget_state()
    run.config = _changed(run, another, changes, Parent(parent.name, step))
    run.folder = RunFolder.create(run.config, read, out, run_label(read, config.model))
    try:
        run.folder.lock()
        run.folder.take_from(parent, step)
        run.save()
        run.read_lines(step)
        run.find_best()
    except BaseException:
        run.folder.remove()
        raise
    run.notes += notes
    return run


def _changed(run: Run, another: bool, changes: dict[str, Any], parent: Parent) -> RunConfig:
    """Make the trainer of a restored run go on with other settings, and return its configuration. Raises SeqError.

    Where a step reads other examples than it would have, they count from this step on, as after a turn of the dial.
    """
    config, training = run.config, run.config.training.changed(**changes)
    refed = any(getattr(training, name) != getattr(config.training, name) for name in _FEEDING)
    turns = config.turns
    if another or refed:
        turns = (*turns, (run.trainer.steps, run.trainer.tokens))
        data = config.task.data(run.corpus, run.vocabulary, training)
        data.check(config.model)
        check_room(replace(config, training=training), data)
        run.trainer.turn(training, data)
        run.data = data
    run.trainer.retrain(training)
    return replace(config, training=training, turns=turns, parent=parent)
