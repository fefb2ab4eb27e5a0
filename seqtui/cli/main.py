"""The command `seqtui`: its commands by name, each imported when it is asked for, and the screen when none is.

Nothing heavy is imported at the head of any file of this package, so that `seqtui --help` answers at once.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from seqtui.cli.boundary import guarded

COMMANDS = {
    "train": "Train a model without a screen.",
    "generate": "Let a run's model write.",
    "evaluate": "Measure a run: loss, perplexity, bits per character.",
    "inspect": "See inside a model while it reads a text.",
    "runs": "List what was trained.",
    "compare": "Set runs side by side, beside models that count.",
    "export": "Write a run's weights for PyTorch, NumPy or ONNX.",
    "import": "Make a run of exported weights.",
    "corpora": "List what can be trained on, or look into one.",
    "bench": "Measure training speed against the machine's peak.",
    "warmup": "Compile every kernel now.",
    "doctor": "Tell versions, threads, folders, terminal, and what looks wrong.",
}
_SCREEN = "(screen)"  # no word that anybody types
_MODULES = {_SCREEN: "screen", "import": "import_"}  # where a module cannot have the command's name


class Seqtui(click.Group):
    """A group whose first word, when it names no command, is the corpus that the screen trains on."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit. All errors are told in `boundary`."""
        words = list(sys.argv[1:] if args is None else args)
        complete = extra.pop("complete_var", None)
        extra.pop("standalone_mode", None)
        extra.pop("windows_expand_args", None)
        self._main_shell_completion(extra, "seqtui", complete)

        def invoke() -> None:
            with self.make_context("seqtui", words, **extra) as context:
                self.invoke(context)

        sys.exit(guarded(invoke))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, the screen put first where no command is."""
        if not args or args[0] not in (*COMMANDS, "--help", "-h", "--version"):
            args = [_SCREEN, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS and cmd_name != _SCREEN:
            return None
        module = importlib.import_module(f"seqtui.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both ways to call it."""
        formatter.write_usage("seqtui", "[CORPUS] [--model M] [--run RUN] [--paused]")
        formatter.write_usage("seqtui", "COMMAND ...")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The screen's options, which are those of a call without a command, then the commands."""
        screen = self.get_command(ctx, _SCREEN)
        assert screen is not None  # it is always there
        options = [param for param in (*screen.params, *self.params) if isinstance(param, click.Option)]
        rows = [record for option in options if (record := option.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(rows)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands (seqtui COMMAND --help tells more)"):
            formatter.write_dl(list(COMMANDS.items()))


def nearest_command(word: str) -> str | None:
    """The command that `word` is perhaps a misspelling of."""
    close = difflib.get_close_matches(word.lower(), COMMANDS, 1, 0.7)
    return close[0] if close else None


def _version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"seqtui {version('seqtui')}")
        except PackageNotFoundError:
            click.echo("seqtui (not installed)")
        ctx.exit()


@click.group(cls=Seqtui, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Tell the version.")
def cli() -> None:
    """Watch a sequence model learn, from the inside, in a terminal.

    Without a command it opens the screen and trains at once, on CORPUS: the name of a sample corpus (tales), a text
    file, a folder of text files.

    \b
    seqtui                              train on the sample corpus, and look
    seqtui book.txt --hidden 512        the same on a text of your own
    seqtui train book.txt --minutes 2   without a screen
    seqtui generate book-lstm256-1      what the model writes
    """  # \b is click's mark for lines that are not to be wrapped


def main() -> NoReturn:
    """The entry point. Never returns: the process ends with an exit code of the contract."""
    cli.main()


if __name__ == "__main__":
    main()
