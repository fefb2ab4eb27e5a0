"""One line of tabs, for terminals in which the panes do not fit side by side."""

from textual.content import Content

from seqtui.tui.bars.clickable import Clickable, clickable
from seqtui.tui.panes.second import SECOND

_LAB = {"loss": "1 loss", "score": "3 the score"} | {name: f"2 {name}" for name in SECOND}


class TabStrip(Clickable):
    """The names of the panes; a click brings a pane to the front, as does its number key."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: tuple[str, ...] = ()
        self._front = ""
        self._focused = False
        self._note = ""

    def show(self, names: tuple[str, ...], front: str, *, focused: bool, note: str) -> None:
        """Draw these tabs.

        Args:
            names: the panes that share the space.
            front: the visible pane.
            focused: whether it has the focus.
            note: text for the right end; a pane with a frame shows it there, but under tabs there is no frame.
        """
        new = (names, front, focused, note)
        if new != (self._names, self._front, self._focused, self._note):
            self._names, self._front, self._focused, self._note = new
            self.refresh()

    def render(self) -> Content:
        """Return the line. The front tab has a reversed background, so it stands out without colour."""
        parts = []
        for number, name in enumerate(self._names, start=1):
            style = "$muted $quiet"
            if name == self._front:
                style = "bold reverse $accent" if self._focused else "reverse $muted $quiet"
            command = "focus_second" if name in SECOND else f"focus_{name}"
            parts.append(clickable(f" {_LAB.get(name, f'{number} {name}')} ", style, command))
        tabs = Content(" ").join(parts)
        room = self.size.width - tabs.cell_length - 3
        note = Content(self._note).truncate(max(0, room), ellipsis=True)
        return Content.assemble(" ", tabs, " " * (room - note.cell_length + 1), (note.plain, "$muted $quiet"), " ")
