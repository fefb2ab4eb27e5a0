"""`seqtui import`: a run made from exported weights, also after PyTorch trained them further."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.settings import ENDS, SETTINGS, Chosen, choose, flags_named, said, setting_options

if TYPE_CHECKING:
    from seqcore.config import TrainingConfig
    from seqcore.data.corpus import Corpus
    from seqcore.data.vocabulary import Vocabulary
    from seqcore.folder import RunFolder

_TOLD_BY_THE_FILE = ("tokens_by", "vocabulary_limit")
_TRAINING = [setting.name for setting in SETTINGS if not setting.of_model and setting.key not in _TOLD_BY_THE_FILE]


@click.command(
    "import",
    epilog="""\b
Examples:
  seqtui import tales.safetensors --name tales-again
  seqtui import tuned.safetensors --like tales-lstm256-1   saved by PyTorch, which forgets what the tokens are
  seqtui import tales.npz --corpus tales --lr 0.001        to be trained on with train --resume""",
)
@click.argument("file")
@click.option("--like", metavar="RUN", help="The run that FILE was exported from, where FILE does not tell its model.")
@click.option("--name", help="What the run is called.  [default: after FILE]")
@click.option("--out", metavar="DIR", help="The run's folder.  [default: a new one, see seqtui runs]")
@click.option("--corpus", metavar="CORPUS", help="What it may be trained on, and is measured on.  [default: as --like]")
@click.option("--encoding", default="utf-8", show_default=True, help="What CORPUS is written in.")
@setting_options(*_TRAINING)
@click.pass_context
def command(ctx: click.Context, /, file: str, like: str | None, name: str | None, out: str | None, **_: Any) -> None:
    """Make a run of the weights in FILE: safetensors or .npz of seqtui export, or what PyTorch saved of the former.

    Every command can use it. To train on, it needs a corpus; the settings below are for that.
    """
    from seqcore.exchange.importing import import_run, read_weights

    from seqtui.called import called
    from seqtui.cli.terminal import plural

    if name is not None and out is not None:
        raise click.UsageError("--name and --out both say where the run goes: leave one out")
    source, encoding = ctx.params["corpus"], ctx.params["encoding"]
    if encoding != "utf-8" and source is None:
        raise click.UsageError("--encoding goes with --corpus")
    chosen = choose(said(ctx), {})
    other = _run_like(like)
    training = _training(chosen, other)
    path = _place(name, out)
    told = None if other is None else (other.config().model, other.config().vocabulary)
    contents = read_weights(Path(file), told)
    corpus = _corpus(source, encoding, other, contents.vocabulary)
    folder = import_run(contents, training, corpus, Path(file).stem, path)
    model = contents.config
    count = plural(sum(array.size for array in contents.arrays.values()), "parameter")
    click.echo(f"{folder.name}: {model.family} {model.layers}×{model.hidden}, {count}")
    click.echo(f"seqtui generate {called(folder.path)} lets it write")


def _run_like(like: str | None) -> "RunFolder | None":
    from seqcore.folder import RunFolder

    return None if like is None else RunFolder.find(like)


def _training(chosen: Chosen, other: "RunFolder | None") -> "TrainingConfig":
    """The settings said, over those of the run it is like. Raises UsageError."""
    if other is None:
        return chosen.validated()[1]
    changes = dict(chosen.training)
    if any(end in changes for end in ENDS):
        changes = dict.fromkeys(ENDS) | changes
    training = other.config().training
    with flags_named():
        return training.changed(**changes)


def _place(name: str | None, out: str | None) -> Path | None:
    """The folder that was asked for; None where the next free name will do. Raises UsageError, SeqError."""
    from seqcore.data.quoting import quoted
    from seqcore.errors import SeqError
    from seqcore.folder import runs_root

    if name is None:
        return None if out is None else Path(os.path.expanduser(out))
    if not name.isprintable() or name.strip(". ") == "" or any(c in name for c in '/\\:*?"<>|'):
        raise click.UsageError(f"--name {quoted(name)} is no name of a folder: take letters, digits, - and _")
    path = runs_root() / name
    if os.path.lexists(path):
        raise SeqError(f"there is a run {quoted(name)} already: give another --name")
    return path


def _corpus(source: str | None, encoding: str, other: "RunFolder | None", vocabulary: "Vocabulary") -> "Corpus | None":
    """The corpus said, or that of the run it is like, if that is still there. Raises SeqError."""
    from seqcore.data.corpus import read_corpus
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain

    if source is not None:
        return read_corpus(source, encoding=encoding, as_bytes=vocabulary.kind == "byte")
    if other is None:
        return None
    try:
        return other.corpus(other.config())
    except SeqError as error:
        complain(f"{error}: going without a corpus")
        return None
