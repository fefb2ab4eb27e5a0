"""The view of the cell: what does this step compute? One unit at one timestep, forwards and backwards."""

from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType

from seqtui.live.cell_watch import CellAsked, CellSeen
from seqtui.live.snapshot import Session
from seqtui.tui.panes.cell_picture import CellPicturePane
from seqtui.tui.panes.celled import Celled
from seqtui.tui.panes.equations import EquationsPane, TermsPane
from seqtui.tui.screens.cell_commands import CELL
from seqtui.tui.screens.panes import PanesScreen


class Cell(PanesScreen[Celled]):
    """The picture of the cell, its equations, and the terms of one of them."""

    VIEW = "cell"
    ASKS = ("cell",)
    MOST_ABOVE = 20
    BINDINGS: ClassVar[list[BindingType]] = CELL.bindings()

    def __init__(self, session: Session) -> None:
        super().__init__(session, CELL, {"cell": CellPicturePane(), "equations": EquationsPane(), "terms": TermsPane()})
        self.backwards = False
        self.second = False
        self._picked = [0, 0]  # forwards and backwards

    @property
    def arguments(self) -> CellAsked:
        """The unit and the timestep."""
        place = self.standpoint
        return CellAsked(place.playhead, place.layer, place.unit, self.second, self.backwards)

    @property
    def seen(self) -> CellSeen | None:
        """What was found last."""
        found = self.shown.looks.get("cell")
        return found if isinstance(found, CellSeen) else None

    @property
    def subject(self) -> Celled:
        """What is drawn now."""
        shown, seen = self.shown, self.seen
        playhead = seen.facts.t if seen is not None else self.standpoint.playhead
        picked = self._picked[self.backwards]
        return Celled(shown.phase, self.probe, playhead, seen, self.backwards, picked)

    @property
    def on(self) -> frozenset[str]:
        """Whether the chain rule is shown."""
        return frozenset({"turn_round"} if self.backwards else ())

    def pick(self, by: int) -> None:
        """Pick another equation."""
        last = len(self.subject.lines) - 1
        self._picked[self.backwards] = max(0, min(self._picked[self.backwards] + by, last))
        self.draw()

    def turn_round(self) -> None:
        """Show the chain rule backwards, or the equations again."""
        self.backwards = not self.backwards
        self.moved()

    def other_direction(self) -> None:
        """Show the encoder's second direction, or the first again."""
        self.second = not self.second
        self.moved()

    def move_unit(self, by: int) -> None:
        """Show another unit of the layer."""
        config, seen = self.shown.shape, self.seen
        if config is not None and seen is not None:
            unit = self.place.unit if self.place.unit is not None else seen.facts.unit
            self.standpoint = replace(self.standpoint, unit=(unit + by) % config.hidden)

    def move_layer(self) -> None:
        """Show the next layer."""
        config = self.shown.shape
        if config is not None:
            self.standpoint = replace(self.standpoint, layer=(self.standpoint.layer + 1) % config.layers)

    def on_equations_pane_picked(self, event: EquationsPane.Picked) -> None:
        """Pick the equation that the user points at."""
        self._picked[self.backwards] = event.place
        self.draw()
