"""What is asked when the training has diverged, and before it goes back at a person's wish."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from seqtui.snapshot import Snapshot
from seqtui.tui.screens.dialog import Dialog
from seqtui.tui.widgets.numbers import significant
from seqtui.visible import visible

Way = Literal["recover", "stay", "quit"]


class DivergedDialog(Dialog[Way]):
    """Offers the three ways on from a loss or gradient that is not finite."""

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
        """What happened, and what can be done."""
        snapshot = self._snapshot
        kept = snapshot.checkpoint_step
        back = (
            f"The last good checkpoint is that of step {kept:,}."
            if kept is not None
            else "No checkpoint was written yet."
        )
        with Vertical(classes="box -alarm") as box:
            box.border_title = f"▲ diverged at step {snapshot.step:,}"
            box.border_subtitle = "← → choose · enter take"
            yield Static(visible(snapshot.message) or "The loss is no longer a finite number.", markup=False)
            yield Static(f"The parameters are those before it. {back}", classes="hint")
            half = significant(snapshot.learning_rate / 2)
            with Horizontal(classes="buttons"):
                yield Button(f"r  recover at lr {half}", id="recover", compact=True)
                yield Button("l  stay and look", id="stay", compact=True)
                yield Button("q  quit", id="quit", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A way was chosen."""
        self.action_take(event.button.id or "stay")

    def action_take(self, way: str) -> None:
        """Leaves with the way that was chosen."""
        ways: dict[str, Way] = {"recover": "recover", "quit": "quit"}
        self.dismiss(ways.get(way, "stay"))


class BackDialog(Dialog[bool]):
    """Asks whether to give up the steps since the last checkpoint."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r,R,y", "take(True)", "Go back", show=False)]

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        """What is given up, and what is got for it."""
        kept, step = self._snapshot.checkpoint_step or 0, self._snapshot.step
        with Vertical(classes="box -narrow") as box:
            box.border_title = f"back to step {kept:,}"
            box.border_subtitle = "enter go back · esc stay"
            made = f"{step - kept:,} so far"  # training goes on beneath
            yield Static(f"The steps since then, {made}, will be given up.", markup=False)
            yield Static("The learning rate becomes half of what it was there.", classes="hint")
            with Horizontal(classes="buttons"):
                yield Button("r  go back", id="back", compact=True)

    def on_button_pressed(self) -> None:
        """There is one button."""
        self.action_take(True)

    def action_take(self, back: bool) -> None:
        """Leaves with the answer."""
        self.dismiss(back)
