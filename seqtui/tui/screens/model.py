"""The dialog that chooses a model."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from seqcore.config import FAMILIES, ModelConfig
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from seqtui.snapshot import ModelChoice, Snapshot
from seqtui.tui.screens.dialog import CleanInput, Dialog
from seqtui.tui.status import millions

GATES = {"lstm": 4, "gru": 3, "rnn": 1}  # matrices of a layer, by family
EMBEDDING: int = ModelConfig.embedding  # the engine's default, which the dialog does not change
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Setting:
    """One number of a model: its name in `ModelChoice`, its range, and what the arrow keys step through."""

    name: str
    label: str
    low: float
    high: float
    steps: tuple[float, ...]
    whole: bool = True

    def parse(self, text: str) -> float:
        """The number. Raises ValueError with a sentence for the person who wrote it."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"{self.label}: {kind} from {self.low:g} to {self.high:g}, please.")
        return int(value) if self.whole else value

    def next(self, value: float, direction: int) -> float:
        """The nearest step above or below a value; the end of the range beyond the last."""
        if direction > 0:
            return next((step for step in self.steps if step > value), self.steps[-1])
        return next((step for step in reversed(self.steps) if step < value), self.steps[0])


SETTINGS = (
    Setting("hidden", "units", 16, 1024, (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)),
    Setting("layers", "layers", 1, 4, (1, 2, 3, 4)),
    Setting("dropout", "dropout", 0.0, 0.9, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), whole=False),
    Setting("batch", "batch", 1, 256, (8, 16, 32, 64, 128, 256)),
    Setting("length", "length", 8, 512, (16, 32, 64, 96, 128, 192, 256, 512)),
)
NOTES = {
    "hidden": "in each layer",
    "layers": "on top of each other",
    "dropout": "between layers",
    "batch": "sequences at once",
    "length": "timesteps, back through time",
}


def parameters(choice: ModelChoice, vocabulary: int) -> int:
    """How many numbers are learnt: an embedding (V, E), the gates of each layer, and the way out (H + 1, V)."""
    hidden, gates = choice.hidden, GATES[choice.family] * choice.hidden
    inputs = [EMBEDDING, *[hidden] * (choice.layers - 1)]
    layers = sum(gates * (width + hidden + 1) for width in inputs)
    return vocabulary * EMBEDDING + layers + vocabulary * (hidden + 1)


def training_bytes(choice: ModelChoice, vocabulary: int) -> int:
    """What training holds in memory, roughly: parameters, their packed copy, gradient and two moments, activations."""
    hidden, layers, gates = choice.hidden, choice.layers, GATES[choice.family]
    states = layers * (gates + 3) * hidden  # gates, c, h and dh
    inputs = (layers - 1) * gates * hidden + (layers * hidden if choice.dropout else 0)
    return FLOAT * (5 * parameters(choice, vocabulary) + choice.batch * choice.length * (states + inputs + vocabulary))


class SettingInput(CleanInput):
    """A number: typed, or stepped with ← and →; ↑ and ↓ go to the other numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "step(-1)", show=False),
        Binding("right,plus", "step(1)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, setting: Setting, value: float) -> None:
        super().__init__(
            f"{value:g}",
            restrict=r"[0-9]*" if setting.whole else r"[0-9.]*",
            max_length=5,
            compact=True,
            id=setting.name,
        )
        self.setting = setting

    def action_step(self, direction: int) -> None:
        """To the next sensible number in a direction."""
        try:
            value = self.setting.parse(self.value)
        except ValueError:
            value = self.setting.low
        self.value = f"{self.setting.next(value, direction):g}"
        self.select_all()


class Family(Static, can_focus=True):
    """The family of the model, stepped with ← and → or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "step(-1)", show=False),
        Binding("right,plus", "step(1)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("enter", "screen.take", show=False),
    ]

    class Changed(Message):
        """Another family was chosen."""

    def __init__(self, family: str) -> None:
        super().__init__(f"◂ {family} ▸", classes="family", markup=False)
        self.family = family

    def action_step(self, direction: int) -> None:
        """To the next family there is."""
        self.family = FAMILIES[(FAMILIES.index(self.family) + direction) % len(FAMILIES)]
        self.update(f"◂ {self.family} ▸")
        self.post_message(self.Changed())

    def on_click(self) -> None:
        """The next family."""
        self.action_step(1)


