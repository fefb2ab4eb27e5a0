"""Dialog for entering a text: the text of the score, or the prompt of the generated text."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from seqtui.tui.dialogs.dialog import CleanTextArea, Dialog
from seqtui.visible import visible


class Editor(CleanTextArea):
    """A text area in which Enter accepts the text and ctrl+j inserts a line break."""

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
    """Ask for a text, starting from the current one. The result is None if it was not changed."""

    def __init__(self, title: str, text: str, hint: str) -> None:
        super().__init__()
        self._title, self._hint = title, hint
        self._before = visible(text, keep="\n")

    def compose(self) -> ComposeResult:
        """Compose the editor and a hint."""
        with Vertical(classes="box -wide") as box:
            box.border_title = self._title
            box.border_subtitle = "enter take · ctrl+j new line · esc back"
            yield Editor(self._before, soft_wrap=True, show_line_numbers=False, compact=True)
            yield Static(self._hint, classes="hint")

    def on_mount(self) -> None:
        """Select everything: typing replaces the text, an arrow key keeps it."""
        self.query_one(Editor).select_all()

    def on_editor_taken(self) -> None:
        """Return the text if it was changed."""
        text = self.query_one(Editor).text
        self.dismiss(text if text != self._before else None)
