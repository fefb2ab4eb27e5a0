"""`seqtui [CORPUS]`: the screen."""

import contextlib
import os
import signal
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click
from seqcore.config import CROSS_ATTENTIONS, FAMILIES, TASKS, TOKENS_BY
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

from seqtui.cli.boundary import DIVERGED, FAILED, MISUSED, Exit
from seqtui.views import VIEWS

_HANGUP = getattr(signal, "SIGHUP", 1)
_COLUMNS = ("text_column", "label_column", "source_column", "target_column")

if TYPE_CHECKING:
    from seqtui.live.snapshot import ModelChoice


class Screen(click.Command):
    """The command that runs without a name; its usage says so."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """`seqtui [OPTIONS] [CORPUS]`."""
        formatter.write_usage("seqtui", "[OPTIONS] [CORPUS]")


@click.command("seqtui", cls=Screen, add_help_option=False)
@click.argument("corpus", required=False)
@click.option("--model", type=click.Choice(FAMILIES), default="lstm", help="Model family.  [default: lstm]")
@click.option("--hidden", type=int, metavar="N", help="Hidden units per layer.  [default: 256; attention: 128]")
@click.option("--layers", type=int, metavar="N", help="Number of stacked layers.  [default: 1; attention: 2]")
@click.option("--cross-attention", type=click.Choice(CROSS_ATTENTIONS), help="Pairs: attention over the source.")
@click.option("--bidirectional", is_flag=True, help="Pairs: read the source in both directions.")
@click.option("--input-feeding", is_flag=True, help="Pairs: the decoder also reads the last output of attention.")
@click.option("--run", metavar="RUN", help="Reopen a run, by its name or folder; CORPUS is then its new path.")
@click.option("--corpus-changed-ok", is_flag=True, help="With --run: accept a corpus that has changed.")
@click.option("--paused", is_flag=True, help="Wait before the first step.")
@click.option("--view", type=click.Choice(VIEWS), help="The view to begin with.  [default: that of last time]")
@click.option("--tokens-by", type=click.Choice(TOKENS_BY), help="Token type.  [default: char; classification: word]")
@click.option("--task", type=click.Choice(TASKS), help="What to train on CORPUS.  [default: what it is for]")
@click.option("--text-column", metavar="NAME", help="Of a table: the column of the texts.")
@click.option("--label-column", metavar="NAME", help="Of a table: the column of the labels.")
@click.option("--source-column", metavar="NAME", help="Of a table: the column of the sources.")
@click.option("--target-column", metavar="NAME", help="Of a table: the column of the targets.")
@click.option("--encoding", default="utf-8", help="Encoding of the text.  [default: utf-8]")
@click.option("--threads", type=int, metavar="N", help="Number of threads.  [default: as many as are fastest]")
@click.option(
    "--seed", type=click.IntRange(0), default=1, metavar="N", help="Random seed of the initial weights.  [default: 1]"
)
@click.option("-h", "--help", "wants_help", is_flag=True, is_eager=True, help="Show this message and exit.")
@click.pass_context
def command(ctx: click.Context, /, corpus: str | None, wants_help: bool, **asked: Any) -> None:
    """Open the screen and train on CORPUS: a sample corpus, a diagnostic with its dial (copy:100), a text file, a table
    of texts and labels, or a folder of text files.
    """
    if wants_help:
        _show_help(ctx)
    if corpus is not None:
        _is_meant(corpus, encoding=asked["encoding"])
    if asked["corpus_changed_ok"] and asked["run"] is None:
        raise click.UsageError("--corpus-changed-ok goes with --run")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Exit(MISUSED, "the screen needs a terminal: seqtui train trains without one (seqtui train --help)")
    if corpus == "-":
        raise click.UsageError("the screen reads keys from standard input: give a file, or use seqtui train -")
    _open(corpus, asked)


def _show_help(ctx: click.Context) -> None:
    parent = ctx.parent or ctx
    click.echo(parent.command.get_help(parent))
    ctx.exit()


def _is_meant(corpus: str, encoding: str) -> None:
    """Check that the corpus exists; report a misspelt command as such. Raises UsageError, SeqError."""
    from seqcore.data.generated import generated_name
    from seqcore.data.samples import sample_names

    if corpus == "-" or generated_name(corpus) is not None or corpus.removeprefix("sample:") in sample_names(None):
        return
    if os.path.exists(os.path.expanduser(corpus)):
        return
    from seqtui.cli.main import nearest_command

    near = nearest_command(corpus)
    if near is not None:
        raise click.UsageError(f"there is no command or corpus {quoted(corpus)}: did you mean seqtui {near}?")
    from seqcore.data.corpus import read_corpus

    read_corpus(corpus, encoding=encoding)  # it says what is wrong with the name


def _open(corpus: str | None, asked: dict[str, Any]) -> None:
    """Open the screen; returns when the user leaves. Raises Exit, UsageError, SeqError."""
    from seqtui.cli.stopping import Leaving, discard_output
    from seqtui.live.session import LiveSession
    from seqtui.live.snapshot import Phase
    from seqtui.remembered import Memory
    from seqtui.settings.file import read_settings
    from seqtui.tui.app import SeqtuiApp

    if asked["run"] is not None:
        asked["run"] = os.path.expanduser(asked["run"])  # of --run=~/run, which no shell reads
    settings = read_settings()
    if corpus is None and asked["run"] is None and settings.corpus:
        corpus = settings.corpus
        if os.path.isabs(corpus) and not os.path.exists(corpus):
            raise settings.source.wrong(f"is {quoted(corpus)}, which does not exist: give a file or a folder", "corpus")
    _is_possible(asked)
    columns = {name.replace("_", "-"): asked[name] for name in _COLUMNS if asked[name]}
    session = LiveSession(
        corpus,
        choice=_choice(asked),
        changed_ok=asked["corpus_changed_ok"],
        options=columns,
        **{key: asked[key] for key in ("run", "paused", "encoding", "tokens_by", "threads", "seed", "task")},
    )
    app = SeqtuiApp(session, asked["view"], settings, Memory())
    with Leaving(app) as leaving:
        try:
            app.run()
        finally:
            if app.terminal_lost or not sys.stdin.isatty():
                discard_output()
            line = app.finish()
            with contextlib.suppress(OSError):  # the terminal may have gone since
                click.echo(line, err=True)
    if leaving.asked or app.terminal_lost:
        raise Exit(leaving.code if leaving.asked else 128 + _HANGUP)
    if app.return_code:
        raise Exit(FAILED)  # the app has said why
    last = session.snapshot()
    if last.phase is Phase.FAILED:
        raise Exit(FAILED, last.message or "the training failed")
    if last.phase is Phase.DIVERGED:
        raise Exit(DIVERGED, f"training diverged: {last.message}")


def _choice(asked: dict[str, Any]) -> "ModelChoice":
    """Return the given model settings, completed by the defaults of the family."""
    from seqcore.presets import with_defaults

    from seqtui.live.snapshot import BOTH_WAYS, FED, ModelChoice

    said = {key: asked[key] for key in ("hidden", "layers") if asked[key] is not None}
    model, training = with_defaults({"family": asked["model"]} | said, {})
    if asked["cross_attention"] is not None:
        model["cross_attention"] = asked["cross_attention"]
    if asked["bidirectional"]:
        model["directions"] = BOTH_WAYS
    if asked["input_feeding"]:
        model["feeding"] = FED
    known = {field.name for field in fields(ModelChoice)}
    return ModelChoice(**{key: value for key, value in (model | training).items() if key in known})


def _is_possible(asked: dict[str, Any]) -> None:
    """Report what is wrong before the screen covers the terminal. Raises UsageError, SeqError."""
    from seqcore.config import ModelConfig

    if asked["run"] is not None:
        from seqcore.folder import RunFolder

        RunFolder.find(asked["run"]).config()
    try:
        ModelConfig(vocabulary_size=2, **_choice(asked).fields())
    except SeqError as error:
        raise click.UsageError(f"--{error}") from None
    if asked["threads"] is not None:  # only then is the engine worth loading before the first picture
        from seqcore.cores import most_threads

        most = most_threads()
        if not 1 <= asked["threads"] <= most:
            raise click.UsageError(f"--threads {asked['threads']}: this machine runs 1 to {most} threads")
