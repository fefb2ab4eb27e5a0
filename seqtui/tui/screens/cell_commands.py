"""The commands of the view of the cell: timestep, layer, unit, equation, direction, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import BROWSING, chosen
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, PanesView, numbered
from seqtui.tui.commands.playhead import PLAYHEAD, PlayheadView
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.registry import Commands, Group


class CellView(PanesView, PlayheadView, Protocol):
    """What these commands ask of the view."""

    def pick(self, by: int) -> None:
        """Pick another equation."""

    def turn_round(self) -> None:
        """Show the chain rule backwards, or the equations again."""

    def other_direction(self) -> None:
        """Show the encoder's second direction, or the first again."""

    def move_unit(self, by: int) -> None:
        """Show another unit of the layer."""

    def move_layer(self) -> None:
        """Show the next layer."""


CELL: Commands[CellView] = Commands(TRAINING, chosen(*BROWSING), PLAYHEAD)
_command = CELL.command


@_command("up k", "Equation above", Group.CELL, label="equation", rank=1)
def equation_up(view: CellView) -> None:
    """Pick the equation above: its terms are shown."""
    view.pick(-1)


@_command("down j", "Equation below", Group.CELL, label="equation", rank=1)
def equation_down(view: CellView) -> None:
    """Pick the equation below: its terms are shown."""
    view.pick(1)


@_command("b", "Turn round", Group.CELL, label="backwards", alternate="forwards", rank=0)
def turn_round(view: CellView) -> None:
    """Show the chain rule backwards, or the equations again."""
    view.turn_round()


@_command("less_than_sign", "Previous unit", Group.CELL, label="unit", rank=1)
def unit_before(view: CellView) -> None:
    """Show the unit before."""
    view.move_unit(-1)


@_command("greater_than_sign", "Next unit", Group.CELL, label="unit", rank=1)
def unit_next(view: CellView) -> None:
    """Show the next unit."""
    view.move_unit(1)


@_command("G", "Next layer", Group.CELL, label="layer", rank=3)
def layer(view: CellView) -> None:
    """Show the next layer."""
    view.move_layer()


@_command("v", "Other direction", Group.CELL, rank=6)
def direction(view: CellView) -> None:
    """Show the second direction of a bidirectional encoder, or the first."""
    view.other_direction()


CELL.include(PANES)
numbered(CELL, {"cell": "the picture of the cell", "equations": "the equations", "terms": "what makes one of them"})
CELL.include(VIEW_COMMANDS)
CELL.include(GENERAL)
