"""The commands of the view of the encodings: tokens and map, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import OF_A_TEXT, chosen
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, PanesView, numbered
from seqtui.tui.commands.playhead import PLAYHEAD, PlayheadView
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.panes.embedding_map import MapPane
from seqtui.tui.registry import Commands, Group


class EncodingsView(PanesView, PlayheadView, Protocol):
    """What these commands ask of the view."""

    map: MapPane

    def find(self, text: str) -> None:
        """Pick the token that a text is, or begins with."""


ENCODINGS: Commands[EncodingsView] = Commands(TRAINING, chosen(*OF_A_TEXT), PLAYHEAD)
_command = ENCODINGS.command


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


ENCODINGS.include(PANES)
numbered(
    ENCODINGS,
    {
        "encoding": "the text on its way into the model",
        "map": "the map of the vectors",
        "neighbours": "the nearest neighbours",
    },
)
ENCODINGS.include(VIEW_COMMANDS)
ENCODINGS.include(GENERAL)
