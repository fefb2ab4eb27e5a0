"""`seqtui train`: training without the screen."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from seqcore.config import TASKS
from seqcore.errors import CorpusChanged, SeqError

from seqtui.cli.boundary import complain
from seqtui.cli.going_on import Shown, print_notes, said_over, to_the_end
from seqtui.cli.settings import (
    BY_NAME,
    DEFAULT_STEPS,
    ENDS,
    FREE_ON_RESUME,
    SETTINGS,
    TASK_OPTIONS,
    Chosen,
    choose,
    flag_named,
    flags_named,
    read_file,
    said,
    setting_options,
    value_said,
)

if TYPE_CHECKING:
    from seqcore.run import Run


@click.command(
    "train",
    epilog="""\b
Examples:
  seqtui train tales                             the sample corpus, 2000 steps
  seqtui train book.txt --hidden 512 --minutes 5
  seqtui train tunes --preset good               tunes in ABC notation, the task music
  seqtui train tales --preset good --json > metrics.jsonl
  cat *.txt | seqtui train - --out runs/mine
  seqtui train --resume --out tales-lstm256-1 --steps 5000""",
)
@click.argument("corpus", required=False)
@setting_options()
@click.option("--task", type=click.Choice(TASKS), help="Task of the model.  [default: that of CORPUS]")
@click.option("--text-column", metavar="NAME", help="Tables: column of the texts.  [default: by its name]")
@click.option("--label-column", metavar="NAME", help="Tables: column of the labels.  [default: by its name]")
@click.option("--columns", metavar="NAMES", help="Tables: columns of numbers, separated by commas.  [default: all]")
@click.option(
    "--sequence-column",
    metavar="NAME",
    help="Tables: column that names the sequence of each row, or none.  [default: by its values]",
)
@click.option("--source-column", metavar="NAME", help="Pairs: column of the sources.  [default: by its name]")
@click.option("--target-column", metavar="NAME", help="Pairs: column of the targets.  [default: by its name]")
@click.option("--reverse-source", is_flag=True, help="Pairs: read sources backwards (Sutskever et al. 2014).")
@click.option(
    "--patch",
    type=click.IntRange(1),
    metavar="N",
    help="Pictures: side of a patch in pixels; patches overlap by half.  [default: half the shorter side]",
)
@click.option("--skip-bad-rows", is_flag=True, help="Tables: leave out malformed rows, and count them.")
@click.option("--preset", type=str, metavar="NAME", help="Settings with known results: quick, good, best, nanogpt.")
@click.option(
    "--config", type=str, metavar="FILE.toml", help="Read settings from a file; keys are the names of these flags."
)
@click.option("--encoding", help="Encoding of the text.  [default: utf-8]")
@click.option("--threads", type=int, help="Number of threads.  [default: as many as are fastest]")
@click.option("--out", metavar="DIR", help="Folder of the run.  [default: a new one, see seqtui runs]")
@click.option("--resume", is_flag=True, help="Resume the run in --out (a folder or the name of a run).")
@click.option(
    "--corpus-changed-ok",
    is_flag=True,
    help="With --resume: accept a corpus that has changed, and keep the run's vocabulary.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print metrics as JSON, one object per line; progress goes to stderr."
)
@click.option("--quiet", is_flag=True, help="Print only the last line, on stderr.")
@click.pass_context
def command(ctx: click.Context, /, corpus: str | None, **_: Any) -> None:
    """Train a model on CORPUS: a sample corpus, a text file, a folder of them, or - for standard input.

    Without --steps, --tokens or --minutes it ends after 2000 steps; with several, at the first of them. Flags win over
    --config, which wins over --preset. Ctrl+C saves and prints how to resume.
    """
    flags = said(ctx)
    chosen = _chosen(flags, corpus or "")
    if ctx.params["resume"]:
        run = _resumed(chosen, corpus, ctx.params["corpus_changed_ok"])
    elif ctx.params["corpus_changed_ok"]:
        raise click.UsageError("--corpus-changed-ok goes with --resume")
    elif corpus is None:
        raise click.UsageError("train needs a CORPUS: try seqtui train tales, or seqtui corpora for what there is")
    else:
        run = _started(chosen, corpus)
    try:
        how = Shown(chosen.other.get("threads"), ctx.params["as_json"], ctx.params["quiet"])
        if not (ctx.params["resume"] and said_over(run, how)):
            to_the_end(run, how)
    finally:
        run.close()


def _chosen(flags: dict[str, Any], corpus: str) -> Chosen:
    file = read_file(Path(flags["config"])) if "config" in flags else {}
    try:
        chosen = choose(flags, file, corpus)
    except SeqError as error:  # an unknown preset
        raise click.UsageError(str(error)) from None
    if "threads" in chosen.other:
        from seqtui.cli.kernels import use_threads

        use_threads(chosen.other["threads"])  # before a corpus is read and a folder made
    return chosen


def _started(chosen: Chosen, source: str) -> "Run":
    """Create a new run. Raises UsageError, SeqError."""
    from seqcore.tasks.table import check_options, guess_said, guessed, task_named

    encoding = chosen.other.get("encoding", "utf-8")
    task = task_named(chosen.other["task"]) if "task" in chosen.other else guessed(source, encoding)
    guess = "" if "task" in chosen.other else guess_said(source, task)
    options = {key: chosen.other[key] for key in TASK_OPTIONS if key in chosen.other}
    try:
        check_options(task, options)
    except SeqError as error:
        raise click.UsageError(str(error)) from None
    model, training = chosen.validated(task.defaults(source), task.fixed, task.decodes)
    from seqcore.data.corpus import read_corpus
    from seqcore.run import Run

    out = _out(chosen)
    if source == "-":
        _announce_standard_input()
    corpus = read_corpus(source, encoding=encoding, as_bytes=training.tokens_by == "byte")
    try:
        run = Run.start(model, training, corpus, Path(out) if out is not None else None, task=task, options=options)
    except SeqError as error:
        if line := flag_named(str(error)):
            raise click.UsageError(line) from None
        raise SeqError(f"{error}; {guess}" if guess else str(error)) from None
    if guess:
        complain(guess)
    print_notes(run)
    return run


def _out(chosen: Chosen) -> str | None:
    """Return --out, with ~ expanded, as in a file or in --out=~/run, where the shell does not."""
    out = chosen.other.get("out")
    return os.path.expanduser(out) if out is not None else None


def _announce_standard_input() -> None:
    import sys

    if sys.stdin is not None and sys.stdin.isatty():
        click.echo("reading the corpus from the keyboard: end it with Ctrl+D", err=True)


def _resumed(chosen: Chosen, source: str | None, changed_ok: bool) -> "Run":
    """Resume the run in --out, with the settings that may change. Raises UsageError, SeqError."""
    out = _out(chosen)
    if out is None:
        raise click.UsageError("--resume needs --out RUN, the run to resume: seqtui runs lists them")
    from seqcore.folder import RunFolder
    from seqcore.run import Run

    folder = RunFolder.find(out)
    config = folder.config()
    now = config.model.to_dict() | config.training.to_dict() | {"encoding": config.corpus.encoding}
    for key, value in (chosen.model | chosen.training | _encoding(chosen)).items():
        name = next((setting.name for setting in SETTINGS if setting.key == key), key)
        if name not in FREE_ON_RESUME and now[key] != value:
            asked, has = value_said(key, value), value_said(key, now[key])
            raise click.UsageError(f"--{name} {asked}: this run has {has}, and --resume cannot change it")
    changes = {BY_NAME[name].key: chosen.training[BY_NAME[name].key] for name in FREE_ON_RESUME
               if BY_NAME[name].key in chosen.training}  # fmt: skip
    if any(end in changes for end in ENDS):
        changes = dict.fromkeys(ENDS) | changes
    with flags_named():
        config.training.changed(**changes)
    corpus = None if source is None else config.read_corpus(source)
    changes = {key: value for key, value in changes.items() if now[key] != value}
    try:
        run = Run.resume(folder, corpus, changed_ok, **changes)
    except CorpusChanged as error:
        line = f"{error}: start a new run, or add --corpus-changed-ok to continue with the vocabulary of this one"
        raise (SeqError(line) if corpus is None else click.UsageError(line)) from None
    print_notes(run)
    return run


def _encoding(chosen: Chosen) -> dict[str, Any]:
    return {"encoding": chosen.other["encoding"]} if "encoding" in chosen.other else {}


assert DEFAULT_STEPS == 2000  # the help says so
