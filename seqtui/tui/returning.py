"""Coming back to the screen as it was left: what it begins with, and what is kept when the user leaves."""

from collections.abc import Mapping

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.remembered import Memory, Remembered
from seqtui.tui.registry import Commands
from seqtui.tui.screens.view import ViewScreen
from seqtui.tui.theme import DARK, THEMES
from seqtui.views import LAB, VIEWS, command_id

HINT = "New here? Press {} to learn what you see, and every key. {} to {} are other views; {} finds a command."


class Returning:
    """Of one start of the screen. Without a memory nothing is remembered, and no hint is given.

    Args:
        memory: what the user's last start has left.
        view: what the user asks to begin with; None for the view of last time.
    """

    def __init__(self, memory: Memory | None, view: str | None) -> None:
        self._memory = memory
        self.last = memory.read() if memory is not None else Remembered(hinted=True)
        self.view = view or self.last.view  # to open first
        self._certain = view is not None  # whether that is what the user wants, whatever the task

    @property
    def theme(self) -> str:
        """The theme of last time, by its name in the settings."""
        return self.last.theme if self.last.theme in THEMES else DARK

    def prepare(self, view: ViewScreen) -> None:
        """Give a view that is opened what was open in it."""
        view.resume(self.last.panes.get(view.VIEW, ""), self.last.zoomed.get(view.VIEW, False))

    def in_vain(self, view: ViewScreen, snapshot: Snapshot) -> bool:
        """Return whether a view was only remembered, and the task turns out to have nothing for it."""
        if self._certain or snapshot.phase in (Phase.LOADING, Phase.COMPILING):
            return False
        self._certain = True
        return self.view == view.VIEW and VIEWS[view.VIEW].needs not in ("", *view.features)

    def hint(self, commands: Commands[object]) -> str:
        """Return how to find one's way, for those who see the screen for the first time; else ""."""
        if self.last.hinted:
            return ""
        self._keep(self.last.changed(hinted=True))
        views = [commands.key(command_id(name)) for name in VIEWS if name != LAB]
        return HINT.format(commands.key("help"), views[0], views[-1], commands.key("palette"))

    def left(self, views: Mapping[str, ViewScreen], view: ViewScreen, theme: str) -> None:
        """Keep what is open: `view` of the `views` that were opened, and the name of the app's theme."""
        panes, zoomed = dict(self.last.panes), dict(self.last.zoomed)
        for name, one in views.items():
            panes[name], zoomed[name] = one.current, one.zoomed is not None
        known = next((name for name, one in THEMES.items() if one.name == theme), "")
        self._keep(self.last.changed(theme=known, view=view.VIEW, panes=panes, zoomed=zoomed))

    def _keep(self, now: Remembered) -> None:
        self.last = now
        if self._memory is not None:
            self._memory.write(now)
