"""The bottom line: the keys that are useful now, to press or to click."""

from collections.abc import Collection
from itertools import groupby
from typing import Any

from textual.content import Content
from textual.timer import Timer

from seqtui.tui.bars.clickable import Clickable, clickable
from seqtui.tui.registry import Command, Commands, key_label

NOTICE_SECONDS = 5.0
ALWAYS = ("help", "quit")  # at the right end, at any width


def entries(commands: Commands[Any], pane: str, on: Collection[str] = ()) -> list[list[Command[Any]]]:
    """Return the commands to show while `pane` has the focus; neighbours with the same label are grouped."""
    offered = [one for one in commands if one.label and one.keys and one.id not in ALWAYS]
    shown = [
        one for one in offered if (not one.panes or pane in one.panes) and one.when in ("", *on) and one.offered(on)
    ]
    shown.sort(key=lambda one: bool(one.panes))  # those of the focused pane come last: the others stay in place
    return [list(group) for _, group in groupby(shown, key=lambda one: one.label)]


def entry(commands: list[Command[Any]], on: Collection[str]) -> Content:
    """Return the first key of each command and their label (`[ ] rate`). Each key runs its own command."""
    parts: list[Content] = []
    for one in commands:
        if one.keys:
            parts.append(clickable(key_label(one.keys[0]), "bold $accent", one.id))
    last = commands[-1]
    label = last.alternate if last.id in on and last.alternate else last.label
    return Content(" ").join([*parts, clickable(label, "", last.id)])


def right_end(commands: Commands[Any], on: Collection[str]) -> Content:
    """Return the commands that are shown at any width."""
    return Content("  ").join([entry([commands[name]], on) for name in ALWAYS])


def line(commands: Commands[Any], pane: str, on: Collection[str], width: int) -> Content:
    """Return the most important commands that fit into `width` cells, in the order of the table."""
    end = right_end(commands, on)
    offered = [(group[0].rank, place, entry(group, on)) for place, group in enumerate(entries(commands, pane, on))]
    room = width - end.cell_length - 2
    seated = []
    for _, place, text in sorted(offered, key=lambda offer: offer[:2]):
        if text.cell_length + 2 <= room:
            room -= text.cell_length + 2
            seated.append((place, text))
    start = Content("  ").join([text for _, text in sorted(seated, key=lambda seat: seat[0])])
    gap = " " * max(0, width - start.cell_length - end.cell_length - 2)
    return Content.assemble(" ", start, gap, end, " ")


class CommandLine(Clickable):
    """The footer of a view with these commands."""

    def __init__(self, commands: Commands[Any], id: str | None = None) -> None:
        super().__init__(id=id)
        self.commands = commands
        self._pane = ""
        self._on: frozenset[str] = frozenset()
        self._notice = ""
        self._timer: Timer | None = None

    def show(self, pane: str, on: frozenset[str]) -> None:
        """Redraw if anything changed.

        Args:
            pane: the pane with the focus.
            on: ids of the commands whose state is on, and features of the view (see `Command.when`).
        """
        if (pane, on) != (self._pane, self._on):
            self._pane, self._on = pane, on
            self.refresh()

    def room_for(self, notice: str) -> bool:
        """Return whether a notice fits next to the commands at the right end."""
        return Content(notice).cell_length <= self.size.width - self._end().cell_length - 4

    def _end(self) -> Content:
        return right_end(self.commands, self._on)

    def notice(self, text: str) -> None:
        """Show a text in place of the commands for `NOTICE_SECONDS`."""
        self._notice = text
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(NOTICE_SECONDS, self._forget) if text else None
        self.refresh()

    def _forget(self) -> None:
        self.notice("")

    def render(self) -> Content:
        """Return the line at the current width."""
        if not self._notice:
            return line(self.commands, self._pane, self._on, self.size.width)
        end = self._end()
        notice = Content.styled(self._notice, "$foreground")
        gap = " " * max(1, self.size.width - notice.cell_length - end.cell_length - 2)
        return Content.assemble(" ", notice, gap, end, " ")
