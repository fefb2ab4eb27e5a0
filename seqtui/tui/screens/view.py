"""The base of every view: panes between a status line and a footer, and the commands that act on them."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.message import Message
from textual.notifications import Notify
from textual.screen import Screen

from seqtui.live.snapshot import Session, Snapshot
from seqtui.tui.bars.footer import NOTICE_SECONDS, CommandLine
from seqtui.tui.bars.notice import Notice
from seqtui.tui.bars.status import StatusLine
from seqtui.tui.bars.views import ViewBar
from seqtui.tui.panes.curves import CurvesPane
from seqtui.tui.registry import MISSING, Commands
from seqtui.tui.standpoint import Lens, Standpoint
from seqtui.views import VIEWS
from seqtui.visible import visible

Answer = TypeVar("Answer")


class ViewScreen(Screen[None]):
    """A screen on which commands run; see `seqtui.tui.commands.view.View`. A subclass binds and passes its commands."""

    AUTO_FOCUS = ""
    VIEW: ClassVar[str]  # its id in `seqtui.views`

    def __init__(self, session: Session, commands: Commands[Any]) -> None:
        super().__init__()
        self.session, self.commands = session, commands
        self.status = StatusLine(id="status")
        self.bar = ViewBar(self.VIEW, commands, id="views")
        self.footer = CommandLine(commands, id="footer")
        self._styled = ""  # the theme that its styles are of
        self.newest = Snapshot()
        self.shown = Snapshot()

    def rebind(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        """Name other keys for commands, by id. The app's keymap is what makes them work."""
        self.commands = self.footer.commands = self.bar.commands = self.commands.rebound(keys)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Keep the styles of a screen that was left, unless the theme is another one now: it is shown much sooner."""
        theme = self.app.theme
        event.refresh_styles, self._styled = event.refresh_styles and theme != self._styled, theme

    class Wanted(Message):
        """Posted when the user asks for another view."""

        def __init__(self, view: str) -> None:
            super().__init__()
            self.view = view

    current: str  # the pane with the focus
    zoomed: str | None  # the pane that has the whole screen

    def resume(self, pane: str, zoomed: bool) -> None:
        """Begin at a pane, if the view has one of this name, and zoomed if so. Called before the view is shown."""
        raise NotImplementedError

    @property
    def standpoint(self) -> Standpoint:
        """What the view is about; it travels with the user from view to view."""
        raise NotImplementedError

    @standpoint.setter
    def standpoint(self, place: Standpoint) -> None:
        raise NotImplementedError

    @property
    def lens(self) -> Lens:
        """How curves are looked at."""
        return self.standpoint.lens

    def look_through(self, lens: Lens) -> None:
        """Look at curves in another way, here and in other views."""
        self.standpoint = replace(self.standpoint, lens=lens)

    def leave_crosshair(self, last: int | None = None) -> bool:
        """Remove the crosshair, if it is later than the step `last`; return whether it was removed."""
        crosshair = self.lens.crosshair
        if crosshair is None or (last is not None and crosshair <= last):
            return False
        self.look_through(replace(self.lens, crosshair=None))
        return True

    def on_curves_pane_crossed(self, event: CurvesPane.Crossed) -> None:
        """Put the crosshair where the user points."""
        self.look_through(replace(self.lens, crosshair=event.step))

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot."""
        raise NotImplementedError

    def entered(self) -> None:
        """The user looks at this view from now on. A view asks here for what only it shows."""

    def left(self) -> None:
        """The user has gone to another view."""

    def look_at(self, view: str) -> None:
        """Go to another view."""
        self.post_message(self.Wanted(view))

    @property
    def features(self) -> frozenset[str]:
        """What the task has that commands may need."""
        return self.newest.task.features

    def action_command(self, name: str) -> None:
        """Run a command of this view, or say why it cannot run."""
        command = self.commands[name]
        if command.offered(self.features):
            command.run(self)
        else:
            self.say(MISSING.get(command.needs, "This task has nothing for that."))

    def ask(self, dialog: Screen[Answer], take: Callable[[Answer], None] | None = None) -> None:
        """Open a dialog; `take` gets the answer unless the user cancels.

        Only the screen on top may ask: a key that repeats would open the dialog twice.
        """

        def answered(answer: Answer | None) -> None:
            if answer is not None and take is not None:
                take(answer)

        if self.app.screen is self:
            self.app.push_screen(dialog, answered)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a message for a few seconds: in the footer, or above it if it is an error or too long."""
        text = visible(message)
        if not error and self.is_current and self.footer.room_for(text):
            self.footer.notice(text)
        else:
            notice = Notice(text, severity="error" if error else "information", timeout=NOTICE_SECONDS)
            self.app.post_message(Notify(notice))


def open_view(name: str, session: Session) -> ViewScreen:
    """Return the screen of a view; its module is imported when it is opened first."""
    module, _, kind = VIEWS[name].screen.partition(":")
    found: ViewScreen = getattr(importlib.import_module(f"seqtui.tui.screens.{module}"), kind)(session)
    return found
