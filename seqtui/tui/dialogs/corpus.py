"""Dialog for choosing a corpus: a sample corpus or a path."""

import os
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from seqtui.live.snapshot import CorpusChoice
from seqtui.tui.dialogs.dialog import CleanInput, Dialog, SteadyOptionList
from seqtui.tui.widgets.numbers import thousands
from seqtui.visible import visible


def option(choice: CorpusChoice, current: str, name_width: int) -> Option:
    """Return a list entry: name and size, with the description below."""
    mark = "●" if choice.name == current else " "
    size = f"{thousands(choice.characters)} characters"
    name = visible(choice.name)
    return Option(
        Content.assemble(
            f"{mark} ", (f"{name:<{name_width}}", "bold"), (f"  {size:>16}", "$foreground 60%"),
            "\n    ", (visible(choice.description), "$foreground 60%"),
        )
    )  # fmt: skip


class CorpusPicker(Dialog[str]):
    """List the sample corpora and accept a path. The result is the argument of `Session.change_corpus`."""

    def __init__(self, choices: Sequence[CorpusChoice], current: str) -> None:
        super().__init__()
        self._choices, self._current = choices, current

    def compose(self) -> ComposeResult:
        """Compose the sample list and the path field."""
        width = max((len(visible(choice.name)) for choice in self._choices), default=0)
        with Vertical(classes="box -wide") as box:
            box.border_title = "corpus"
            box.border_subtitle = "enter train on it · tab list or path · esc back"
            yield SteadyOptionList(*(option(choice, self._current, width) for choice in self._choices), compact=True)
            yield Static("or a text file, or a folder of text files", classes="hint")
            yield CleanInput(placeholder="path", compact=True)
            yield Label("", classes="complaint", markup=False)
            yield Static("This starts a new run with new parameters; the current run stays saved.", classes="hint")

    def on_mount(self) -> None:
        """Focus the current corpus in the list, or the path field if there are no samples."""
        names = [choice.name for choice in self._choices]
        if not names:
            self.query_one(Input).focus()
            return
        listed = self.query_one(OptionList)
        listed.highlighted = names.index(self._current) if self._current in names else 0
        listed.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the selected sample."""
        self.dismiss(self._choices[event.option_index].name)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept the name of a sample or an existing path; the session checks the contents."""
        name = event.value.strip()
        if name in {choice.name for choice in self._choices}:
            self.dismiss(name)
            return
        path = os.path.expanduser(
            name
        )  # and not those of Path: they raise if there is no such user, or a name is too long
        if not name:
            self._complain("Which file? Enter a path, or choose from the list.")
        elif not os.path.exists(path):
            self._complain(f"No such file or folder: {os.path.abspath(path)}")
        else:
            self.dismiss(path)

    def _complain(self, message: str) -> None:
        self.query_one(".complaint", Label).update(visible(message))
