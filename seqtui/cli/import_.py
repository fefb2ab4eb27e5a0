"""`seqtui import`: create a run from exported weights, also after further training in PyTorch."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.settings import DEFAULT_STEPS, ENDS, SETTINGS, Chosen, choose, flags_named, said, setting_options

if TYPE_CHECKING:
    from seqcore.config import ModelConfig, TrainingConfig
    from seqcore.data.corpus import Corpus
    from seqcore.folder import RunFolder
    from seqcore.run_config import RunConfig
    from seqcore.tasks.task import Task

_TOLD_BY_THE_FILE = ("tokens_by", "vocabulary_limit")
_TRAINING = [setting.name for setting in SETTINGS if not setting.of_model and setting.key not in _TOLD_BY_THE_FILE]


@click.command(
    "import",
    epilog="""\b
Examples:
  seqtui import tales.safetensors --name tales-again
  seqtui import tuned.safetensors --like tales-lstm256-1   saved by PyTorch, without metadata
  seqtui import tales.npz --corpus tales --lr 0.001        continue with train --resume""",
)
@click.argument("file")
@click.option("--like", metavar="RUN", help="The run FILE was exported from; required if FILE has no metadata.")
@click.option("--name", help="Name of the run.  [default: based on FILE]")
@click.option("--out", metavar="DIR", help="Folder of the run.  [default: a new one, see seqtui runs]")
@click.option("--corpus", metavar="CORPUS", help="Corpus to train and evaluate on.  [default: as --like]")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of CORPUS.")
@setting_options(*_TRAINING)
@click.pass_context
def command(ctx: click.Context, /, file: str, like: str | None, name: str | None, out: str | None, **_: Any) -> None:
    """Create a run from the weights in FILE.

    FILE is a .safetensors or .npz file written by seqtui export, or a safetensors file that PyTorch saved from the
    exported module. The run works with every command; training it further needs a corpus (--corpus) and uses the
    settings below.
    """
    from seqcore.exchange.contents import Described
    from seqcore.exchange.importing import import_run, read_weights
    from seqcore.folder import RunFolder
    from seqcore.naming import described

    from seqtui.cli.terminal import plural

    if name is not None and out is not None:
        raise click.UsageError("--name and --out both set the run's folder: leave one out")
    source, encoding = ctx.params["corpus"], ctx.params["encoding"]
    if encoding != "utf-8" and source is None:
        raise click.UsageError("--encoding needs --corpus")
    chosen = choose(said(ctx), {})
    known = None if like is None else RunFolder.find(like)
    other = None if known is None else known.config()
    path = _place(name, out)
    contents = read_weights(Path(file), None if other is None else Described(other.model, other.vocabulary, other.task))
    training = _training(chosen, contents.config, other)
    corpus = _corpus(source, encoding, contents.vocabulary.kind, known)
    folder = import_run(contents, training, corpus, Path(file).stem, path)
    count = plural(sum(array.size for array in contents.arrays.values()), "parameter")
    click.echo(f"{folder.name}: {described(contents.config)}, {count}")
    click.echo(_use(contents.task, folder.argument))


def _use(task: "Task", run: str) -> str:
    """Return a line that says how to use the run."""
    from seqcore.tasks.generating import Answering

    if isinstance(task, Answering):
        return f"write the target of a source with: seqtui generate {run} --input TEXT"
    return f"generate text with: seqtui generate {run}" if task.generates else f"use it with: seqtui inspect {run}"


def _training(chosen: Chosen, model: "ModelConfig", other: "RunConfig | None") -> "TrainingConfig":
    """Apply the given settings to those of the --like run, or to the family's defaults. Raises UsageError."""
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
    """Return the requested folder; None to use the next free name. Raises UsageError, SeqError."""
    from seqcore.data.quoting import quoted
    from seqcore.errors import SeqError
    from seqcore.folder import runs_root

    if name is None:
        return None if out is None else Path(os.path.expanduser(out))
    if not name.isprintable() or name.strip(". ") == "" or any(c in name for c in '/\\:*?"<>|'):
        raise click.UsageError(f"--name {quoted(name)} is not a valid folder name: use letters, digits, - and _")
    path = runs_root() / name
    if os.path.lexists(path):
        raise SeqError(f"a run named {quoted(name)} already exists: give another --name")
    return path


def _corpus(source: str | None, encoding: str, kind: str, known: "RunFolder | None") -> "Corpus | None":
    """Return the given corpus, or that of the --like run if it is still available. Raises SeqError."""
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain
    from seqtui.cli.reading import read

    if source is not None:
        return read(source, encoding, as_bytes=kind == "byte")
    if known is None:
        return None
    try:
        return known.corpus(known.config())
    except SeqError as error:
        complain(f"{error}: importing without a corpus")
        return None
