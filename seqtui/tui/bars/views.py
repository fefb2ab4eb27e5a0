"""The line with the names of the views and their keys, and the question that the one on the screen answers."""

from typing import Any

from textual.content import Content

from seqtui.tui.bars.clickable import Clickable, clickable
from seqtui.tui.registry import Commands, key_label
from seqtui.views import LAB, VIEWS, command_id

LEAST_HEIGHT = 30  # rows of a terminal from which the line is shown: below, the footer has the keys


class ViewBar(Clickable):
    """Of the view with this id and these commands. A click goes to another one."""

    def __init__(self, current: str, commands: Commands[Any], id: str | None = None) -> None:
        super().__init__(id=id)
        self._current = current
        self.commands = commands
        self._features: frozenset[str] = frozenset()

    def show(self, features: frozenset[str]) -> None:
        """Draw the views that a task with these features has."""
        if features != self._features:
            self._features = features
            self.refresh()

    def render(self) -> Content:
        """Return the line at the current width. The current view is reversed, so it stands out without colour."""
        parts = []
        for name, line in VIEWS.items():
            if line.needs in ("", *self._features):
                parts.append(self._entry(name))
        views = Content("  ").join(parts)
        question = VIEWS[self._current].question
        room = self.size.width - views.cell_length - 3
        if len(question) > room:
            question = ""
        return Content.assemble(" ", views, " " * max(1, room - len(question) + 1), (question, "$muted $quiet"), " ")

    def _entry(self, name: str) -> Content:
        """Return a view's key and label."""
        line, here = VIEWS[name], name == self._current
        command = "back" if name == LAB else command_id(name)
        label = clickable(f" {line.label} ", "reverse" if here else "$muted $quiet", command)
        if here and name == LAB:
            return label  # no key leads to where one is
        key = key_label(self.commands[command].keys[0]) if self.commands[command].keys else ""
        return Content.assemble(clickable(key, "bold $accent", command), label)
