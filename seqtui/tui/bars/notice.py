"""A message that Textual shows above the screen for some seconds."""

from dataclasses import dataclass

from textual.notifications import Notification

SHORTEST_SECONDS = 0.1


@dataclass
class Notice(Notification):
    """A notification whose time left is never negative.

    Textual gives the time left to a timer. If the notification expires just before its widget is built (a slow
    terminal, a computer that wakes up, another screen that opens), that time is negative, and the timer of Textual 8
    then loops for ever without a wait: the program hangs.
    """

    @property
    def time_left(self) -> float:
        """Seconds, for the timer that removes the widget."""
        return max(super().time_left, SHORTEST_SECONDS)

    @property
    def has_expired(self) -> bool:
        """Whether the time is over; `time_left` cannot tell."""
        return super().time_left <= 0
