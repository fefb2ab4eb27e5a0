"""The app around the Lab: it pulls snapshots on a timer and acts on what is rare in them."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, Monochrome
from textual.screen import Screen
from textual.timer import Timer

from seqtui.snapshot import Phase, Session, Snapshot
from seqtui.tui.colourless import Colourless
from seqtui.tui.pace import Pace
from seqtui.tui.registry import COMMANDS, key_label
from seqtui.tui.screens.diverged import DivergedDialog, Way
from seqtui.tui.screens.lab import Lab
from seqtui.tui.theme import DARK, SEQTUI_DARK, SEQTUI_LIGHT
from seqtui.visible import visible

CLOSING_SECONDS = 2.0


class SeqtuiApp(App[None]):
    """The screen of a session. It paints first, and starts the session then."""

    TITLE = "seqtui"
    CSS_PATH = "seqtui.tcss"
    ENABLE_COMMAND_PALETTE = False  # the Lab binds its key, from the registry
    ALLOW_SELECT = False  # dragging moves the playhead; `y` copies
    BINDINGS: ClassVar[list[BindingType]] = [
        # In a dialog, too: whoever presses ctrl+c wants out.
        Binding(",".join(key for key in COMMANDS["quit"].keys if "+" in key), "quit", show=False, priority=True)
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.lab = Lab(session)
        self.pace = Pace()
        self.farewell = ""  # what is said once the terminal is restored
        self.leaving = False
        self._seen = Snapshot(serial=-1)
        self._due = 0.0  # when the next frame should stand
        self._timer: Timer | None = None
        self.register_theme(SEQTUI_DARK)
        self.register_theme(SEQTUI_LIGHT)
        self.theme = DARK

    def get_default_screen(self) -> Screen[None]:
        """The Lab is there from the first paint on."""
        return self.lab

    def on_mount(self) -> None:
        """Starts the session when the first picture stands."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.session.start()
        self.pull()

    # Frames

    @property
    def _leaves(self) -> bool:
        """Whether there is nothing more to draw: the run is being saved, or the screen is being taken down."""
        return self.leaving or not self.is_running

    def pull(self) -> None:
        """Draws the newest snapshot unless it has been drawn, and sets the timer for the next one."""
        if self._leaves:
            return
        snapshot = self.session.snapshot()
        if snapshot.serial != self._seen.serial:
            before, self._seen = self._seen, snapshot
            self.lab.show(snapshot)
            self.tell_changes(before, snapshot)
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """The frame stands: by how late it is, the next is set."""
        if self._leaves:
            return
        now = monotonic()
        interval = self.pace.tell(now - self._due if self._due else 0.0)
        self._due = now + interval
        if self._timer is not None:
            self._timer.stop()  # one at a time, whoever pulled
        self._timer = self.set_timer(interval, self.pull)

    def tell_changes(self, before: Snapshot, now: Snapshot) -> None:
        """Says what happened between two snapshots, where it is worth a word."""
        changed = now.phase is not before.phase
        if now.phase is Phase.DIVERGED and changed:
            self.push_screen(DivergedDialog(now), self._after_divergence)
        elif now.phase is Phase.FINISHED and changed:
            self.lab.say(f"Finished after {now.step:,} steps.")
        elif runs_away(now) and not runs_away(before):
            self.lab.say("The loss is far above chance: [ lowers the rate, R goes back.")
        elif now.message and now.message != before.message and now.phase not in (Phase.FAILED, Phase.DIVERGED):
            self.lab.say(now.message)

    def _after_divergence(self, way: Way | None) -> None:
        if way == "recover":
            self.session.recover()
        elif way == "quit":
            self.call_later(self.action_quit)

    # What Textual asks for

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette's lines: the registry's commands."""
        for one in COMMANDS.values():
            if one.id != "palette":
                keys = " ".join(key_label(key) for key in one.keys)
                yield SystemCommand(f"{one.title}  ({keys})", one.help, partial(one.run, self.lab))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Under NO_COLOR no colour at all, where Textual would leave shades of grey."""
        filters = super().get_line_filters()
        return [Colourless() if isinstance(one, Monochrome) else one for one in filters] if self.no_color else filters

    def _fatal_error(self) -> None:
        """A defect of ours: one line instead of a traceback, which TEXTUAL=debug brings back."""
        if "debug" in self.features:
            super()._fatal_error()
        else:
            error = self._exception
            self.panic(Text(f"seqtui stopped on a defect of its own ({type(error).__name__}: {visible(str(error))})."))

    # Leaving

    async def action_quit(self) -> None:
        """Saves and leaves; the screen goes on while the session ends. A second time leaves at once."""
        if self.leaving:
            self.exit(message=Text(self.farewell or "Left before the run was saved."))
            return
        self.leaving = True
        self.lab.status.leave()
        self.run_worker(self._close(), exit_on_error=False)

    async def _close(self) -> None:
        ended = await asyncio.to_thread(self.session.close, CLOSING_SECONDS)
        self.farewell = farewell(self.session.snapshot(), ended)
        self.exit(message=Text(self.farewell, no_wrap=True, overflow="ignore"))


def runs_away(snapshot: Snapshot) -> bool:
    """Whether the loss is twice that of guessing blindly: finite, but nothing is learnt any more."""
    loss, chance = snapshot.history.train_loss, snapshot.references
    return chance is not None and len(loss) > 0 and float(loss[-1]) > 2 * chance.uniform


def farewell(snapshot: Snapshot, ended: bool) -> str:
    """One line: where the run is, and how to open it again.

    Args:
        snapshot: the last one.
        ended: whether the session closed in time.
    """
    run, kept = visible(snapshot.run), snapshot.checkpoint_step
    if not run or kept is None:
        return "Nothing was saved: the training had not begun." if not snapshot.step else "The run was not saved."
    late = "" if ended else " The last checkpoint was not finished in time."
    return f"Run {run} is saved at step {kept:,}.{late} Open it again: seqtui --run {visible(snapshot.reopen) or run}"
