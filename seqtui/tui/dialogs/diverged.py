"""Dialogs shown when training has diverged, and before a rollback that the user requested."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from seqtui.live.snapshot import Snapshot
from seqtui.tui.dialogs.dialog import Dialog
from seqtui.tui.widgets.numbers import significant
from seqtui.visible import visible

Way = Literal["recover", "stay", "quit"]


class DivergedDialog(Dialog[Way]):
    """Offer the three ways to continue after a non-finite loss or gradient."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,R", "take('recover')", "Recover", show=False),
        Binding("l", "take('stay')", "Look", show=False),
        Binding("q", "take('quit')", "Quit", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        """Compose the cause and the choices."""
        snapshot = self._snapshot
        kept = snapshot.checkpoint_step
        back = (
            f"The last good checkpoint is from step {kept:,}."
            if kept is not None
            else "No checkpoint has been saved yet."
        )
        with Vertical(classes="box -alarm") as box:
            box.border_title = f"▲ diverged at step {snapshot.step:,}"
            box.border_subtitle = "← → choose · enter take"
            yield Static(visible(snapshot.message) or "The loss is no longer a finite number.", markup=False)
            yield Static(f"The parameters are from before that step. {back}", classes="hint")
            half = significant(snapshot.learning_rate / 2)
            with Horizontal(classes="buttons"):
                yield Button(f"r  recover at lr {half}", id="recover", compact=True)
                yield Button("l  stay and look", id="stay", compact=True)
                yield Button("q  quit", id="quit", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the choice whose button was pressed."""
        self.action_take(event.button.id or "stay")

    def action_take(self, way: str) -> None:
        """Close with the given choice."""
        ways: dict[str, Way] = {"recover": "recover", "quit": "quit"}
        self.dismiss(ways.get(way, "stay"))


class BackDialog(Dialog[bool]):
    """Ask whether to discard the steps since the last checkpoint."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r,R,y", "take(True)", "Go back", show=False)]

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        """Compose what is discarded and what changes."""
        kept, step = self._snapshot.checkpoint_step or 0, self._snapshot.step
        with Vertical(classes="box -narrow") as box:
            box.border_title = f"back to step {kept:,}"
            box.border_subtitle = "enter go back · esc stay"
            made = f"{step - kept:,} so far"  # training continues behind the dialog
            yield Static(f"The steps since then, {made}, will be discarded.", markup=False)
            yield Static("The learning rate will be half of its value at that step.", classes="hint")
            with Horizontal(classes="buttons"):
                yield Button("r  go back", id="back", compact=True)

    def on_button_pressed(self) -> None:
        """Go back: there is only one button."""
        self.action_take(True)

    def action_take(self, back: bool) -> None:
        """Close with the answer."""
        self.dismiss(back)
