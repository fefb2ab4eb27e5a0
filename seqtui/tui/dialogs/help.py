"""The help: what a view is for and how to read it, and all its commands with their keys."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from seqtui.tui.dialogs.dialog import Dialog
from seqtui.tui.registry import Command, Group, key_label

KEYS_WIDTH = 15  # with the longest sentence 75 columns: one line at 80 columns
# Two columns of similar height, side by side if there is room.
LEFT = (Group.TRAINING, Group.CHOICE, Group.VIEWS, Group.SCREEN)
RIGHT = (
    Group.CELL,
    Group.NEURONS,
    Group.HEALTH,
    Group.WRITE,
    Group.ENCODINGS,
    Group.PLAYHEAD,
    Group.SCORE,
    Group.CURVES,
    Group.LOSS,
    Group.WRITING,
    Group.EXAMPLE,
)


def entry(command: Command[Any]) -> Content:
    """Return one line: the keys and what they do."""
    keys = " ".join(key_label(key) for key in command.keys)
    return Content.assemble((f"{keys:>{KEYS_WIDTH}}", "bold $accent"), "  ", command.help)


def block(commands: Sequence[Command[Any]], group: Group) -> Content | None:
    """Return a heading and its commands; None if there are none."""
    lines = [entry(command) for command in commands if command.group is group]
    return Content("\n").join([Content.styled(group.value, "bold"), *lines]) if lines else None


class HelpScreen(Dialog[None]):
    """The guide to a view, and all its keys. Closed by Escape or the key that opened it."""

    HORIZONTAL_BREAKPOINTS = [(0, "-one-column"), (156, "-two-columns")]  # noqa: RUF012  # as Textual declares it

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", "Back", show=False)]

    def __init__(self, commands: Sequence[Command[Any]], guide: Sequence[str]) -> None:
        super().__init__()
        self._commands, self._guide = commands, guide
        self._opened_by = {key for one in commands if one.id == "help" for key in one.keys}

    def compose(self) -> ComposeResult:
        """Lay out one block per group."""
        with VerticalScroll(classes="box -tall") as box:
            box.border_title = "help"
            box.border_subtitle = "↑ ↓ scroll · esc back"
            yield Static("\n".join(self._guide), id="guide", markup=False)
            with Container(id="columns"):
                there = {command.group for command in self._commands}
                for groups in LEFT, RIGHT:
                    blocks = [block(self._commands, group) for group in groups if group in there]
                    yield Static(Content("\n\n").join([one for one in blocks if one]), classes="column")

    def on_mount(self) -> None:
        """Let the arrows scroll immediately."""
        self.query_one(VerticalScroll).focus()

    def on_key(self, event: events.Key) -> None:
        """Close on the key that opened it, which the settings may have changed."""
        if event.key in self._opened_by:
            event.stop()
            self.dismiss(None)
