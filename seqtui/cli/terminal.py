"""Consoles, and numbers and names as people read them. Text from a corpus or a model goes through `shown`."""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqtui.visible import visible

UNITS = {"char": "character", "byte": "byte", "word": "word"}  # of a vocabulary, by its kind


def console(stderr: bool = False) -> Console:
    """A console on standard output or error. NO_COLOR and TERM=dumb are honoured; no markup is interpreted."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def plain_output() -> bool:
    """True if standard output is not a terminal: tables then are not cut to any width."""
    return not sys.stdout.isatty()


def shown(text: str, style: str = "") -> Text:
    """Untrusted text as Rich draws it: no control character, no markup, on one line."""
    return Text(visible(text), style=style, end="")


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An empty table with quiet lines; numbers to the right."""
    made = Table(box=None, pad_edge=False, header_style="dim", collapse_padding=True, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=True, overflow="ellipsis")
    return made


def print_table(made: Table) -> None:
    """Print a table; where no terminal cuts it, as wide as it wants to be."""
    screen = console()
    if plain_output():
        screen.width = max(80, screen.measure(made).maximum)
    screen.print(made)


def facts(rows: Iterable[tuple[str, Any]]) -> Table:
    """Names to the left, values beside them."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else shown(str(value)))
    return grid


def size(count: float) -> str:
    """Bytes: 1.4 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} B"


def duration(seconds: float) -> str:
    """0:07, 12:40 or 1:02:03."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def plural(count: int, noun: str) -> str:
    """1 character, 2,000 characters."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
