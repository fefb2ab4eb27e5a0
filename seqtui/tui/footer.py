"""The bottom line: the keys that matter now, from the registry, each to be pressed or clicked."""

from collections.abc import Collection
from itertools import groupby

from textual.content import Content
from textual.timer import Timer

from seqtui.tui.clickable import Clickable, clickable
from seqtui.tui.registry import COMMANDS, Command, key_label

NOTICE_SECONDS = 5.0
ALWAYS = ("help", "quit")  # at the right end, at any width


def entries(pane: str, on: Collection[str] = ()) -> list[list[Command]]:
    """The commands there are to show while `pane` has the focus; neighbours with one label together."""
    offered = [one for one in COMMANDS.values() if one.label and one.id not in ALWAYS]
    shown = [one for one in offered if one.pane in ("", pane) and one.when in ("", *on)]
    shown.sort(key=lambda one: bool(one.pane))  # what the focus adds stands behind, so that the rest stays in place
    return [list(group) for _, group in groupby(shown, key=lambda one: one.label)]


def entry(commands: list[Command], on: Collection[str]) -> Content:
    """`[ ] rate`: the first key of each command, then their label. Each key runs its own command."""
    parts: list[Content] = []
    for one in commands:
        parts.append(clickable(key_label(one.keys[0]), "bold $accent", one.id))
    last = commands[-1]
    label = last.alternate if last.id in on and last.alternate else last.label
    return Content(" ").join([*parts, clickable(label, "", last.id)])


def right_end(on: Collection[str]) -> Content:
    """The commands that are there at any width."""
    return Content("  ").join([entry([COMMANDS[name]], on) for name in ALWAYS])


def line(pane: str, on: Collection[str], width: int) -> Content:
    """As many commands as fit into `width` cells: the most important ones are seated first, each in its place."""
    end = right_end(on)
    offered = [(commands[0].rank, place, entry(commands, on)) for place, commands in enumerate(entries(pane, on))]
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
    """The footer. `pane` is the pane with the focus, `on` the ids of commands whose state is on, and what is there."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pane = ""
        self._on: frozenset[str] = frozenset()
        self._notice = ""
        self._timer: Timer | None = None

    def show(self, pane: str, on: frozenset[str]) -> None:
        """Draws the line anew if anything in it changed."""
        if (pane, on) != (self._pane, self._on):
            self._pane, self._on = pane, on
            self.refresh()

    def room_for(self, notice: str) -> bool:
        """Whether a notice can be read here, beside the help."""
        return Content(notice).cell_length <= self.size.width - right_end(self._on).cell_length - 4

    def notice(self, text: str) -> None:
        """Shows a text in the place of the commands for a while."""
        self._notice = text
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(NOTICE_SECONDS, self._forget) if text else None
        self.refresh()

    def _forget(self) -> None:
        self.notice("")

    def render(self) -> Content:
        """The line at the present width."""
        if not self._notice:
            return line(self._pane, self._on, self.size.width)
        end = right_end(self._on)
        notice = Content.styled(self._notice, "$foreground")
        gap = " " * max(1, self.size.width - notice.cell_length - end.cell_length - 2)
        return Content.assemble(" ", notice, gap, end, " ")
