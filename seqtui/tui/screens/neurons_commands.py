"""The commands of the view of neurons: findings, unit, layer, selection, search, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import BROWSING, chosen
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, PanesView, numbered
from seqtui.tui.commands.playhead import PLAYHEAD, PlayheadView
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.registry import Commands, Group


class NeuronsView(PanesView, PlayheadView, Protocol):
    """What these commands ask of the view."""

    def pick(self, by: int) -> None:
        """Pick another finding."""

    def move_unit(self, by: int) -> None:
        """Tint the text by another unit."""

    def move_layer(self) -> None:
        """Tint the text by a unit of the next layer."""

    def begin_stretch(self, second: bool = False) -> None:
        """Begin a selection at the playhead."""

    def end_stretch(self, second: bool = False) -> None:
        """End a selection at the playhead."""

    def move_threshold(self, direction: int) -> None:
        """Raise or lower the value from which a unit is on."""

    def search_again(self) -> None:
        """Search with the newest weights."""

    def search_more(self, direction: int) -> None:
        """Search more of the held-out part, or less."""


NEURONS: Commands[NeuronsView] = Commands(TRAINING, chosen(*BROWSING), PLAYHEAD)
_command = NEURONS.command


@_command("up k", "Finding above", Group.NEURONS, label="finding", rank=0)
def finding_up(view: NeuronsView) -> None:
    """Tint the text by the unit of the finding above."""
    view.pick(-1)


@_command("down j", "Finding below", Group.NEURONS, label="finding", rank=0)
def finding_down(view: NeuronsView) -> None:
    """Tint the text by the unit of the finding below."""
    view.pick(1)


@_command("less_than_sign", "Previous unit", Group.NEURONS, label="unit", rank=1)
def unit_before(view: NeuronsView) -> None:
    """Tint the text by the unit before."""
    view.move_unit(-1)


@_command("greater_than_sign", "Next unit", Group.NEURONS, label="unit", rank=1)
def unit_next(view: NeuronsView) -> None:
    """Tint the text by the next unit."""
    view.move_unit(1)


@_command("G", "Next layer", Group.NEURONS, label="layer", rank=3)
def layer(view: NeuronsView) -> None:
    """Tint the text by the same unit of the next layer."""
    view.move_layer()


@_command("i", "Selection begins", Group.NEURONS, label="selection", rank=1)
def begin_stretch(view: NeuronsView) -> None:
    """Begin a selection at the playhead: where else are its units on?"""
    view.begin_stretch()


@_command("o", "Selection ends", Group.NEURONS, label="selection", rank=1)
def end_stretch(view: NeuronsView) -> None:
    """End the selection at the playhead."""
    view.end_stretch()


@_command("I", "Second selection begins", Group.NEURONS, label="second", rank=4)
def begin_second(view: NeuronsView) -> None:
    """Begin a second selection at the playhead: which units tell the two apart?"""
    view.begin_stretch(second=True)


@_command("O", "Second selection ends", Group.NEURONS, label="second", rank=4)
def end_second(view: NeuronsView) -> None:
    """End the second selection at the playhead."""
    view.end_stretch(second=True)


@_command("comma", "Lower threshold", Group.NEURONS, label="threshold", rank=3)
def threshold_down(view: NeuronsView) -> None:
    """Lower the value from which a unit is on."""
    view.move_threshold(-1)


@_command("full_stop", "Higher threshold", Group.NEURONS, label="threshold", rank=3)
def threshold_up(view: NeuronsView) -> None:
    """Raise the value from which a unit is on."""
    view.move_threshold(1)


@_command("a", "Search again", Group.NEURONS, label="search again", rank=2)
def search_again(view: NeuronsView) -> None:
    """Search again, with the newest weights."""
    view.search_again()


@_command("plus equals_sign", "Search more", Group.NEURONS, label="search more", rank=5)
def search_more(view: NeuronsView) -> None:
    """Search more of the held-out part: surer, and slower."""
    view.search_more(1)


@_command("minus", "Search less", Group.NEURONS)
def search_less(view: NeuronsView) -> None:
    """Search less of the held-out part."""
    view.search_more(-1)


NEURONS.include(PANES)
numbered(
    NEURONS,
    {"text": "the text tinted by a unit", "findings": "what units follow", "elsewhere": "where else a selection is on"},
)
NEURONS.include(VIEW_COMMANDS)
NEURONS.include(GENERAL)
