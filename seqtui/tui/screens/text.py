"""The dialog in which a text is written: that of the score, or the beginning of the writing."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from seqtui.tui.screens.dialog import CleanTextArea, Dialog
from seqtui.visible import visible


class Editor(CleanTextArea):
    """A text area in which Enter takes the text and ctrl+j breaks the line."""

    class Taken(Message):
        """Enter was pressed."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Taken())
        elif event.key == "ctrl+j":
            event.stop()
            event.prevent_default()
            self.insert("\n")
        else:
            await super()._on_key(event)


class TextDialog(Dialog[str]):
    """Asks for a text, beginning with the present one. The result is None also when nothing was changed."""

    def __init__(self, title: str, text: str, hint: str) -> None:
        super().__init__()
        self._title, self._hint = title, hint
        self._before = visible(text, keep="\n")

    def compose(self) -> ComposeResult:
        """The text, and what it is for."""
        with Vertical(classes="box -wide") as box:
            box.border_title = self._title
            box.border_subtitle = "enter take · ctrl+j new line · esc back"
            yield Editor(self._before, soft_wrap=True, show_line_numbers=False, compact=True)
            yield Static(self._hint, classes="hint")

    def on_mount(self) -> None:
        """All is selected: typing replaces it, an arrow keeps it."""
        self.query_one(Editor).select_all()

    def on_editor_taken(self) -> None:
        """Gives the text back if it is another."""
        text = self.query_one(Editor).text
        self.dismiss(text if text != self._before else None)
