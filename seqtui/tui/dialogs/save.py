"""Dialog for saving a pane: a file name, whose ending chooses the format."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Label, Static

from seqtui.tui.dialogs.dialog import CleanInput, Dialog
from seqtui.visible import visible

_KINDS = {".svg": "picture", ".txt": "text", ".csv": "table", ".npz": "NumPy arrays"}


class Destination(NamedTuple):
    """Where a file is written."""

    path: Path
    replace: bool  # whether a file that is there is replaced


class SaveDialog(Dialog[Destination]):
    """Ask for the name of a file; Enter writes it, a second time if that replaces another file.

    Args:
        suggested: a free name for each ending that a name may have.
        lacking: the endings that need data, if there are none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "next_ending", show=False, priority=True)]

    def __init__(self, suggested: Mapping[str, str], lacking: Collection[str]) -> None:
        super().__init__()
        self._suggested, self._endings, self._lacking = suggested, list(suggested), lacking
        self._asked = ""  # the name of a file that is there, once the user was told

    def compose(self) -> ComposeResult:
        """Compose the field, the formats, and a line for what is wrong."""
        with Vertical(classes="box") as box:
            box.border_title = "save the pane"
            box.border_subtitle = "enter save · tab next format · esc back"
            yield CleanInput(self._suggested[self._endings[0]], select_on_focus=False, compact=True)
            formats = " · ".join(f"{ending} {_KINDS[ending]}" for ending in self._endings)
            yield Static(Content(f"{formats}. In {visible(str(Path.cwd()))}"), classes="hint")
            yield Label("", classes="complaint")

    def action_next_ending(self) -> None:
        """Give the name the next ending."""
        field = self.query_one(Input)
        ending = Path(field.value).suffix
        at = self._endings.index(ending.lower()) if ending.lower() in self._endings else -1
        following = self._endings[(at + 1) % len(self._endings)]
        if field.value == self._suggested.get(ending):
            field.value = self._suggested[following]
        else:
            field.value = (field.value.removesuffix(ending) if at >= 0 else field.value) + following
        field.cursor_position = len(field.value)

    def on_input_changed(self) -> None:
        """Another name may be free."""
        self._complain("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the path, or say what is wrong with it."""
        name = event.value.strip()
        path = Path(os.path.expanduser(name))
        ending = path.suffix.lower()
        there = os.path.exists(path)
        if ending not in self._endings:
            self._complain(f"End the name with {', '.join(self._endings[:-1])} or {self._endings[-1]}.")
        elif ending in self._lacking:
            kept = " or ".join(one for one in self._endings if one not in self._lacking)
            self._complain(f"This pane has no data yet: save what it shows as {kept}.")
        elif os.path.isdir(path):
            self._complain(f"{name} is a folder: give another name.")
        elif there and self._asked != name:
            self._complain(f"{name} is there already. Enter again replaces it.")
            self._asked = name
        else:
            self.dismiss(Destination(path.absolute(), there))

    def _complain(self, words: str) -> None:
        self._asked = ""
        self.query_one(".complaint", Label).update(Content(visible(words)))
