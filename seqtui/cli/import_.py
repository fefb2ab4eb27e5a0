"""`seqtui import`: a run made from exported weights, also after PyTorch trained them further."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.settings import DEFAULT_STEPS, ENDS, SETTINGS, Chosen, choose, flags_named, said, setting_options

if TYPE_CHECKING:
    from seqcore.config import ModelConfig, TrainingConfig
    from seqcore.data.corpus import Corpus
    from seqcore.folder import RunConfig, RunFolder

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
    from seqcore.folder import RunFolder
    from seqcore.naming import described

    from seqtui.called import called
    from seqtui.cli.terminal import plural

    if name is not None and out is not None:
        raise click.UsageError("--name and --out both say where the run goes: leave one out")
    source, encoding = ctx.params["corpus"], ctx.params["encoding"]
    if encoding != "utf-8" and source is None:
        raise click.UsageError("--encoding goes with --corpus")
    chosen = choose(said(ctx), {})
    known = None if like is None else RunFolder.find(like)
    other = None if known is None else known.config()
    path = _place(name, out)
    contents = read_weights(Path(file), None if other is None else (other.model, other.vocabulary))
    training = _training(chosen, contents.config, other)
    corpus = _corpus(source, encoding, contents.vocabulary.kind, known)
    folder = import_run(contents, training, corpus, Path(file).stem, path)
    count = plural(sum(array.size for array in contents.arrays.values()), "parameter")
    click.echo(f"{folder.name}: {described(contents.config)}, {count}")
    click.echo(f"seqtui generate {called(folder.path)} lets it write")


def _training(chosen: Chosen, model: "ModelConfig", other: "RunConfig | None") -> "TrainingConfig":
    """The settings said, over those of the run it is like, or over the family's. Raises UsageError."""
    from seqcore.config import TrainingConfig
    from seqcore.presets import with_defaults

    changes = dict(chosen.training)
    if other is not None and any(end in changes for end in ENDS):
        changes = dict.fromkeys(ENDS) | changes
    with flags_named():
        if other is not None:
            return other.training.changed(**changes)
        if not any(end in changes for end in ENDS):
            changes["steps"] = DEFAULT_STEPS
        return TrainingConfig(**with_defaults(model.to_dict(), changes)[1])


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


def _corpus(source: str | None, encoding: str, kind: str, known: "RunFolder | None") -> "Corpus | None":
    """The corpus said, or that of the run it is like, if that is still there. Raises SeqError."""
    from seqcore.data.corpus import read_corpus
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain

    if source is not None:
        return read_corpus(source, encoding=encoding, as_bytes=kind == "byte")
    if known is None:
        return None
    try:
        return known.corpus(known.config())
    except SeqError as error:
        complain(f"{error}: going without a corpus")
        return None
