"""The commands of the view of surgery: what to cut, cutting, undoing, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import BROWSING, chosen
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, PanesView, numbered
from seqtui.tui.commands.playhead import PLAYHEAD, PlayheadView
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.registry import Commands, Group

_FAR = 10  # units


class SurgeryView(PanesView, PlayheadView, Protocol):
    """What these commands ask of the view."""

    def move_layer(self) -> None:
        """Pick the next layer."""

    def move_quantity(self, by: int) -> None:
        """Pick another gate or state."""

    def move_unit(self, by: int) -> None:
        """Pick another unit or head."""

    def pick_all(self) -> None:
        """Pick all units, or one again."""

    def silence(self) -> None:
        """Silence what is picked."""

    def clamp(self) -> None:
        """Hold what is picked at a value."""

    def reset_here(self) -> None:
        """Reset the state at the playhead."""

    def shuffle_before(self) -> None:
        """Shuffle what stands before the playhead."""

    def keep_last(self) -> None:
        """Read only the last timesteps."""

    def undo(self) -> None:
        """Take the newest cut back."""

    def undo_all(self) -> None:
        """Take all cuts back."""


SURGERY: Commands[SurgeryView] = Commands(TRAINING, chosen(*BROWSING, "temperature"), PLAYHEAD)
_command = SURGERY.command


@_command("enter delete", "Silence", Group.SURGERY, label="silence", rank=0)
def silence(view: SurgeryView) -> None:
    """Silence the unit, gate or head that is picked: it is 0 at every timestep."""
    view.silence()


@_command("equals_sign", "Hold at a value", Group.SURGERY, label="hold", rank=1)
def clamp(view: SurgeryView) -> None:
    """Hold what is picked at a value that you type."""
    view.clamp()


@_command("u", "Undo", Group.SURGERY, label="undo", rank=0)
def undo(view: SurgeryView) -> None:
    """Take the newest cut back."""
    view.undo()


@_command("U", "Undo all", Group.SURGERY, label="undo all", rank=3)
def undo_all(view: SurgeryView) -> None:
    """Take all cuts back: look at the untouched model."""
    view.undo_all()


@_command("less_than_sign", "Previous unit", Group.SURGERY, label="unit", rank=1)
def unit_before(view: SurgeryView) -> None:
    """Pick the unit or head before."""
    view.move_unit(-1)


@_command("greater_than_sign", "Next unit", Group.SURGERY, label="unit", rank=1)
def unit_next(view: SurgeryView) -> None:
    """Pick the next unit or head."""
    view.move_unit(1)


@_command("comma", "Ten units back", Group.SURGERY)
def units_before(view: SurgeryView) -> None:
    """Pick the unit ten before."""
    view.move_unit(-_FAR)


@_command("full_stop", "Ten units on", Group.SURGERY)
def units_next(view: SurgeryView) -> None:
    """Pick the unit ten after."""
    view.move_unit(_FAR)


@_command("a", "All units", Group.SURGERY, label="all units", rank=4)
def pick_all(view: SurgeryView) -> None:
    """Pick all units of the gate or state, or all heads; or one again."""
    view.pick_all()


@_command("up", "Gate or state before", Group.SURGERY, label="gate", rank=1)
def quantity_before(view: SurgeryView) -> None:
    """Pick the gate or state before."""
    view.move_quantity(-1)


@_command("down j g", "Next gate or state", Group.SURGERY, label="gate", rank=1)
def quantity_next(view: SurgeryView) -> None:
    """Pick the next gate or state of the layer."""
    view.move_quantity(1)


@_command("G", "Next layer", Group.SURGERY, label="layer", rank=2)
def layer(view: SurgeryView) -> None:
    """Pick the next layer, and of an encoder-decoder the next side."""
    view.move_layer()


@_command("r", "Reset here", Group.SURGERY, label="reset", rank=1)
def reset_here(view: SurgeryView) -> None:
    """Reset the state at the playhead: nothing before it is read."""
    view.reset_here()


@_command("b", "Shuffle before", Group.SURGERY, label="shuffle", rank=2)
def shuffle_before(view: SurgeryView) -> None:
    """Shuffle what stands before the playhead, always in the same order."""
    view.shuffle_before()


@_command("k", "Keep the last", Group.SURGERY, label="keep", rank=2)
def keep_last(view: SurgeryView) -> None:
    """Read only the last timesteps of the example, as many as you type."""
    view.keep_last()


SURGERY.include(PANES)
numbered(
    SURGERY,
    {"losses": "the losses of both", "cuts": "what is cut", "results": "what both models say"},
)
SURGERY.include(VIEW_COMMANDS)
SURGERY.include(GENERAL)
