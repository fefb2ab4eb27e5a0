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
        """Return the line at the current width."""
        return line(self._current, self.commands, self._features, self.size.width)


def line(current: str, commands: Commands[Any], features: frozenset[str], width: int) -> Content:
    """Return the views that a task with `features` has, and the question of the current one, in at most `width` cells.

    The current view is reversed, so it stands out without colour. Where the names do not fit, the other views are their
    keys alone.
    """
    shown = [name for name, view in VIEWS.items() if view.needs in ("", *features)]
    full = Content("  ").join([_entry(name, name == current, commands, labelled=True) for name in shown])
    if full.cell_length + 2 <= width:
        views = full
    else:
        views = Content(" ").join([_entry(name, name == current, commands, labelled=name == current) for name in shown])
    question = VIEWS[current].question
    room = width - views.cell_length - 3
    if len(question) > room:
        question = ""
    gap = max(0, room - len(question) + 1)
    return Content.assemble(" ", views, " " * gap, (question, "$muted $quiet"), " ")


def _entry(name: str, here: bool, commands: Commands[Any], *, labelled: bool) -> Content:
    """Return a view's key and label, or its key alone (its label if it has none)."""
    command = "back" if name == LAB else command_id(name)
    key = key_label(commands[command].keys[0]) if commands[command].keys else ""
    if here and name == LAB:
        key = ""  # no key leads to where one is
    keyed = clickable(key, "bold $accent", command)
    if key and not labelled:
        return keyed
    return Content.assemble(keyed, clickable(f" {VIEWS[name].label} ", "reverse" if here else "$muted $quiet", command))
