"""Consoles, and numbers and names as people read them. Text from a corpus or a model goes through `shown`."""

from collections.abc import Iterable
from typing import NoReturn

from rich.console import Console, ConsoleDimensions, JustifyMethod
from rich.table import Table
from rich.text import Text

from seqtui.visible import visible

_ENDLESS = 10_000  # columns, where no terminal cuts lines
UNITS = {"char": "character", "byte": "byte", "word": "word"}  # of a vocabulary, by its kind


class _Plain(Console):
    """Leaves it to the program what a reader who went away means: Rich would end the process, with nothing saved."""

    def on_broken_pipe(self) -> NoReturn:
        """Called while the BrokenPipeError is handled. Raises it again."""
        raise  # the one being handled


def console(stderr: bool = False) -> Console:
    """A console on standard output or error. NO_COLOR and TERM=dumb are honoured; no markup is interpreted.

    Printing raises BrokenPipeError when nobody reads any more.
    """
    return _Plain(stderr=stderr, markup=False, highlight=False, emoji=False)


def on_terminal(screen: Console) -> bool:
    """Whether what is printed meets a terminal, which has a width. FORCE_COLOR asks for colours, not for a width."""
    return screen.is_terminal and screen.file.isatty()


def shown(text: str, style: str = "") -> Text:
    """Untrusted text as Rich draws it: no control character, no markup, on one line."""
    return Text(visible(text), style=style, end="")


def table(*columns: str, right: Iterable[str] = (), loose: str = "") -> Table:
    """An empty table with quiet lines; numbers to the right. The column `loose` gives way where space is short."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        side: JustifyMethod = "right" if column in right else "left"
        made.add_column(
            column, justify=side, no_wrap=column != loose, overflow="fold" if column == loose else "ellipsis"
        )
    return made


def print_table(made: Table) -> None:
    """Print a table; where no terminal cuts it, as wide as it wants to be."""
    screen = console()
    if on_terminal(screen):
        screen.print(made)
        return
    screen.size = ConsoleDimensions(_ENDLESS, screen.height)  # the width alone would not count where TERM=dumb
    with screen.capture() as drawn:
        screen.print(made)
    for line in drawn.get().splitlines():
        print(line.rstrip())


def facts(screen: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print names to the left, values beside them: one line each where no terminal wraps them."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        screen.print(Text.assemble((f"{name:<{width}}  ", "dim"), shown(value)), soft_wrap=not on_terminal(screen))


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
