"""The command `seqtui`: its subcommands by name, each imported on demand, and the screen if none is given.

No file of this package imports anything heavy at module level, so that `seqtui --help` answers immediately.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from seqtui.cli.boundary import guarded

COMMANDS = {
    "train": "Train a model without the screen.",
    "generate": "Generate text with a trained run.",
    "evaluate": "Measure the loss, perplexity and bits per character of a run.",
    "inspect": "Show the internals of a model at each timestep of a text.",
    "neurons": "Find units that follow something nameable.",
    "runs": "List the runs, or show one.",
    "fork": "Begin a new run with a checkpoint of another one.",
    "compare": "Compare runs, with n-gram baselines.",
    "export": "Export the weights of a run to PyTorch, NumPy or ONNX.",
    "import": "Import exported weights as a run.",
    "corpora": "List the available corpora, or show one.",
    "bench": "Measure training speed and its share of the machine's peak.",
    "warmup": "Compile all kernels now.",
    "settings": "Print the settings: theme, keys, default corpus, frame rate, glyphs.",
    "doctor": "Check the installation: versions, threads, folders, terminal.",
}
_SCREEN = "(screen)"  # never typed by a user
_MODULES = {
    _SCREEN: "screen",
    "import": "import_",
    "settings": "settings_file",
}  # modules that cannot have the name of their command


class Seqtui(click.Group):
    """A group whose first argument, unless it names a command, is the corpus that the screen trains on."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit. `boundary` reports all errors."""
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
        """Parse as click does, with the screen as the command if none is given."""
        if not args or args[0] not in (*COMMANDS, "--help", "-h", "--version"):
            args = [_SCREEN, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of this name."""
        if cmd_name not in COMMANDS and cmd_name != _SCREEN:
            return None
        module = importlib.import_module(f"seqtui.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both usages."""
        formatter.write_usage("seqtui", "[CORPUS] [--model M] [--run RUN] [--paused]")
        formatter.write_usage("seqtui", "COMMAND ...")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the screen, which a call without a command accepts, then the commands."""
        screen = self.get_command(ctx, _SCREEN)
        assert screen is not None  # it is always there
        options = [param for param in (*screen.params, *self.params) if isinstance(param, click.Option)]
        rows = [record for option in options if (record := option.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(rows)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands (details: seqtui COMMAND --help)"):
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
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """Show what happens inside a sequence model while it learns.

    Without a command, open the screen and train on CORPUS: the name of a sample corpus (tales, reviews), a
    diagnostic (copy:100), a text file, a table of texts and labels, a folder of text files.

    \b
    seqtui                              train on the sample corpus
    seqtui book.txt --hidden 512        the same on a text of your own
    seqtui reviews --model gru          classify texts
    seqtui train book.txt --minutes 2   without a screen
    seqtui generate book-lstm256-1      generate text with the trained run
    """  # \b is click's mark for lines that are not to be wrapped


def main() -> NoReturn:
    """The entry point. Never returns: the process ends with an exit code of the contract."""
    cli.main()


if __name__ == "__main__":
    main()
