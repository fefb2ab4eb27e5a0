"""Dialog for choosing a model."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from seqtui.live.snapshot import ModelChoice, Snapshot
from seqtui.tui.dialogs.dialog import CleanInput, Dialog
from seqtui.tui.dialogs.settings import (
    EQUATIONS,
    FAMILY,
    NOTES,
    SETTINGS,
    Option,
    Setting,
    check,
    defaults,
    kind_of,
    settings_of,
    size,
)
from seqtui.tui.widgets.numbers import millions


class SettingInput(CleanInput):
    """A numeric field: typed, or stepped with ← and →; ↑ and ↓ move to the other fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "step(-1)", show=False),
        Binding("right,plus", "step(1)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, setting: Setting, value: float) -> None:
        super().__init__(
            _written(value),
            restrict=r"[0-9]*" if setting.whole else r"[0-9.]*",
            max_length=max(5, len(_written(value))),
            compact=True,
            id=setting.name,
        )
        self.setting = setting

    def action_step(self, direction: int) -> None:
        """Step to the next preset value in the given direction (-1 or 1)."""
        try:
            value = self.setting.parse(self.value)
        except ValueError:
            value = self.setting.low
        self.value = _written(self.setting.next(value, direction))
        self.select_all()


class OptionField(Static, can_focus=True):
    """A field with a fixed set of values, stepped with ← and → or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "step(-1)", show=False),
        Binding("right,plus", "step(1)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("enter", "screen.take", show=False),
    ]

    class Changed(Message):
        """The value has changed."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, option: Option, value: str) -> None:
        super().__init__(f"◂ {value} ▸", classes="option", markup=False, id=option.name)
        self.option, self.value = option, value

    def put(self, value: str) -> None:
        """Set the value and show it."""
        self.value = value
        self.update(f"◂ {value} ▸")

    def action_step(self, direction: int) -> None:
        """Step to the next or previous value, wrapping around at the ends."""
        words = self.option.words
        self.put(words[(words.index(self.value) + direction) % len(words)])
        self.post_message(self.Changed(self.option.name))

    def on_click(self) -> None:
        """Step to the next value."""
        self.action_step(1)


class Stepper(Static):
    """The ◂ or ▸ next to a number, for the mouse."""

    class Stepped(Message):
        """The stepper was clicked."""

        def __init__(self, name: str, direction: int) -> None:
            super().__init__()
            self.name, self.direction = name, direction

    def __init__(self, setting: Setting, direction: int) -> None:
        super().__init__("◂" if direction < 0 else "▸", classes="stepper")
        self._setting, self._direction = setting, direction

    def on_click(self) -> None:
        """Step the number next to it."""
        self.post_message(self.Stepped(self._setting.name, self._direction))


class ModelPicker(Dialog[ModelChoice]):
    """Ask for a model and show its equations and size; Enter returns it."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (23, "-high")]  # noqa: RUF012  # declared this way in Textual
    AUTO_FOCUS = "#family"  # the first row; focused immediately, so that no key press is lost

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._choice = snapshot.model
        self._left: dict[str, dict[str, str]] = {}  # field values of each kind of model that was switched away from
        self._family = snapshot.model.family

    def compose(self) -> ComposeResult:
        """Compose the family, one row per setting, then the equations and the size."""
        with Vertical(classes="box -narrow") as box:
            box.border_title = "model"
            box.border_subtitle = "↑ ↓ choose · ← → change · enter train · esc back"
            for one in (FAMILY, *SETTINGS):
                value = getattr(self._choice, one.name)
                with Horizontal(classes="setting", id=f"row-{one.name}"):
                    yield Label(one.label, classes="name")
                    if isinstance(one, Option):
                        yield OptionField(one, value)
                        yield Label("", classes="note", markup=False)
                    else:
                        yield Stepper(one, -1)
                        yield SettingInput(one, value)
                        yield Stepper(one, 1)
                        yield Label(one.note, classes="note", markup=False)
            yield Static("", id="equations", markup=False)
            yield Static("", id="size", markup=False)
            yield Label("", classes="complaint", markup=False)
            yield Static("This starts a new run with new parameters; the current run stays saved.", classes="hint")

    def on_mount(self) -> None:
        """Show the settings of the current model."""
        self._show_family()

    def on_input_changed(self) -> None:
        """Update the size as the user types."""
        self.say_size()

    def on_option_field_changed(self, event: OptionField.Changed) -> None:
        """Update the rows and equations; a family of another kind also has its own values."""
        if event.name == "family":
            self._change_family(self.query_one("#family", OptionField).value)
        self._show_family()

    def _settings(self) -> list[Setting | Option]:
        """Return the settings of the family, without those that the task decides."""
        return [
            one
            for one in settings_of(self._family, self._snapshot.task.features)
            if one.name not in self._snapshot.task.fixed
        ]

    def _begins(self, family: str) -> ModelChoice:
        """Return the defaults of a family; examples with an end have the length that they have."""
        begins = defaults(family)
        return begins if self._snapshot.task.passages else replace(begins, length=self._snapshot.model.length)

    def _change_family(self, family: str) -> None:
        """Keep the values for a family of the same kind; else restore that kind's last values, or set its defaults."""
        before, now = kind_of(self._family), kind_of(family)
        self._family = family
        if before == now:
            return
        self._left[before] = {one.name: self._field(one).value for one in SETTINGS}
        begins = self._begins(family)
        values = self._left.get(now, {one.name: _written(getattr(begins, one.name)) for one in SETTINGS})
        for one in SETTINGS:
            field = self._field(one)
            if isinstance(field, OptionField):
                field.put(values[one.name])
            else:
                field.value = values[one.name]

    def _field(self, one: Setting | Option) -> SettingInput | OptionField:
        if isinstance(one, Option):
            return self.query_one(f"#{one.name}", OptionField)
        return self.query_one(f"#{one.name}", SettingInput)

    def _show_family(self) -> None:
        """Show the rows of the family's settings, and its equations."""
        shown = self._settings()
        for one in SETTINGS:
            self.query_one(f"#row-{one.name}").display = one in shown
        self.query_one("#row-family .note", Label).update(NOTES[self._family])
        activation = self.query_one("#activation", OptionField).value
        self.query_one("#equations", Static).update("\n".join(EQUATIONS[self._family]).format(activation))
        self.say_size()

    def say_size(self) -> None:
        """Show the size of the choice or what is wrong with it, and mark each number that is out of range."""
        for one in self._settings():
            if isinstance(one, Setting):
                self._say_range(one)
        error, said = self.query_one(".complaint", Label), self.query_one("#size", Static)
        try:
            choice = self.read()
        except ValueError as wrong:
            error.update(str(wrong))
            said.update("")
            return
        error.update("")
        said.update(self.describe(choice))

    def _say_range(self, setting: Setting) -> None:
        note = self.query_one(f"#row-{setting.name} .note", Label)
        try:
            setting.parse(self.query_one(f"#{setting.name}", Input).value)
        except ValueError:
            note.update(f"◂ {setting.range}")
            note.add_class("-wrong")
        else:
            note.update(setting.note)
            note.remove_class("-wrong")

    def on_input_submitted(self) -> None:
        """Accept all fields when Enter is pressed in any of them."""
        self.action_take()

    def action_take(self) -> None:
        """Close with the choice, or show what is wrong with it."""
        try:
            choice = self.read()
        except ValueError as wrong:
            self.query_one(".complaint", Label).update(str(wrong))
        else:
            self.dismiss(choice)

    def on_stepper_stepped(self, event: Stepper.Stepped) -> None:
        """Step the number whose arrow was clicked."""
        self.query_one(f"#{event.name}", SettingInput).action_step(event.direction)

    def read(self) -> ModelChoice:
        """Return the choice in the fields. Raises ValueError with a message about the first invalid field."""
        values: dict[str, Any] = {"family": self._family}
        for one in self._settings():
            text = self._field(one).value
            values[one.name] = text if isinstance(one, Option) else one.parse(text)
        same = kind_of(self._family) == kind_of(self._choice.family)
        choice = replace(self._choice if same else self._begins(self._family), **values)
        check(choice, "decoder" in self._snapshot.task.features)
        return choice

    def describe(self, choice: ModelChoice) -> str:
        """Return the parameter count and training memory of a choice, in one line."""
        if not self._snapshot.vocabulary and self._snapshot.shape is None:
            return "The size depends on the corpus, which is still loading."
        now = self._snapshot
        count, room = size(choice, now.vocabulary, now.shape, now.training, now.task.batches)
        if self._snapshot.parameters and choice == self._snapshot.model:
            count = self._snapshot.parameters
        return f"{millions(count)} parameters, up to {room / 1e6:,.0f} MB while training"


def _written(value: str | float) -> str:
    """Format a value for its field: all digits, no exponent."""
    return value if isinstance(value, str) else np.format_float_positional(value, trim="-")
