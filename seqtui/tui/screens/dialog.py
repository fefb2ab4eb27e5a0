"""What all dialogs share: a box over the Lab, left with Escape."""

from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from seqtui.visible import visible

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A box over the Lab; its result is None when a person thinks better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    def action_leave(self) -> None:
        """Closes the dialog; nothing changes."""
        self.dismiss(None)


class CleanInput(Input):
    """An input into which a paste brings no control character."""

    def on_paste(self, event: events.Paste) -> None:
        """Runs before the input takes the text."""
        event.text = visible(event.text.strip("\r\n"))


class CleanTextArea(TextArea):
    """An editor into which a paste brings no control character but line breaks."""

    def on_paste(self, event: events.Paste) -> None:
        """Runs before the editor takes the text."""
        event.text = visible(event.text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n")
