"""One line of tabs, for screens on which the panes do not fit beside each other."""

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

TITLES = {"loss": "1 loss", "writing": "2 writing", "score": "3 the score"}


class TabStrip(Widget):
    """The names of the panes; a click brings one to the front, as its number does."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: tuple[str, ...] = ()
        self._front = ""

    def show(self, names: tuple[str, ...], front: str) -> None:
        """Draws these tabs, with one in front."""
        if (names, front) != (self._names, self._front):
            self._names, self._front = names, front
            self.refresh()

    def render(self) -> Content:
        """The tab in front stands out by its reversed background, not by a colour."""
        parts = []
        for name in self._names:
            tab = Content(f" {TITLES[name]} ").stylize(Style.from_meta({"@click": f"screen.command('focus_{name}')"}))
            parts.append(tab.stylize("bold reverse $accent" if name == self._front else "$text-muted"))
        return Content.assemble(" ", Content(" ").join(parts))
