"""One line of tabs, for screens on which the panes do not fit beside each other."""

from textual.content import Content

from seqtui.tui.clickable import Clickable, clickable

TITLES = {"loss": "1 loss", "writing": "2 writing", "score": "3 the score"}


class TabStrip(Clickable):
    """The names of the panes; a click brings one to the front, as its number does."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: tuple[str, ...] = ()
        self._front = ""
        self._focused = False
        self._note = ""

    def show(self, names: tuple[str, ...], front: str, *, focused: bool, note: str) -> None:
        """Draws these tabs.

        Args:
            names: of the panes that share the place.
            front: the one that is seen.
            focused: whether it has the focus.
            note: what it would say at the right of its frame, which it does not have under tabs.
        """
        new = (names, front, focused, note)
        if new != (self._names, self._front, self._focused, self._note):
            self._names, self._front, self._focused, self._note = new
            self.refresh()

    def render(self) -> Content:
        """The tab in front stands out by its reversed background, not by a colour."""
        parts = []
        for name in self._names:
            style = "$foreground 60%"
            if name == self._front:
                style = "bold reverse $accent" if self._focused else "reverse $foreground 60%"
            parts.append(clickable(f" {TITLES[name]} ", style, f"focus_{name}"))
        tabs = Content(" ").join(parts)
        room = self.size.width - tabs.cell_length - 3
        note = Content(self._note).truncate(max(0, room), ellipsis=True)
        return Content.assemble(" ", tabs, " " * (room - note.cell_length + 1), (note.plain, "$foreground 60%"), " ")
