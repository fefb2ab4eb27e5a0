"""The commands of every view that has panes: which pane has the focus, zoom, freeze, back."""

from collections.abc import Mapping
from typing import Any, Protocol

from seqtui.tui.commands import saving
from seqtui.tui.commands.view import View
from seqtui.tui.registry import Commands, Group


class PanesView(View, Protocol):
    """What these commands ask of a view."""

    current: str  # the pane with the focus
    zoomed: str | None  # the pane that has the whole screen
    frozen: bool

    @property
    def panes(self) -> Mapping[str, Any]:
        """The panes by name, in focus order."""

    def go_to(self, name: str) -> None:
        """Focus a pane."""

    def cycle(self, direction: int) -> None:
        """Focus the next or the previous pane."""

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""

    def freeze(self, frozen: bool) -> None:
        """Freeze or unfreeze the panes."""

    def back(self) -> None:
        """Leave what was entered last: zoom, freeze, what the view has of its own, the view."""


PANES: Commands[PanesView] = Commands()
_command = PANES.command


@_command("z", "Zoom", Group.SCREEN, label="zoom", alternate="unzoom", rank=4)
def zoom(view: PanesView) -> None:
    """Give one pane the whole screen, or show all panes."""
    view.zoom(None if view.zoomed else view.current)


@_command("escape", "Back", Group.SCREEN)
def back(view: PanesView) -> None:
    """Leave zoom, then freeze, then the view."""
    view.back()


@_command("tab", "Next pane", Group.SCREEN)
def focus_next(view: PanesView) -> None:
    """Focus the next pane."""
    view.cycle(1)


@_command("shift+tab", "Previous pane", Group.SCREEN)
def focus_previous(view: PanesView) -> None:
    """Focus the previous pane."""
    view.cycle(-1)


@_command("f", "Freeze", Group.SCREEN, label="freeze", alternate="unfreeze", rank=6)
def freeze(view: PanesView) -> None:
    """Freeze the display while training continues."""
    view.freeze(not view.frozen)


@_command("W", "Save pane", Group.SCREEN, label="save pane", rank=8)
def save_pane(view: PanesView) -> None:
    """Save the focused pane: .svg, .txt, or data (.csv, .npz)."""
    saving.save_pane(view, view.current, view.panes[view.current])


def numbered(commands: Commands[Any], panes: Mapping[str, str]) -> None:
    """Register a number key for each pane, from 1 on.

    Args:
        commands: of the view.
        panes: what each shows, as in "Focus the map of the vectors", by its name.
    """
    for number, (name, shown) in enumerate(panes.items(), start=1):

        def go(view: PanesView, name: str = name) -> None:
            view.go_to(name)

        go.__name__, go.__doc__ = f"focus_{name.replace(' ', '_')}", f"Focus {shown}."
        commands.command(str(number), f"Go to {name}", Group.SCREEN)(go)
