"""The commands of the view of the encodings: playhead, tokens, map, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import CHOICES
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.view import View
from seqtui.tui.commands.views import VIEWS
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.panes.embedding_map import MapPane
from seqtui.tui.registry import Commands, Group

_CHOICES = ("corpus", "model", "probe_text", "next_passage")  # nothing is generated here


class EncodingsView(View, Protocol):
    """What these commands ask of the view."""

    map: MapPane
    current: str  # the pane with the focus
    zoomed: str | None  # the pane that has the whole screen

    def move(self, timesteps: int) -> None:
        """Move the playhead by that many timesteps."""

    def move_word(self, direction: int) -> None:
        """Move the playhead to the next word, or the previous one."""

    def move_edge(self, direction: int) -> None:
        """Move the playhead to an end of the text."""

    def find(self, text: str) -> None:
        """Pick the token that a text is, or begins with."""

    def go_to(self, name: str) -> None:
        """Focus a pane."""

    def cycle(self, direction: int) -> None:
        """Focus the next or the previous pane."""

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""

    def freeze(self) -> None:
        """Freeze or unfreeze the panes."""

    def back(self) -> None:
        """Leave zoom, then freeze, then the picked token, then the view."""


ENCODINGS: Commands[EncodingsView] = Commands(TRAINING, [one for one in CHOICES if one.id in _CHOICES])
_command = ENCODINGS.command


@_command("left h", "Playhead left", Group.ENCODINGS, label="playhead", rank=1)
def left(view: EncodingsView) -> None:
    """Move the playhead one timestep back."""
    view.move(-1)


@_command("right l", "Playhead right", Group.ENCODINGS, label="playhead", rank=1)
def right(view: EncodingsView) -> None:
    """Move the playhead one timestep forward."""
    view.move(1)


@_command("H ctrl+left", "Playhead a word back", Group.ENCODINGS)
def word_left(view: EncodingsView) -> None:
    """Move the playhead to the previous word."""
    view.move_word(-1)


@_command("L ctrl+right", "Playhead a word forward", Group.ENCODINGS)
def word_right(view: EncodingsView) -> None:
    """Move the playhead to the next word."""
    view.move_word(1)


@_command("0 home", "Playhead to the start", Group.ENCODINGS)
def start(view: EncodingsView) -> None:
    """Move the playhead to the first timestep."""
    view.move_edge(-1)


@_command("dollar_sign end", "Playhead to the end", Group.ENCODINGS)
def end(view: EncodingsView) -> None:
    """Move the playhead to the last timestep."""
    view.move_edge(1)


@_command("slash", "Find a token", Group.ENCODINGS, label="find", rank=3)
def find(view: EncodingsView) -> None:
    """Pick a token by typing it."""
    hint = "A token of the vocabulary: its vector, its place and its neighbours are shown."
    view.ask(TextDialog("find a token", "", hint), view.find)


@_command("plus equals_sign", "Map: zoom in", Group.ENCODINGS, label="map", rank=3)
def map_in(view: EncodingsView) -> None:
    """Enlarge the map around the token."""
    view.map.zoom(1)


@_command("minus", "Map: zoom out", Group.ENCODINGS, label="map", rank=3)
def map_out(view: EncodingsView) -> None:
    """Show more of the map."""
    view.map.zoom(-1)


@_command("z", "Zoom", Group.SCREEN, label="zoom", alternate="unzoom", rank=4)
def zoom(view: EncodingsView) -> None:
    """Give one pane the whole screen, or show all panes."""
    view.zoom(None if view.zoomed else view.current)


@_command("escape", "Back", Group.SCREEN)
def back(view: EncodingsView) -> None:
    """Leave zoom, then the picked token, then the view."""
    view.back()


@_command("1", "Go to the encoding", Group.SCREEN)
def focus_encoding(view: EncodingsView) -> None:
    """Focus the text on its way into the model."""
    view.go_to("encoding")


@_command("2", "Go to the map", Group.SCREEN)
def focus_map(view: EncodingsView) -> None:
    """Focus the map of the vectors."""
    view.go_to("map")


@_command("3", "Go to the neighbours", Group.SCREEN)
def focus_neighbours(view: EncodingsView) -> None:
    """Focus the nearest neighbours."""
    view.go_to("neighbours")


@_command("tab", "Next pane", Group.SCREEN)
def focus_next(view: EncodingsView) -> None:
    """Focus the next pane."""
    view.cycle(1)


@_command("shift+tab", "Previous pane", Group.SCREEN)
def focus_previous(view: EncodingsView) -> None:
    """Focus the previous pane."""
    view.cycle(-1)


@_command("f", "Freeze", Group.SCREEN, label="freeze", alternate="unfreeze", rank=6)
def freeze(view: EncodingsView) -> None:
    """Freeze the display while training continues."""
    view.freeze()


ENCODINGS.include(VIEWS)
ENCODINGS.include(GENERAL)
