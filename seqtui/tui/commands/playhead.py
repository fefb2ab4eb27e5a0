"""The commands that move the playhead, in every view that draws one."""

from typing import Protocol

from seqtui.tui.commands.view import View
from seqtui.tui.registry import Commands, Group


class PlayheadView(View, Protocol):
    """What these commands ask of a view."""

    def move(self, timesteps: int) -> None:
        """Move the playhead by that many timesteps."""

    def move_word(self, direction: int) -> None:
        """Move the playhead to the next word, or the previous one."""

    def move_edge(self, direction: int) -> None:
        """Move the playhead to an end of the text."""


PLAYHEAD: Commands[PlayheadView] = Commands()
_command = PLAYHEAD.command


@_command("left h", "Playhead left", Group.PLAYHEAD, label="playhead", rank=1, when="playhead")
def left(view: PlayheadView) -> None:
    """Move the playhead one timestep back."""
    view.move(-1)


@_command("right l", "Playhead right", Group.PLAYHEAD, label="playhead", rank=1, when="playhead")
def right(view: PlayheadView) -> None:
    """Move the playhead one timestep forward."""
    view.move(1)


@_command("H ctrl+left", "Playhead a word back", Group.PLAYHEAD)
def word_left(view: PlayheadView) -> None:
    """Move the playhead to the previous word."""
    view.move_word(-1)


@_command("L ctrl+right", "Playhead a word forward", Group.PLAYHEAD)
def word_right(view: PlayheadView) -> None:
    """Move the playhead to the next word."""
    view.move_word(1)


@_command("0 home", "Playhead to the start", Group.PLAYHEAD)
def start(view: PlayheadView) -> None:
    """Move the playhead to the first timestep."""
    view.move_edge(-1)


@_command("dollar_sign end", "Playhead to the end", Group.PLAYHEAD)
def end(view: PlayheadView) -> None:
    """Move the playhead to the last timestep."""
    view.move_edge(1)
