"""The app around the views: it pulls snapshots on a timer, reports events, and leaves when asked."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from math import inf, log
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome
from textual.notifications import Notify
from textual.screen import Screen
from textual.timer import Timer

from seqtui.live.snapshot import GRAVE, Phase, Session, Snapshot
from seqtui.remembered import Memory
from seqtui.settings.file import Settings
from seqtui.tui.bars.notice import Notice
from seqtui.tui.colourless import Colourless
from seqtui.tui.commands.general import ALWAYS_QUIT
from seqtui.tui.dialogs.diverged import DivergedDialog, Way
from seqtui.tui.glyphs import ASCII_CLASS, TABLES, Glyphs
from seqtui.tui.keymap import keymap
from seqtui.tui.pace import Pace
from seqtui.tui.returning import Returning
from seqtui.tui.screens.lab import Lab
from seqtui.tui.screens.view import ViewScreen, open_view
from seqtui.tui.theme import THEMES
from seqtui.views import LAB
from seqtui.visible import visible

AT_REST = (Phase.PAUSED, Phase.FINISHED, *GRAVE)  # phases in which the session may stand still
CLOSING_SECONDS = 2.0  # that saving may take when the user quits
LOST_SECONDS = 1.0  # until the next frame if a dialog closes before this one is painted: Textual then tells nobody
NO_KEY = "unbound"  # no key of this name exists: for commands that the settings leave without one
HINT_SECONDS = 20.0
LEAVING_SECONDS = 8.0  # that it may take after a signal


class SeqtuiApp(App[None]):
    """The screen of a session. It paints first and starts the session after that."""

    TITLE = "seqtui"
    CSS_PATH = "seqtui.tcss"
    ENABLE_COMMAND_PALETTE = False  # the views bind its key
    ALLOW_SELECT = False  # dragging moves the playhead; `y` copies
    BINDINGS: ClassVar[list[BindingType]] = [
        # These keys quit from a dialog, too.
        Binding(",".join(ALWAYS_QUIT), "quit", show=False, priority=True)
    ]

    def __init__(
        self,
        session: Session,
        view: str | None = None,
        settings: Settings | None = None,
        memory: Memory | None = None,
    ) -> None:
        super().__init__()
        self.session = session
        self.settings = settings or Settings()
        self._keys = keymap(self.settings)
        self._glyphs = [Glyphs(table)] if (table := TABLES[self.settings.glyphs]) else []
        self.set_class(self.settings.glyphs == "ascii", ASCII_CLASS)
        self.returning = Returning(memory, view)
        self.lab = Lab(session)
        self._prepare(self.lab)
        self.view: ViewScreen = self.lab  # the one that the user looks at; dialogs may be on top of it
        self._views: dict[str, ViewScreen] = {LAB: self.lab}  # those opened so far
        self.pace = Pace(1 / self.settings.frame_rate)
        self.farewell = ""  # printed once the terminal is restored
        self.leaving = False
        self.terminal_lost = False
        self._asked_to_leave = False
        self._in_loop: Callable[[Callable[[], object]], object] | None = None  # runs a call in the event loop
        self._seen = Snapshot(serial=-1)
        self._news = False  # whether the session has moved since the last frame
        self._next = 0.0  # seconds until the next frame
        self._due = 0.0  # when the next frame is due
        self._timer: Timer | None = None
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES[self.settings.theme or self.returning.theme].name
        self.set_keymap({id: ",".join(keys) or NO_KEY for id, keys in self._keys.items()})

    def get_driver_class(self) -> type[Driver]:
        """Use our own driver where Textual would use its one for Linux and macOS."""
        usual = super().get_driver_class()
        if usual.__module__ != "textual.drivers.linux_driver":
            return usual
        from seqtui.tui.driver import LastingDriver

        return LastingDriver

    def get_default_screen(self) -> Screen[None]:
        """The Lab is there from the first paint on."""
        return self.lab

    def on_mount(self) -> None:
        """Start the session once the first frame is painted."""
        self._in_loop = asyncio.get_running_loop().call_soon_threadsafe
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self._asked_to_leave:
            self._leave_now()
            return
        self.session.start()
        self.pull()
        if self.returning.view != LAB:
            self.view.look_at(self.returning.view)
        if hint := self.returning.hint(self.lab.commands):
            self.post_message(Notify(Notice(hint, timeout=HINT_SECONDS)))

    # Frames

    @property
    def _drawn_out(self) -> bool:
        """Whether there is nothing left to draw: the run is being saved, or the screen is closing."""
        return self.leaving or not self.is_running

    def pull(self) -> None:
        """Draw the newest snapshot unless it is drawn already, and set the timer for the next one."""
        if self._drawn_out:
            return
        snapshot = self.session.snapshot()
        self._news |= snapshot.serial != self._seen.serial or snapshot.phase not in AT_REST
        if snapshot.serial != self._seen.serial:
            before, self._seen = self._seen, snapshot
            self.view.show(snapshot)
            self.report_changes(before, snapshot)
            if self.returning.in_vain(self.view, snapshot):
                self.view.look_at(LAB)
        self._pull_in(LOST_SECONDS)
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """Schedule the next frame, later if this one was late."""
        if self._drawn_out:
            return
        now = monotonic()
        self._next = self.pace.rest(self.pace.tell(now - self._due if self._due else 0.0), self._news)
        self._news = False
        self._due = now + self._next
        self._pull_in(self._next)

    def _pull_in(self, seconds: float) -> None:
        """Set the timer for the next frame."""
        if self._timer is not None:
            self._timer.stop()  # one at a time, whoever pulled
        self._timer = self.set_timer(seconds, self.pull)

    async def on_event(self, event: events.Event) -> None:
        """Look for what the session makes of a key or a click, however long nothing has moved."""
        await super().on_event(event)
        if isinstance(event, events.Key | events.MouseDown | events.Paste) and self.pace.wake() and not self._drawn_out:
            self._next = self.pace.interval
            self._due = monotonic() + self._next
            self._pull_in(self._next)

    def report_changes(self, before: Snapshot, now: Snapshot) -> None:
        """Tell the user about events between two snapshots."""
        changed = now.phase is not before.phase
        if now.phase is Phase.DIVERGED and changed:
            self.push_screen(DivergedDialog(now), self._after_divergence)
        elif now.phase is Phase.FINISHED and changed:
            self.view.say(f"Finished after {now.step:,} steps.")
        elif runs_away(now) and not runs_away(before):
            key = self.lab.commands.key
            lower, back = key("rate_down"), key("recover")
            self.view.say(f"The loss is far above chance: press {lower} to lower the rate, {back} to go back.")
        elif now.message and now.message != before.message and now.phase not in GRAVE:
            self.view.say(now.message)

    def _after_divergence(self, way: Way | None) -> None:
        if way == "recover":
            self.session.recover()
        elif way == "quit":
            self.call_later(self.action_quit)

    # Views

    def _prepare(self, view: ViewScreen) -> None:
        """Give a view that is opened the keys of the settings, and what was open in it."""
        view.rebind(self._keys)
        self.returning.prepare(view)

    def on_view_screen_wanted(self, event: ViewScreen.Wanted) -> None:
        """Go to a view; from that view itself, return to the Lab."""
        before = self.view
        name = LAB if self._views.get(event.view) is before else event.view
        if self._drawn_out or self.screen is not before or self._views.get(name) is before:
            return  # a key that repeats, or a dialog that has opened meanwhile
        if name not in self._views:
            self._views[name] = open_view(name, self.session)
            self._prepare(self._views[name])
            self.install_screen(self._views[name], name)  # it is kept when the user leaves it
        now = self.view = self._views[name]
        if before is not self.lab:
            self.pop_screen()
        if now is not self.lab:
            self.push_screen(now)
        before.left()
        now.show(self._seen)
        now.standpoint = before.standpoint
        now.entered()

    # What Textual asks for

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the glyphs of the settings. Under NO_COLOR use no colour at all; Textual would leave shades of grey."""
        filters = [*super().get_line_filters(), *self._glyphs]
        return [Colourless() if isinstance(one, Monochrome) else one for one in filters] if self.no_color else filters

    def _fatal_error(self) -> None:
        """Report a defect in one line instead of a traceback, which TEXTUAL=debug brings back."""
        if "debug" in self.features:
            super()._fatal_error()
        else:
            error = self._exception
            self.panic(Text(f"seqtui stopped on an internal error ({type(error).__name__}: {visible(str(error))})."))

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Ignore keys that arrive after the screens are gone, while the app closes."""
        return bool(self._screen_stack) and await super()._check_bindings(key, priority)

    # Leaving

    async def action_quit(self) -> None:
        """Save and leave; the screen stays up while the session ends. A second call leaves immediately."""
        self._quit(CLOSING_SECONDS)

    def leave(self) -> None:
        """Save and leave, as soon as the event loop runs. Any thread or signal handler may call it."""
        self._asked_to_leave = True
        if self._in_loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: we are gone already
                self._in_loop(self._leave_now)

    def terminal_gone(self) -> None:
        """Save and leave: the terminal no longer works. Called by the threads of the driver."""
        self.terminal_lost = True
        self.leave()

    def _leave_now(self) -> None:
        if not self.leaving:
            self._quit(LEAVING_SECONDS)

    def _quit(self, seconds: float) -> None:
        if self.leaving:
            self.farewell = self.farewell or "Left before the run was saved."
            self.exit()
            return
        self.leaving = True
        self.returning.left(self._views, self.view, self.theme)
        self.view.status.leave()
        self.run_worker(self._close(seconds), exit_on_error=False)

    def finish(self) -> str:
        """End the session if the screen stopped on a defect, and return the farewell. Called after `run`."""
        if not self.farewell:
            ended = self.session.close(LEAVING_SECONDS)
            self.farewell = farewell(self.session.snapshot(), ended)
        return self.farewell

    async def _close(self, seconds: float) -> None:
        ended = await asyncio.to_thread(self.session.close, seconds)
        self.farewell = farewell(self.session.snapshot(), ended)
        self.exit()


def runs_away(snapshot: Snapshot) -> bool:
    """Return whether the loss is finite but twice that of a uniform guess: nothing is learnt any more."""
    loss = snapshot.history.train_loss
    known = snapshot.references.finite if snapshot.references else {}
    chance = log(len(snapshot.task.classes)) if snapshot.task.classes else known.get("uniform", inf)
    return len(loss) > 0 and float(loss[-1]) > 2 * chance


def farewell(snapshot: Snapshot, ended: bool) -> str:
    """Return one line: where the run is, and how to reopen it.

    Args:
        snapshot: the last one.
        ended: whether the session closed in time.
    """
    run, kept = visible(snapshot.run), snapshot.checkpoint_step
    if not run or kept is None:
        return "Nothing was saved: training had not started." if not snapshot.step else "The run was not saved."
    late = "" if ended else " The last checkpoint was not finished in time."
    return f"Run {run} is saved at step {kept:,}.{late} Reopen it: seqtui --run {visible(snapshot.reopen) or run}"
