"""`seqtui [CORPUS]`: the screen."""

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from seqcore.config import FAMILIES, TOKENS_BY
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

from seqtui.cli.boundary import DIVERGED, FAILED, MISUSED, Exit

if TYPE_CHECKING:
    from seqtui.snapshot import ModelChoice


class Screen(click.Command):
    """Called without a word of its own: its usage says so."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """`seqtui [OPTIONS] [CORPUS]`."""
        formatter.write_usage("seqtui", "[OPTIONS] [CORPUS]")


@click.command("seqtui", cls=Screen, add_help_option=False)
@click.argument("corpus", required=False)
@click.option("--model", type=click.Choice(FAMILIES), default="lstm", help="Family of the model.  [default: lstm]")
@click.option("--hidden", type=int, metavar="N", help="Units of a layer.  [default: 256; attention: 128]")
@click.option("--layers", type=int, metavar="N", help="Layers, one on top of the other.  [default: 1; attention: 4]")
@click.option("--run", metavar="RUN", help="Reopen a run, by its name or folder.")
@click.option("--paused", is_flag=True, help="Wait before the first step.")
@click.option("--tokens-by", type=click.Choice(TOKENS_BY), default="char", help="What a token is.  [default: char]")
@click.option("--encoding", default="utf-8", help="What the text is written in.  [default: utf-8]")
@click.option("--threads", type=int, metavar="N", help="Threads to train with.  [default: all cores]")
@click.option("--seed", type=click.IntRange(0), default=1, metavar="N", help="Of the first weights.  [default: 1]")
@click.option("-h", "--help", "wants_help", is_flag=True, is_eager=True, help="Show this message and exit.")
@click.pass_context
def command(ctx: click.Context, /, corpus: str | None, wants_help: bool, **asked: Any) -> None:
    """Open the screen and train at once on CORPUS: a sample corpus, a text file, a folder of them."""
    if wants_help:
        _show_help(ctx)
    if corpus is not None:
        _is_meant(corpus, encoding=asked["encoding"])
        if asked["run"] is not None:
            raise click.UsageError("--run brings its own corpus: leave CORPUS out")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Exit(MISUSED, "the screen needs a terminal: seqtui train trains without one (seqtui train --help)")
    if corpus == "-":
        raise click.UsageError("the screen reads keys from standard input: give a file, or use seqtui train -")
    _open(corpus or "tales", asked)


def _show_help(ctx: click.Context) -> None:
    parent = ctx.parent or ctx
    click.echo(parent.command.get_help(parent))
    ctx.exit()


def _is_meant(corpus: str, encoding: str) -> None:
    """That there is such a corpus; a misspelt command is told as one. Raises UsageError, SeqError."""
    from seqcore.data.samples import sample_names

    if corpus == "-" or corpus.removeprefix("sample:") in sample_names() or Path(corpus).expanduser().exists():
        return
    from seqtui.cli.main import nearest_command

    near = nearest_command(corpus)
    if near is not None:
        raise click.UsageError(f"there is no command or corpus {quoted(corpus)}: did you mean seqtui {near}?")
    from seqcore.data.corpus import read_corpus

    read_corpus(corpus, encoding=encoding)  # it says what is wrong with the name


def _open(corpus: str, asked: dict[str, Any]) -> None:
    """Open the screen, and return when it is left."""
    from seqtui.session import LiveSession
    from seqtui.snapshot import Phase
    from seqtui.tui.app import SeqtuiApp

    if asked["run"] is not None:
        asked["run"] = os.path.expanduser(asked["run"])  # of --run=~/run, which no shell reads
    _is_possible(asked)
    session = LiveSession(
        corpus,
        choice=_choice(asked),
        **{key: asked[key] for key in ("run", "paused", "encoding", "tokens_by", "threads", "seed")},
    )
    app = SeqtuiApp(session)
    app.run()
    if app.return_code:
        raise Exit(FAILED)  # the app has said what
    last = session.snapshot()
    if last.phase is Phase.FAILED:
        raise Exit(FAILED, last.message or "the training failed")
    if last.phase is Phase.DIVERGED:
        raise Exit(DIVERGED, f"training diverged: {last.message}")


def _choice(asked: dict[str, Any]) -> "ModelChoice":
    """What was said of the model, over what its family begins with."""
    from seqcore.presets import with_defaults

    from seqtui.snapshot import ModelChoice

    said = {key: asked[key] for key in ("hidden", "layers") if asked[key] is not None}
    model, training = with_defaults({"family": asked["model"]} | said, {})
    known = {field.name for field in fields(ModelChoice)}
    return ModelChoice(**{key: value for key, value in (model | training).items() if key in known})


def _is_possible(asked: dict[str, Any]) -> None:
    """What can be known to be wrong before a screen covers the terminal. Raises UsageError, SeqError."""
    from seqcore.config import ModelConfig

    if asked["run"] is not None:
        from seqcore.folder import RunFolder

        RunFolder.find(asked["run"]).config()
    try:
        ModelConfig(vocabulary_size=2, **_choice(asked).fields())
    except SeqError as error:
        raise click.UsageError(f"--{error}") from None
    if asked["threads"] is not None:  # only then is the engine worth loading before the first picture
        from seqcore import jit

        most = jit.available_threads()
        if not 1 <= asked["threads"] <= most:
            raise click.UsageError(f"--threads {asked['threads']}: this machine runs 1 to {most} threads")
