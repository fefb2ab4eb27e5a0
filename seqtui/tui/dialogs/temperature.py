"""Dialog for setting the temperature."""

import math

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from seqtui.tui.dialogs.dialog import CleanInput, Dialog

COLDEST, HOTTEST = 0.05, 5.0


class TemperatureDialog(Dialog[float]):
    """Ask for a number; Enter accepts it, Escape keeps the current one."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self._temperature = temperature

    def compose(self) -> ComposeResult:
        """Compose the field and a hint on its effect."""
        with Vertical(classes="box -narrow") as box:
            box.border_title = "temperature"
            box.border_subtitle = "enter take · esc back"
            yield CleanInput(f"{self._temperature:g}", restrict=r"[0-9.]*", max_length=5, compact=True)
            yield Static(f"{COLDEST:g} to {HOTTEST:g}. Below 1: safer; above 1: bolder.", classes="hint")
            yield Label("", classes="complaint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept a number in the range, or show the range."""
        try:
            value = float(event.value)
        except ValueError:
            value = math.nan
        if COLDEST <= value <= HOTTEST:
            self.dismiss(value)
        else:
            self.query_one(".complaint", Label).update(f"Enter a number from {COLDEST:g} to {HOTTEST:g}.")
