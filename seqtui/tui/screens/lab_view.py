"""What the commands of the Lab ask of it."""

from typing import Protocol

from seqtui.tui.commands.view import View
from seqtui.tui.panes.loss import LossPane
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.panes.translation import TranslationPane


class LabView(View, Protocol):
    """What these commands ask of the Lab."""

    loss: LossPane
    score: ScorePane
    frozen: bool
    zoomed: str | None  # the pane that has the whole screen
    current: str  # the pane with the focus
    second: str  # the pane beside the loss

    def next_page(self) -> None:
        """Show the next page of the pane beside the loss."""

    @property
    def translation(self) -> TranslationPane | None:
        """The pane of translations, if it stands beside the loss."""

    def go_to(self, name: str) -> None:
        """Focus a pane."""

    def cycle(self, direction: int) -> None:
        """Focus the next or the previous pane."""

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""

    def freeze(self, frozen: bool) -> None:
        """Freeze or unfreeze the panes."""
