"""The base of the views beside the Lab: panes under one playhead, with focus, zoom, freeze and tabs.

A subclass passes its panes and its commands, and says with `subject` what the panes draw.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from seqcore.records import Probe
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from seqtui.live.snapshot import Phase, Session, Snapshot
from seqtui.tui.bars.tabs import TabStrip
from seqtui.tui.bars.views import LEAST_HEIGHT
from seqtui.tui.panes.playhead import word_start
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.registry import Commands
from seqtui.tui.screens.arrangement import MIN_HEIGHT, MIN_WIDTH, Arrangement, too_small
from seqtui.tui.screens.view import ViewScreen
from seqtui.tui.standpoint import Standpoint

_ALL_WIDTH, _ALL_HEIGHT = 100, 30  # from which all panes are shown
_TABS = 44  # cells of the tabs

SubjectT = TypeVar("SubjectT")
SubjectT_contra = TypeVar("SubjectT_contra", contravariant=True)


class SubjectPane(Protocol[SubjectT_contra]):
    """A pane that draws a subject."""

    def take(self, subject: SubjectT_contra) -> None:
        """Draw another frame."""

    def said(self) -> tuple[str, str]:
        """Return the text to copy ("" if there is none yet), and what it is."""


class PanesScreen(ViewScreen, Generic[SubjectT]):
    """The first pane stands above the others, which share the rest; where there is no room, they are tabs."""

    ASKS: ClassVar[tuple[str, ...]] = ()  # the lookers whose results the view shows
    MOST_ABOVE: ClassVar[int] = 24  # rows of the first pane when others stand below it
    DEFAULT_CSS = """
    PanesScreen { layout: vertical; overflow: hidden; }
    PanesScreen #below { height: 1fr; }
    PanesScreen.-tabs Pane { border: none; padding: 0 1; }
    """

    def __init__(self, session: Session, commands: Commands[Any], panes: Mapping[str, Any]) -> None:
        super().__init__(session, commands)
        self.panes: Mapping[str, Any] = panes  # `Pane`s that are `SubjectPane`s, by name, in focus order
        self.tabs = TabStrip(id="tabs")
        self.too_small = Static(id="too-small")
        self.below = Horizontal(id="below")
        self.current = next(iter(panes))  # the pane with the focus
        self.zoomed: str | None = None
        self.frozen = False
        self.place = Standpoint()
        self._looking = False
        self._asked: Mapping[str, Any] = {}  # of the session
        self._arrangement = Arrangement(())

    def resume(self, pane: str, zoomed: bool) -> None:
        """Begin at a pane, if the view has one of this name."""
        if pane in self.panes:
            self.current, self.zoomed = pane, pane if zoomed else None

    @property
    @abstractmethod
    def subject(self) -> SubjectT:
        """What is drawn now."""

    @property
    def arguments(self) -> Any:
        """What the lookers need to know, if the view has any."""
        return None

    @property
    def on(self) -> frozenset[str]:
        """The ids of the view's own commands whose state is on; see `Command.alternate`."""
        return frozenset()

    @property
    def probe(self) -> Probe | None:
        """The text under the playhead, if there is one."""
        probe = self.shown.probe
        return probe if probe is not None and probe.symbols else None

    @property
    def standpoint(self) -> Standpoint:
        """What the view is about: the playhead is within the text."""
        if self.probe is None:
            return self.place
        return replace(self.place, playhead=max(0, min(self.place.playhead, len(self.probe.symbols) - 1)))

    @standpoint.setter
    def standpoint(self, place: Standpoint) -> None:
        self.place = place
        self.moved()

    def compose(self) -> ComposeResult:
        """Lay out everything from top to bottom."""
        first, *others = self.panes.values()
        yield self.status
        yield self.bar
        yield self.too_small
        yield self.tabs
        yield first
        if others:
            with self.below:
                yield from others
        yield self.footer

    def on_mount(self) -> None:
        """Arrange the panes."""
        self.rearrange()

    def on_resize(self, event: events.Resize) -> None:
        """Rearrange the panes for the new size."""
        self.rearrange()

    def entered(self) -> None:
        """Ask for what the view shows while it is looked at."""
        self._looking = True
        self.ask_again()
        self.rearrange()

    def left(self) -> None:
        """Ask for it no longer."""
        self._looking, self._asked = False, {}
        self.session.look_for({})

    def ask_again(self) -> None:
        """Tell the session what to look at, if the view shows anything that is computed only for it."""
        asks = dict.fromkeys(self.ASKS, self.arguments)
        if self._looking and asks != self._asked:
            self._asked = asks
            self.session.look_for(asks)

    # What is drawn

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; only the status line while frozen."""
        before, self.newest = self.probe, snapshot
        self.leave_crosshair(snapshot.step)
        if not self.frozen:
            self.shown = snapshot
        if before is None and self.probe is not None and self.place.playhead == 0:  # this view was the first
            self.point(len(self.probe.symbols) // 2)
        else:
            self.draw()

    @property
    def _gone(self) -> bool:
        """Whether the screen is not open yet, or closing: a frame or a resize may still arrive."""
        first = next(iter(self.panes.values()))
        return not (first.is_running and first.is_attached)

    def draw(self) -> None:
        """Give the subject to the panes that are seen; to none before the user looks at this view."""
        if self._gone or not self._looking:
            return
        self.status.show(self.newest, self.shown.step if self.frozen else None)
        subject = self.subject
        for name in self._arrangement.panes:
            self.panes[name].take(subject)
        on = {"pause": self.newest.phase is Phase.PAUSED, "zoom": self.zoomed is not None, "freeze": self.frozen}
        states = {name for name, state in on.items() if state}
        self.footer.show(self.current, self.on.union(states, self.features, {"playhead"}))
        self.bar.show(self.features)
        if self._arrangement.tabs:
            note = self.panes[self.current].title_for(self.app.size.width - _TABS)
            self.tabs.show(self._arrangement.tabs, self.current, focused=True, note=note)

    # Where it is drawn

    def rearrange(self) -> None:
        """Arrange the panes for the current size, zoom and tab."""
        if self._gone:
            return
        width, height = self.app.size
        new = self._arrangement = arrange(width, height, tuple(self.panes), self.zoomed, self.current, self.MOST_ABOVE)
        first, *others = self.panes
        for name, pane in self.panes.items():
            pane.display = name in new.panes
        self.below.display = any(name in new.panes for name in others)
        self.panes[first].styles.height = new.above or "1fr"
        self.tabs.display = bool(new.tabs)
        self.set_class(bool(new.tabs), "-tabs")
        self.too_small.display = new.too_small
        self.too_small.update(f"seqtui needs {MIN_WIDTH}×{MIN_HEIGHT}; this is {width}×{height}. Training continues.")
        self.status.display = self.footer.display = not new.too_small
        self.bar.display = height >= LEAST_HEIGHT and not new.too_small
        self.draw()
        if new.panes:
            self.panes[self.current].focus()

    def go_to(self, name: str) -> None:
        """Focus a pane; a hidden one is brought to the front."""
        if not self._arrangement.too_small:
            self.current = name
            self.zoomed = name if self.zoomed else None
            self.rearrange()

    def cycle(self, direction: int) -> None:
        """Focus the next pane, or the previous one."""
        names = list(self.panes)
        self.go_to(names[(names.index(self.current) + direction) % len(names)])

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""
        self.zoomed = name
        self.rearrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow a focus that a click has moved."""
        name = next((name for name, pane in self.panes.items() if pane is self.focused), self.current)
        if name != self.current:
            self.current = name
            self.draw()

    def freeze(self, frozen: bool) -> None:
        """Freeze the panes, or unfreeze them with the newest snapshot."""
        self.frozen = frozen
        self.show(self.newest)

    def back(self) -> None:
        """Leave zoom, then freeze, then the view."""
        if self.zoomed:
            self.zoom(None)
        elif self.frozen:
            self.freeze(False)
        else:
            self.look_at("lab")

    # What it is about

    def moved(self) -> None:
        """The standpoint is another one: ask for it, and draw it."""
        self.ask_again()
        self.draw()

    def point(self, timestep: int) -> None:
        """Set the playhead."""
        self.standpoint = replace(self.standpoint, playhead=max(0, timestep))

    def on_pointed(self, event: Pointed) -> None:
        """Move the playhead to where the user points."""
        self.point(event.timestep)

    def move(self, timesteps: int) -> None:
        """Move the playhead by that many timesteps."""
        self.point(self.standpoint.playhead + timesteps)

    def move_word(self, direction: int) -> None:
        """Move the playhead to the start of the next word (direction > 0) or of the previous one."""
        if self.probe is not None:
            self.point(word_start(self.probe.symbols, self.standpoint.playhead, direction))

    def move_edge(self, direction: int) -> None:
        """Move the playhead to the text's end (direction > 0) or start."""
        if self.probe is not None:
            self.point(len(self.probe.symbols) - 1 if direction > 0 else 0)

    def copied_text(self) -> tuple[str, str]:
        """Return the text to copy from the focused pane, and what it is."""
        text: tuple[str, str] = self.panes[self.current].said()
        return text


def arrange(
    width: int, height: int, panes: tuple[str, ...], zoomed: str | None, front: str, most_above: int
) -> Arrangement:
    """Return the arrangement for a terminal of width x height cells: all panes, or `front` with the others as tabs."""
    if too_small(width, height):
        return Arrangement(())
    if zoomed is not None or len(panes) == 1:
        return Arrangement((zoomed or panes[0],))
    if width >= _ALL_WIDTH and height >= _ALL_HEIGHT:
        return Arrangement(panes, above=min(most_above, (height - 3) // 2))
    return Arrangement((front,), panes)
