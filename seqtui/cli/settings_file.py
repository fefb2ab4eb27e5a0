"""`seqtui settings`: the settings of the person who uses the program."""

import click


@click.command(
    "settings",
    epilog="""\b
Examples:
  seqtui settings                          all settings, their defaults, what they mean
  seqtui settings > new.toml               a start, to be edited and moved to its place
  $EDITOR "$(seqtui settings --path)"      edit the file""",
)
@click.option("--path", "only_path", is_flag=True, help="Print where the file lies; its folder is created.")
def command(only_path: bool) -> None:
    """Print the settings in force as a settings file, with comments.

    What the file sets is printed as it is; lines that begin with # show defaults. Settings are for the screen alone:
    theme, keys, default corpus, frame rate, glyphs. A mistake in the file is reported with its line, and the screen
    does not open until it is corrected; the other commands do not read the file.
    """
    from seqtui.settings.file import read_settings, settings_path

    if only_path:
        path = settings_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        click.echo(str(path))
        return
    from seqtui.tui.keymap import bindings_by_view, keymap
    from seqtui.tui.keysheet import key_lines

    settings = read_settings()
    keymap(settings)  # checks them
    from seqtui.settings.sheet import sheet

    click.echo(sheet(settings, key_lines(bindings_by_view(), settings.keys)))
