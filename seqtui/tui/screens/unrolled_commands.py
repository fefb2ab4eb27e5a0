"""The commands of the view of the unrolled network: playing, which loss, where the way back is cut, layer."""

from typing import Protocol

from seqtui.tui.commands.choices import BROWSING, chosen
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, PanesView, numbered
from seqtui.tui.commands.playhead import PLAYHEAD, PlayheadView
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.registry import Commands, Group


class UnrolledView(PanesView, PlayheadView, Protocol):
    """What these commands ask of the view."""

    def play(self) -> None:
        """Play the forward pass and then the way back; or hold, or go on."""

    def only(self) -> None:
        """Take the loss at the playhead back alone, or all losses again."""

    def truncate(self) -> None:
        """Cut the way back elsewhere, or not at all."""

    def move_layer(self) -> None:
        """Put the next layer in front."""

    def other_direction(self) -> None:
        """Show the encoder's second direction, or the first again."""


UNROLLED: Commands[UnrolledView] = Commands(TRAINING, chosen(*BROWSING), PLAYHEAD)
_command = UNROLLED.command


@_command("p", "Play", Group.UNROLLED, label="play", alternate="hold", rank=0)
def play(view: UnrolledView) -> None:
    """Play the forward pass, then the way back, a timestep at a time; again to hold, the arrows step."""
    view.play()


@_command("o", "One loss", Group.UNROLLED, label="one loss", alternate="all losses", rank=1)
def only(view: UnrolledView) -> None:
    """Let only the loss at the playhead flow back, or all losses together."""
    view.only()


@_command("u", "Truncate", Group.UNROLLED, label="truncate", rank=1)
def truncate(view: UnrolledView) -> None:
    """Cut the way back as in training, not at all, or every 16, 8, 4, 2 timesteps or at each."""
    view.truncate()


@_command("G", "Next layer", Group.UNROLLED, label="layer", rank=3)
def layer(view: UnrolledView) -> None:
    """Put the next layer in front."""
    view.move_layer()


@_command("v", "Other direction", Group.UNROLLED, rank=6)
def direction(view: UnrolledView) -> None:
    """Show the second direction of a bidirectional encoder, or the first."""
    view.other_direction()


UNROLLED.include(PANES)
numbered(
    UNROLLED,
    {
        "unrolled": "the unrolled network",
        "way back": "the way back of the gradient",
        "matrices": "the matrices of every step",
    },
)
UNROLLED.include(VIEW_COMMANDS)
UNROLLED.include(GENERAL)
