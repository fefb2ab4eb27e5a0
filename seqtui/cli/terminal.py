"""Consoles, and readable numbers and names. Text from a corpus or a model goes through `shown`."""

from collections.abc import Iterable
from typing import NoReturn

from rich.console import Console, ConsoleDimensions, JustifyMethod
from rich.table import Table
from rich.text import Text

from seqtui.visible import cell, visible

_ENDLESS = 10_000  # columns, if no terminal limits lines
UNITS = {"char": "character", "byte": "byte", "word": "word", "bpe": "token"}  # of a vocabulary, by its kind


class _Plain(Console):
    """Leaves a broken pipe to the program: Rich would end the process before anything is saved."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the BrokenPipeError that is being handled."""
        raise  # the one being handled


def console(stderr: bool = False) -> Console:
    """A console on standard output or error. NO_COLOR and TERM=dumb are honoured; no markup is interpreted.

    Printing raises BrokenPipeError when nobody reads any more.
    """
    return _Plain(stderr=stderr, markup=False, highlight=False, emoji=False)


def on_terminal(screen: Console) -> bool:
    """Return whether output goes to a terminal, which has a width. FORCE_COLOR sets colours, not a width."""
    return screen.is_terminal and screen.file.isatty()


def shown(text: str, style: str = "") -> Text:
    """Return untrusted text for Rich: no control characters, no markup, on one line."""
    return Text(visible(text), style=style, end="")


def drawn(symbol: str) -> str:
    """Format a token for a table; a space would be invisible."""
    return "␣" if symbol == " " else cell(symbol)


def table(*columns: str, right: Iterable[str] = (), loose: str = "") -> Table:
    """Return an empty table; numbers are right-aligned. The column `loose` shrinks first."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        side: JustifyMethod = "right" if column in right else "left"
        made.add_column(
            column, justify=side, no_wrap=column != loose, overflow="fold" if column == loose else "ellipsis"
        )
    return made


def print_table(made: Table) -> None:
    """Print a table, at full width if no terminal limits it."""
    screen = console()
    if on_terminal(screen):
        screen.print(made)
        return
    screen.size = ConsoleDimensions(_ENDLESS, screen.height)  # Rich ignores the width alone if TERM=dumb
    with screen.capture() as drawn:
        screen.print(made)
    for line in drawn.get().splitlines():
        print(line.rstrip())


def facts(screen: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values in two columns; one line each if no terminal wraps them."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        screen.print(Text.assemble((f"{name:<{width}}  ", "dim"), shown(value)), soft_wrap=not on_terminal(screen))


def size(count: float) -> str:
    """Format a number of bytes: 1.4 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} B"


def duration(seconds: float) -> str:
    """Format seconds: 0:07, 12:40 or 1:02:03."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def plural(count: int, noun: str) -> str:
    """Format a count: 1 character, 2,000 characters."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def ago(moment: float) -> str:
    """Format a time (seconds since the epoch) in the past: 3 minutes ago."""
    import time

    seconds = max(0.0, time.time() - moment)
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            return f"{plural(int(seconds // unit), name)} ago"
    return "just now"
