"""Dialog for choosing a corpus: a sample corpus, generated sequences with a dial, or a path."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from seqcore.records import Dial
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from seqtui.live.snapshot import CorpusChoice
from seqtui.tui.dialogs.dialog import CleanInput, Dialog, SteadyOptionList
from seqtui.tui.widgets.numbers import thousands
from seqtui.visible import visible


def size_of(choice: CorpusChoice) -> str:
    """Return how large a corpus is, or how far its dial goes."""
    if choice.dial is not None:
        return f"◂ {choice.dial.least:,} to {choice.dial.most:,} ▸"
    return f"{thousands(choice.rows)} rows" if choice.rows else f"{thousands(choice.characters)} characters"


def entry(choice: CorpusChoice, current: bool, name_width: int) -> Content:
    """Return a list entry: name and size, with the description below."""
    about = choice.description
    if choice.dial is not None:
        about = about.replace("N ", f"{choice.dial.value:,} ")
    return Content.assemble(
        f"{'●' if current else ' '} ", (f"{visible(choice.name):<{name_width}}", "bold"),
        (f"  {size_of(choice):>16}", "$muted $quiet"), "\n    ", (visible(about), "$muted $quiet"),
    )  # fmt: skip


class CorpusList(SteadyOptionList):
    """The list of corpora; ← and → turn the dial of the highlighted one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "turn(-1)", show=False),
        Binding("right,plus,equals_sign", "turn(1)", show=False),
    ]

    class Turned(Message):
        """The dial of the highlighted corpus is to be turned."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    def action_turn(self, direction: int) -> None:
        """Ask for the next value of the dial (direction -1: the one before)."""
        self.post_message(self.Turned(direction))


class CorpusPicker(Dialog[str]):
    """List the corpora and accept a path. The result is the argument of `Session.change_corpus`.

    `current` is the name of the corpus that is trained on, `dial` its dial if it has one.
    """

    def __init__(self, choices: Sequence[CorpusChoice], current: str, dial: Dial | None = None) -> None:
        super().__init__()
        self._choices = [
            _at(choice, dial.value) if dial and choice.dial and choice.dial.name == dial.name else choice
            for choice in choices
        ]
        names = [choice.name for choice in self._choices]
        self._current = dial.source if dial is not None and dial.source in names else current
        self._width = max((len(visible(choice.name)) + (2 if choice.dial else 0) for choice in choices), default=0)

    def compose(self) -> ComposeResult:
        """Compose the list under its headings, and the path field."""
        with Vertical(classes="box -wide") as box:
            box.border_title = "corpus"
            box.border_subtitle = "enter train on it · tab list or path · esc back"
            yield CorpusList(*self._options(), compact=True)
            yield Static(self._hint(), classes="hint")
            yield CleanInput(placeholder="path", compact=True)
            yield Label("", classes="complaint", markup=False)
            yield Static("This starts a new run with new parameters; the current run stays saved.", classes="hint")

    def _hint(self) -> str:
        if not any(choice.dial for choice in self._choices):
            return "or a text file, or a folder of text files"
        return "← → dial · or a text file, a folder of them, a table of texts and labels"

    def _options(self) -> list[Option]:
        """Return the entries, with a heading over those for each form of task."""
        made: list[Option] = []
        form = ""
        for number, choice in enumerate(self._choices):
            if choice.form != form:
                form = choice.form
                made.append(Option(Content.styled(visible(form), "$accent"), disabled=True))
            made.append(Option(self._entry(number), id=str(number)))
        return made

    def _entry(self, number: int) -> Content:
        choice = self._choices[number]
        return entry(choice, choice.name == self._current, self._width)

    def on_mount(self) -> None:
        """Focus the current corpus in the list, or the path field if there are no samples."""
        names = [choice.name for choice in self._choices]
        if not names:
            self.query_one(Input).focus()
            return
        listed = self.query_one(OptionList)
        at = names.index(self._current) if self._current in names else 0
        listed.highlighted = listed.get_option_index(str(at))
        listed.focus()

    def on_corpus_list_turned(self, event: CorpusList.Turned) -> None:
        """Turn the dial of the highlighted corpus; does nothing if it has none."""
        listed = self.query_one(OptionList)
        number = None if listed.highlighted is None else listed.get_option_at_index(listed.highlighted).id
        if number is None or (dial := self._choices[int(number)].dial) is None:
            return
        self._choices[int(number)] = _at(self._choices[int(number)], dial.stepped(event.direction).value)
        listed.replace_option_prompt(number, self._entry(int(number)))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the selected corpus."""
        if event.option.id is not None:
            self.dismiss(self._choices[int(event.option.id)].name)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept the name of a corpus or an existing path; the session checks the contents."""
        name = event.value.strip()
        if name in {choice.name for choice in self._choices}:
            self.dismiss(name)
            return
        if (dial := self._dial(name)) is not None:
            self._take(name, dial)
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

    def _dial(self, name: str) -> Dial | None:
        """Return the dial that a name like copy:250 means; None if it means none."""
        dials = {choice.dial.name: choice.dial for choice in self._choices if choice.dial is not None}
        kind, colon, _ = name.partition(":")
        return dials.get(kind) if colon else None

    def _take(self, name: str, dial: Dial) -> None:
        """Accept generated sequences if their dial goes so far."""
        number = name.partition(":")[2]
        value = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else -1
        if dial.least <= value <= dial.most:
            self.dismiss(dial.at(value).source)
        else:
            self._complain(f"The dial of {dial.name} goes from {dial.least} to {dial.most:,}.")

    def _complain(self, message: str) -> None:
        self.query_one(".complaint", Label).update(visible(message))


def _at(choice: CorpusChoice, value: int) -> CorpusChoice:
    """Return a choice with its dial at a value."""
    assert choice.dial is not None
    dial = choice.dial.at(value)
    return replace(choice, name=dial.source, dial=dial)
