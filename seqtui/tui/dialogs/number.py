"""Dialog for a number within a range."""

import math

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from seqtui.tui.dialogs.dialog import CleanInput, Dialog


class NumberDialog(Dialog[float]):
    """Ask for a number; Enter accepts it, Escape leaves everything as it is."""

    def __init__(self, title: str, value: float, low: float, high: float, hint: str, *, whole: bool = False) -> None:
        super().__init__()
        self._title, self._value, self._hint = title, value, hint
        self._low, self._high, self._whole = low, high, whole

    def compose(self) -> ComposeResult:
        """Compose the field and a hint on its effect."""
        with Vertical(classes="box -narrow") as box:
            box.border_title = self._title
            box.border_subtitle = "enter take · esc back"
            yield CleanInput(f"{self._value:g}", restrict=r"[-+.0-9e]*", max_length=12, compact=True)
            yield Static(self._hint, classes="hint", markup=False)
            yield Label("", classes="complaint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept a number in the range, or show the range."""
        try:
            value = float(event.value)
        except ValueError:
            value = math.nan
        if self._low <= value <= self._high and math.isfinite(value) and (not self._whole or value == int(value)):
            self.dismiss(value)
            return
        what = "a whole number" if self._whole else "a number"
        ends = f" from {self._low:g}" if math.isfinite(self._low) else ""
        ends += f" to {self._high:g}" if math.isfinite(self._high) else ""
        self.query_one(".complaint", Label).update(f"Enter {what}{ends}.")
