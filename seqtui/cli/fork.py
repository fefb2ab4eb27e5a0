"""`seqtui fork`: a new run from a checkpoint of another one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from seqcore.errors import CorpusChanged, SeqError

from seqtui.cli.at import at_option
from seqtui.cli.going_on import Shown, print_notes, said_over, to_the_end
from seqtui.cli.settings import BY_NAME, ENDS, flag_named, flags_named, said, setting_options

if TYPE_CHECKING:
    from seqcore.folder import At
    from seqcore.run import Run

# Settings that a fork may have for itself: those of the training that the weights do not depend on.
FREE = (
    *ENDS, "batch", "length", "lr", "schedule", "warmup-steps", "final-rate", "label-smoothing", "teacher-forcing",
    "final-teacher-forcing", "weight-decay", "clip", "eval-every", "checkpoint-every", "keep-mb", "log-every", "seed",
)  # fmt: skip


@click.command(
    "fork",
    epilog="""\b
Examples:
  seqtui fork tales-lstm256-1 --at 400 --lr 0.001        the same from step 400 on, at another rate
  seqtui fork tales-lstm256-1 mine.txt --steps 3000      goes on with another text
  seqtui fork tales-lstm256-1 --at best --out runs/mine""",
)
@click.argument("run")
@click.argument("corpus", required=False)
@at_option
@setting_options(*FREE)
@click.option("--threads", type=int, help="Number of threads.  [default: as many as are fastest]")
@click.option("--out", metavar="DIR", help="Folder of the new run.  [default: a new one, see seqtui runs]")
@click.option(
    "--json", "as_json", is_flag=True, help="Print metrics as JSON, one object per line; progress goes to stderr."
)
@click.option("--quiet", is_flag=True, help="Print only the last line, on stderr.")
@click.pass_context
def command(ctx: click.Context, /, run: str, corpus: str | None, at: "At", **given: Any) -> None:
    """Begin a new run with a checkpoint of RUN, and train it to its end.

    The new run keeps the model, the vocabulary and the curves up to the checkpoint, and names its parent; nothing in
    the folder of RUN changes. Without further settings, its steps are those of RUN, byte for byte. CORPUS is another
    corpus for the same task. Ends (--steps, --tokens, --minutes) count from the parent's beginning.
    """
    flags = said(ctx)
    changes = {BY_NAME[name].key: flags[name] for name in FREE if name in flags}
    if any(end in changes for end in ENDS):
        changes = dict.fromkeys(ENDS) | changes
    how = Shown(given["threads"], given["as_json"], given["quiet"])
    if how.threads is not None:
        from seqtui.cli.kernels import use_threads

        use_threads(how.threads)
    child = _forked(run, corpus, at, given["out"], changes)
    try:
        print_notes(child)
        if not said_over(child, how):
            to_the_end(child, how)
    finally:
        child.close()


def _forked(run: str, source: str | None, at: "At", out: str | None, changes: dict[str, Any]) -> "Run":
    from seqcore.folder import RunFolder
    from seqcore.fork import fork

    folder = RunFolder.find(run)
    config = folder.config()
    with flags_named():
        config.training.changed(**changes)
    corpus = None if source is None else config.read_corpus(source)
    try:
        return fork(folder, at, corpus, Path(out).expanduser() if out is not None else None, **changes)
    except CorpusChanged as error:
        raise SeqError(f"{error}: give it as CORPUS to go on with it as it is now") from None
    except SeqError as error:
        if line := flag_named(str(error)):
            raise click.UsageError(line) from None
        raise
