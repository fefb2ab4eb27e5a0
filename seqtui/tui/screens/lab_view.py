"""What the commands of the Lab ask of it."""

from typing import Protocol

from seqtui.tui.commands.curves import CurvesView
from seqtui.tui.commands.playhead import PlayheadView
from seqtui.tui.panes.loss import LossPane
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.panes.translation import TranslationPane


class LabView(CurvesView, PlayheadView, Protocol):
    """What these commands ask of the Lab."""

    loss: LossPane
    score: ScorePane
    second: str  # the pane beside the loss

    def next_page(self) -> None:
        """Show the next page of the pane beside the loss."""

    @property
    def translation(self) -> TranslationPane | None:
        """The pane of translations, if it stands beside the loss."""
