"""The bottom line: the keys that matter now, from the registry, each to be pressed or clicked."""

from collections.abc import Collection
from itertools import groupby

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from seqtui.tui.registry import COMMANDS, Command, key_label

ALWAYS = ("help", "quit")  # at the right end, at any width


def entries(pane: str, rank: int) -> list[list[Command]]:
    """The commands to show while `pane` has the focus, up to a rank; neighbours with one label together."""
    shown = [
        one
        for one in COMMANDS.values()
        if one.label and one.rank <= rank and one.pane in ("", pane) and one.id not in ALWAYS
    ]
    shown.sort(key=lambda one: bool(one.pane))  # what the focus adds stands behind, so that the rest stays in place
    return [list(group) for _, group in groupby(shown, key=lambda one: one.label)]


def entry(commands: list[Command], on: Collection[str]) -> Content:
    """`[ ] rate`: the first key of each command, then their label. Each key runs its own command."""
    parts: list[Content] = []
    for one in commands:
        click = Style.from_meta({"@click": f"screen.command('{one.id}')"})
        parts.append(Content(key_label(one.keys[0])).stylize("bold $accent").stylize(click))
    last = commands[-1]
    label = last.alternate if last.id in on and last.alternate else last.label
    click = Style.from_meta({"@click": f"screen.command('{last.id}')"})
    return Content(" ").join([*parts, Content(label).stylize(click)])


def line(pane: str, on: Collection[str], width: int) -> Content:
    """As many commands as fit into `width` cells, the least important ones left out."""
    end = Content("  ").join([entry([COMMANDS[name]], on) for name in ALWAYS])
    for rank in range(9, -1, -1):
        start = Content("  ").join([entry(commands, on) for commands in entries(pane, rank)])
        gap = width - start.cell_length - end.cell_length - 2
        if gap >= 2:
            return Content.assemble(" ", start, " " * gap, end, " ")
    return Content.assemble(" ", end)


class CommandLine(Widget):
    """The footer. `pane` is the pane with the focus, `on` the ids of commands whose state is on."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pane = ""
        self._on: frozenset[str] = frozenset()

    def show(self, pane: str, on: frozenset[str]) -> None:
        """Draws the line anew if anything in it changed."""
        if (pane, on) != (self._pane, self._on):
            self._pane, self._on = pane, on
            self.refresh()

    def render(self) -> Content:
        """The line at the present width."""
        return line(self._pane, self._on, self.size.width)
