"""The help: every command with its keys, from the registry."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from seqtui.tui.registry import COMMANDS, Command, Group, key_label
from seqtui.tui.screens.dialog import Dialog

KEYS_WIDTH = 15  # with the longest sentence, 75 columns: a line on the smallest common screen
# Two columns of about one height where there is room for them, one below the other where there is not.
LEFT = (Group.TRAINING, Group.CHOICE, Group.SCREEN)
RIGHT = (Group.SCORE, Group.LOSS, Group.WRITING)


def entry(command: Command) -> Content:
    """Keys and what they do, in a line."""
    keys = " ".join(key_label(key) for key in command.keys)
    return Content.assemble((f"{keys:>{KEYS_WIDTH}}", "bold $accent"), "  ", command.help)


def block(group: Group) -> Content:
    """A heading and its commands."""
    lines = [entry(command) for command in COMMANDS.values() if command.group is group]
    return Content("\n").join([Content.styled(group.value, "bold"), *lines])


class HelpScreen(Dialog[None]):
    """All keys. Left with Escape, or the key that opened it."""

    HORIZONTAL_BREAKPOINTS = [(0, "-one-column"), (156, "-two-columns")]  # noqa: RUF012  # so Textual has it

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1,q", "leave", "Back", show=False)]

    def compose(self) -> ComposeResult:
        """A block a group."""
        with VerticalScroll(classes="box -tall") as box:
            box.border_title = "keys"
            box.border_subtitle = "↑ ↓ scroll · esc back"
            with Container(id="columns"):
                for groups in LEFT, RIGHT:
                    yield Static(Content("\n\n").join([block(group) for group in groups]), classes="column")

    def on_mount(self) -> None:
        """Arrows scroll at once."""
        self.query_one(VerticalScroll).focus()
