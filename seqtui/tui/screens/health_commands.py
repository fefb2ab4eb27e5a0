"""The commands of the view of health: gate, layer, unit, curve, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import OF_A_TEXT, chosen
from seqtui.tui.commands.curves import CURVES, CurvesView
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, numbered
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.registry import Commands, Group


class HealthView(CurvesView, Protocol):
    """What these commands ask of the view."""

    def next_gate(self, by: int) -> None:
        """Show another gate."""

    def move_layer(self) -> None:
        """Show the next layer."""

    def move_unit(self, by: int) -> None:
        """Mark another unit."""

    def pick(self, by: int) -> None:
        """Put another curve in front."""

    def other_sizes(self) -> None:
        """Show the ratio of updates to weights, or the norms of gradients."""


HEALTH: Commands[HealthView] = Commands(TRAINING, chosen(*OF_A_TEXT))
_command = HEALTH.command


@_command("g right l", "Next gate", Group.HEALTH, label="gate", rank=1)
def gate_next(view: HealthView) -> None:
    """Show the saturation of the next gate."""
    view.next_gate(1)


@_command("left h", "Previous gate", Group.HEALTH, label="gate", rank=1)
def gate_before(view: HealthView) -> None:
    """Show the saturation of the gate before."""
    view.next_gate(-1)


@_command("G", "Next layer", Group.HEALTH, label="layer", rank=3)
def layer(view: HealthView) -> None:
    """Show the gates of the next layer."""
    view.move_layer()


@_command("less_than_sign", "Previous unit", Group.HEALTH, label="unit", rank=3)
def unit_before(view: HealthView) -> None:
    """Mark the unit before in the scatter."""
    view.move_unit(-1)


@_command("greater_than_sign", "Next unit", Group.HEALTH, label="unit", rank=3)
def unit_next(view: HealthView) -> None:
    """Mark the next unit in the scatter."""
    view.move_unit(1)


@_command("up k", "Curve before", Group.HEALTH, label="matrix", rank=1)
def curve_before(view: HealthView) -> None:
    """Put the curve of the matrix before in front."""
    view.pick(-1)


@_command("down j", "Next curve", Group.HEALTH, label="matrix", rank=1)
def curve_next(view: HealthView) -> None:
    """Put the curve of the next matrix in front."""
    view.pick(1)


@_command("u", "Gradients or updates", Group.HEALTH, label="gradients or updates", rank=0)
def other_sizes(view: HealthView) -> None:
    """Show updates relative to the weights, or norms of gradients."""
    view.other_sizes()


HEALTH.include(CURVES)
HEALTH.include(PANES)
numbered(
    HEALTH,
    {
        "measures": "the verdict and the measures",
        "saturation": "the saturated gates",
        "training": "what changes over training",
    },
)
HEALTH.include(VIEW_COMMANDS)
HEALTH.include(GENERAL)
