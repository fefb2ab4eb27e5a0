"""The view of the encodings: what does the model read? Text, tokens, one-hot vectors, embeddings, and their map."""

from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from seqtui.live.snapshot import Session, Snapshot
from seqtui.tui.bars.tabs import TabStrip
from seqtui.tui.panes.embedding_map import MapPane
from seqtui.tui.panes.encoding import EncodingPane
from seqtui.tui.panes.neighbours import NeighboursPane
from seqtui.tui.panes.playhead import word_start
from seqtui.tui.panes.subject import Subject
from seqtui.tui.screens.arrangement import MIN_HEIGHT, MIN_WIDTH, Arrangement
from seqtui.tui.screens.encodings_commands import ENCODINGS
from seqtui.tui.screens.view import ViewScreen
from seqtui.visible import visible

PANES = ("encoding", "map", "neighbours")
_ALL_WIDTH, _ALL_HEIGHT = 100, 30  # from which all panes are shown
_TABS = 44  # cells of the tabs
_MOST_ABOVE = 24  # rows of the encoding when others stand below it


class Encodings(ViewScreen):
    """Draws the subject: the text under the playhead, or a token that was picked, and the vectors of all tokens."""

    BINDINGS: ClassVar[list[BindingType]] = ENCODINGS.bindings()
    DEFAULT_CSS = """
    Encodings { layout: vertical; overflow: hidden; }
    Encodings MapPane { width: 2fr; }
    Encodings NeighboursPane { width: 1fr; }
    Encodings #below { height: 1fr; }
    Encodings.-tabs Pane { border: none; padding: 0 1; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, ENCODINGS)
        self.encoding = EncodingPane()
        self.map = MapPane()
        self.neighbours = NeighboursPane()
        self.tabs = TabStrip(id="tabs")
        self.too_small = Static(id="too-small")
        self.below = Horizontal(id="below")
        self.current = "encoding"  # the pane with the focus
        self.zoomed: str | None = None
        self.frozen = False
        self._playhead = 0
        self._picked: int | None = None
        self._arrangement = Arrangement(())

    @property
    def panes(self) -> Mapping[str, EncodingPane | MapPane | NeighboursPane]:
        """The panes by name, in focus order."""
        return {"encoding": self.encoding, "map": self.map, "neighbours": self.neighbours}

    @property
    def playhead(self) -> int:
        """The timestep that the view is about."""
        return self.subject.playhead

    @playhead.setter
    def playhead(self, timestep: int) -> None:
        self._playhead, self._picked = timestep, None
        self._draw()

    @property
    def subject(self) -> Subject:
        """What is drawn now."""
        return Subject.of(self.shown, self._playhead, self._picked)

    def compose(self) -> ComposeResult:
        """Lay out everything from top to bottom."""
        yield self.status
        yield self.too_small
        yield self.tabs
        yield self.encoding
        with self.below:
            yield self.map
            yield self.neighbours
        yield self.footer

    def on_mount(self) -> None:
        """Arrange the panes."""
        self.rearrange()

    def on_resize(self, event: events.Resize) -> None:
        """Rearrange the panes for the new size."""
        self.rearrange()

    def entered(self) -> None:
        """Ask for the embedding while the view is looked at."""
        self.session.set_embedding_shown(True)
        self.rearrange()

    def left(self) -> None:
        """Ask for it no longer."""
        self.session.set_embedding_shown(False)

    # What is drawn

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; only the status line while frozen. Another vocabulary ends the pick."""
        if snapshot.run != self.newest.run:
            self._picked = None
        self.newest = snapshot
        if not self.frozen:
            self.shown = snapshot
        self._draw()

    def _draw(self) -> None:
        if not (self.encoding.is_running and self.encoding.is_attached):
            return
        self.status.show(self.newest, self.shown.step if self.frozen else None)
        subject = self.subject
        for name in self._arrangement.panes:
            self.panes[name].take(subject)
        on = {"pause": self.newest.phase.value == "paused", "zoom": self.zoomed is not None, "freeze": self.frozen}
        self.footer.show(self.current, frozenset(["encodings", *(name for name, state in on.items() if state)]))
        if self._arrangement.tabs:
            note = self.panes[self.current].title_for(self.app.size.width - _TABS)
            self.tabs.show(self._arrangement.tabs, self.current, focused=True, note=note)

    # Where it is drawn

    def rearrange(self) -> None:
        """Arrange the panes for the current size, zoom and tab."""
        if not (self.encoding.is_running and self.encoding.is_attached):
            return
        width, height = self.app.size
        new = self._arrangement = arrange(width, height, self.zoomed, self.current)
        for name, pane in self.panes.items():
            pane.display = name in new.panes
        self.below.display = any(name in new.panes for name in PANES[1:])
        self.encoding.styles.height = new.above or "1fr"
        self.tabs.display = bool(new.tabs)
        self.set_class(bool(new.tabs), "-tabs")
        self.too_small.display = new.too_small
        self.too_small.update(f"seqtui needs {MIN_WIDTH}×{MIN_HEIGHT}; this is {width}×{height}. Training continues.")
        self.status.display = self.footer.display = not new.too_small
        self._draw()
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
        self.go_to(PANES[(PANES.index(self.current) + direction) % len(PANES)])

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""
        self.zoomed = name
        self.rearrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow a focus that a click has moved."""
        name = next((name for name, pane in self.panes.items() if pane is self.focused), self.current)
        if name != self.current:
            self.current = name
            self._draw()

    # What it is about

    def move(self, timesteps: int) -> None:
        """Move the playhead by that many timesteps."""
        self.playhead = max(0, self.playhead + timesteps)

    def move_word(self, direction: int) -> None:
        """Move the playhead to the start of the next word (direction > 0) or of the previous one."""
        probe = self.subject.probe
        if probe is not None:
            self.playhead = word_start(probe.symbols, self.playhead, direction)

    def move_edge(self, direction: int) -> None:
        """Move the playhead to the text's end (direction > 0) or start."""
        probe = self.subject.probe
        if probe is not None:
            self.playhead = len(probe.symbols) - 1 if direction > 0 else 0

    def on_encoding_pane_pointed(self, event: EncodingPane.Pointed) -> None:
        """Move the playhead to where the user points."""
        self.playhead = max(0, event.timestep)

    def on_map_pane_picked(self, event: MapPane.Picked) -> None:
        """Pick a token on the map."""
        self.pick(event.token)

    def on_neighbours_pane_picked(self, event: NeighboursPane.Picked) -> None:
        """Pick a neighbour."""
        self.pick(event.token)

    def pick(self, token: int | None) -> None:
        """Show a token of the vocabulary instead of the one at the playhead, until the playhead moves."""
        self._picked = token
        self._draw()

    def find(self, text: str) -> None:
        """Pick the token that a text is, with or without a space before it; or else one that begins with it."""
        vectors = self.subject.vectors
        if vectors is None:
            self.say("There are no vectors yet.")
            return
        wanted = text if text.isspace() else text.strip()
        places = {symbol: token for token, symbol in enumerate(vectors.symbols)}
        found = next((places[one] for one in (f" {wanted}", wanted, text) if one in places), None)
        if found is None and wanted:
            found = next((int(one) for one in vectors.order if vectors.symbols[one].strip().startswith(wanted)), None)
        if found is None:
            self.say(f"`{visible(wanted)}` is not in {self.subject.vocabulary}.")
        else:
            self.pick(found)

    def freeze(self) -> None:
        """Freeze the panes, or unfreeze them with the newest snapshot."""
        self.frozen = not self.frozen
        self.show(self.newest)

    def back(self) -> None:
        """Leave zoom, then the picked token, then the view."""
        if self.zoomed:
            self.zoom(None)
        elif self._picked is not None:
            self.pick(None)
        else:
            self.look_at("lab")

    def copied_text(self) -> tuple[str, str]:
        """Return the text to copy from the focused pane, and what it is."""
        return self.panes[self.current].said()


def arrange(width: int, height: int, zoomed: str | None, front: str) -> Arrangement:
    """Return the arrangement for a terminal of width x height cells: all panes, or `front` with the others as tabs."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return Arrangement(())
    if zoomed is not None:
        return Arrangement((zoomed,))
    if width >= _ALL_WIDTH and height >= _ALL_HEIGHT:
        return Arrangement(PANES, above=min(_MOST_ABOVE, (height - 2) // 2))
    return Arrangement((front,), PANES)
