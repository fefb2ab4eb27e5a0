"""What a command may ask of the view on which it runs, whichever view that is."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from textual.app import App
from textual.screen import Screen

from seqtui.live.snapshot import Session, Snapshot
from seqtui.tui.registry import Commands

Answer = TypeVar("Answer")


class View(Protocol):
    """A screen of panes that shows a session."""

    VIEW: ClassVar[str]  # its id in `seqtui.views`
    session: Session
    newest: Snapshot  # the newest snapshot
    shown: Snapshot  # what the panes show: older than `newest` while they are frozen
    commands: Commands[Any]

    @property
    def app(self) -> App[object]:
        """The app that the view belongs to."""

    @property
    def features(self) -> frozenset[str]:
        """What the task has that commands may need; see `Command.needs`."""

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a message for a few seconds."""

    def ask(self, dialog: Screen[Answer], take: Callable[[Answer], None] | None = None) -> None:
        """Open a dialog; `take` gets the answer unless the user cancels."""

    def look_at(self, view: str) -> None:
        """Go to another view, by the id of its command; to the Lab from that view itself, or for "lab"."""

    def copied_text(self) -> tuple[str, str]:
        """Return the text to copy from the focused pane ("" if there is none yet), and what it is."""