class Stepper(Static):
    """The ◂ or ▸ beside a number, for the mouse."""

    class Stepped(Message):
        """It was clicked."""

        def __init__(self, name: str, direction: int) -> None:
            super().__init__()
            self.name, self.direction = name, direction

    def __init__(self, setting: Setting, direction: int) -> None:
        super().__init__("◂" if direction < 0 else "▸", classes="stepper")
        self._setting, self._direction = setting, direction

    def on_click(self) -> None:
        """Steps the number beside it."""
        self.post_message(self.Stepped(self._setting.name, self._direction))


class ModelPicker(Dialog[ModelChoice]):
    """Asks for a model, says how large it is, and gives it back on Enter."""

    AUTO_FOCUS = "#hidden"  # what people come to change; focused once and at once, so that no key goes elsewhere

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._choice = snapshot.model

    def compose(self) -> ComposeResult:
        """A line a number, then what they come to."""
        with Vertical(classes="box -narrow") as box:
            box.border_title = "model"
            box.border_subtitle = "↑ ↓ choose · ← → change · enter train · esc back"
            with Horizontal(classes="setting"):
                yield Label("family", classes="name")
                yield Family(self._choice.family)
            for setting in SETTINGS:
                with Horizontal(classes="setting"):
                    yield Label(setting.label, classes="name")
                    yield Stepper(setting, -1)
                    yield SettingInput(setting, getattr(self._choice, setting.name))
                    yield Stepper(setting, 1)
                    yield Label(NOTES[setting.name], classes="note")
            yield Static("", id="size", markup=False)
            yield Label("", classes="complaint", markup=False)
            yield Static("A new run begins with new parameters; the present one stays saved.", classes="hint")

    def on_input_changed(self) -> None:
        """Says at once what the numbers come to."""
        self.say_size()

    def on_family_changed(self) -> None:
        """Another family is of another size."""
        self.say_size()

    def say_size(self) -> None:
        """What the choice comes to, or what is wrong with it."""
        error, size = self.query_one(".complaint", Label), self.query_one("#size", Static)
        try:
            choice = self.read()
        except ValueError as wrong:
            error.update(str(wrong))
            size.update("")
            return
        error.update("")
        size.update(self.describe(choice))

    def on_input_submitted(self) -> None:
        """Enter, in any of the numbers, takes them all."""
        self.action_take()

    def action_take(self) -> None:
        """Leaves with the choice, or says what is wrong with it."""
        try:
            choice = self.read()
        except ValueError as wrong:
            self.query_one(".complaint", Label).update(str(wrong))
        else:
            self.dismiss(choice)

    def on_stepper_stepped(self, event: Stepper.Stepped) -> None:
        """A click beside a number."""
        self.query_one(f"#{event.name}", SettingInput).action_step(event.direction)

    def read(self) -> ModelChoice:
        """What the fields say. Raises ValueError with a sentence for the first that is wrong."""
        values = {setting.name: setting.parse(self.query_one(f"#{setting.name}", Input).value) for setting in SETTINGS}
        family = self.query_one(Family).family
        return replace(self._choice, family=family, **values)  # type: ignore[arg-type]  # `parse` gives an int where the field is one

    def describe(self, choice: ModelChoice) -> str:
        """Parameters and memory of a choice, in a line."""
        vocabulary = self._snapshot.vocabulary
        if not vocabulary:
            return "Its size depends on the corpus, which is still being read."
        count = parameters(choice, vocabulary)
        if self._snapshot.parameters and choice == self._snapshot.model:
            count = self._snapshot.parameters
        return f"{millions(count)} parameters, about {training_bytes(choice, vocabulary) / 1e6:,.0f} MB while training"
