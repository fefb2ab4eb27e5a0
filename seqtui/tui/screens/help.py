"""The help: every command with its keys, from the registry."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from seqtui.tui.registry import Command, by_group, key_label
from seqtui.tui.screens.dialog import Dialog

KEYS_WIDTH = 16


def entry(command: Command) -> Content:
    """Keys and what they do, in a line."""
    keys = "  ".join(key_label(key) for key in command.keys)
    return Content.assemble((f"{keys:>{KEYS_WIDTH}}", "bold $accent"), "  ", command.help)


class HelpScreen(Dialog[None]):
    """All keys. Left with Escape, or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1,q", "leave", "Back", show=False)]

    def compose(self) -> ComposeResult:
        """A block a group, in as many columns as fit."""
        with VerticalScroll(classes="box -tall") as box:
            box.border_title = "keys"
            box.border_subtitle = "↑ ↓ scroll · esc back"
            with ItemGrid(min_column_width=62, regular=False):
                for group, commands in by_group().items():
                    yield Static(
                        Content("\n").join([Content.styled(group.value, "bold"), *map(entry, commands)]),
                        classes="group",
                    )

    def on_mount(self) -> None:
        """Arrows scroll at once."""
        self.query_one(VerticalScroll).focus()
