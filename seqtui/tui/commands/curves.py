"""The commands of curves over training, in every view that has some: their axis, smoothing and crosshair."""

from dataclasses import replace
from typing import Protocol

from seqtui.tui.commands.panes import PanesView
from seqtui.tui.panes.curves import CurvesPane
from seqtui.tui.panes.timeline import known_axes
from seqtui.tui.registry import Commands, Group
from seqtui.tui.standpoint import AXES, SMOOTHING, Lens

_PANES = "loss training"  # that have curves


class CurvesView(PanesView, Protocol):
    """What these commands ask of a view."""

    CURVES: str  # the name of the pane with the curves

    @property
    def curves(self) -> CurvesPane:
        """That pane."""

    @property
    def lens(self) -> Lens:
        """How curves are looked at."""

    def look_through(self, lens: Lens) -> None:
        """Look at curves in another way."""


CURVES: Commands[CurvesView] = Commands()
_command = CURVES.command


@_command("X", "Curves: x axis", Group.CURVES, label="x axis", rank=2, pane=_PANES)
def x_axis(view: CurvesView) -> None:
    """Show curves by step, by tokens read, or by training time."""
    known = known_axes(view.shown.history)
    missing = [axis for axis in AXES if axis not in known]
    if missing:
        view.say(f"Not every step of this run has its {' and its '.join(missing)}: no such axis.")
    at = known.index(view.lens.axis) if view.lens.axis in known else 0
    view.look_through(replace(view.lens, axis=known[(at + 1) % len(known)]))


@_command("v", "Curves: smoothing", Group.CURVES, label="smooth", rank=1, pane=_PANES)
def smoothing(view: CurvesView) -> None:
    """Smooth the curves: none, light, medium, strong."""
    view.look_through(replace(view.lens, smoothing=(view.lens.smoothing + 1) % len(SMOOTHING)))


@_command("shift+left J", "Crosshair left", Group.CURVES, label="crosshair", rank=2, pane=_PANES)
def crosshair_left(view: CurvesView) -> None:
    """Move the crosshair back: it reads all curves."""
    _move(view, -1)


@_command("shift+right K", "Crosshair right", Group.CURVES, label="crosshair", rank=2, pane=_PANES)
def crosshair_right(view: CurvesView) -> None:
    """Move the crosshair forward."""
    _move(view, 1)


def _move(view: CurvesView, columns: int) -> None:
    if not view.curves.display:
        view.go_to(view.CURVES)
    step = view.curves.crossed_beside(columns)
    if step is None:
        view.say("There is no step to put the crosshair on yet.")
    elif not view.curves.over_training:
        view.say("The crosshair is for curves over training: press d.")
    else:
        view.look_through(replace(view.lens, crosshair=step))
