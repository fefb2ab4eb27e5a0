"""The score: one column per timestep, the text on top, a stave for each quantity, one playhead through all of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from seqcore.records import Probe
from textual import events
from textual.message import Message
from textual.reactive import reactive

from seqtui.live.snapshot import Snapshot
from seqtui.tui.panes import wanted
from seqtui.tui.panes.attention import heads_of
from seqtui.tui.panes.bands import band_rows, empty_rows, stave_rows
from seqtui.tui.panes.bar_state import handed_names
from seqtui.tui.panes.drawing import column_at, column_width
from seqtui.tui.panes.heads import head_at
from seqtui.tui.panes.layout import Kind, Layout, arrange
from seqtui.tui.panes.playhead import Place, word_start
from seqtui.tui.panes.selection import Selection
from seqtui.tui.panes.staves import unit_in
from seqtui.tui.panes.timesteps import by_timestep
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.standpoint import Standpoint
from seqtui.tui.widgets.arrays import Arrays
from seqtui.tui.widgets.dragged import DraggedPane
from seqtui.tui.widgets.pane import Row

_SPREADS = (None, Kind.MAP, Kind.HEADS)  # cycled through by the attention key


class ScorePane(DraggedPane):
    """Pane of everything that is indexed by timestep, drawn from the newest probe."""

    playhead: reactive[int] = reactive(0, init=False)

    class PlayheadMoved(Message):
        """Posted when the playhead has moved to another timestep."""

        def __init__(self, pane: "ScorePane", playhead: int) -> None:
            super().__init__()
            self.pane = pane
            self.playhead = playhead

    class ColumnsChanged(Message):
        """Posted when the number of timesteps that fit has changed."""

        def __init__(self, pane: "ScorePane", columns: int) -> None:
            super().__init__()
            self.pane = pane
            self.columns = columns

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.compact = False
        self.spread: Kind | None = None  # shown instead of the staves: TRIANGLE, MAP, HEADS or STATE
        self.selection = Selection()
        self._probe: Probe | None = None
        self._before: Probe | None = None  # the newest probe of the pair that was shown before this one
        self._symbols: tuple[str, ...] = ()  # of the text shown last, kept while a new model has no probe yet
        self._judged = False  # whether the text shown last had a verdict
        self._snapshot = Snapshot()
        self._place = Place()
        self._column_width = 1
        self._columns = 0
        self._memory = Memory()
        self._retitle()

    # What is shown

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest probe; does nothing if it is already shown."""
        old, self._snapshot = self._snapshot, snapshot
        probe = snapshot.probe if snapshot.probe is not None and len(snapshot.probe.symbols) else None
        if probe is self._probe and (probe is not None or (old.phase, old.model) == (snapshot.phase, snapshot.model)):
            return
        before, self._probe = self._probe, probe
        if probe is not None:
            if before is not None and before.symbols[: before.bar] != probe.symbols[: probe.bar]:
                self._before = before
            self._adopt(probe, self._symbols)
            self._symbols = probe.symbols
        self._changed()

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the text of the score."""
        return snapshot.score_text, "text of the score"

    def data(self) -> Arrays:
        """Return everything that the score draws, each array with the timesteps first."""
        return by_timestep(self._probe) if self._probe is not None else {}

    def _adopt(self, probe: Probe, before: tuple[str, ...]) -> None:
        """Keep the place and the selection as far as the new probe has them; start in the middle of the first text.

        A new model on the same text keeps the same place.
        """
        self.selection.adopt(probe)
        same_text = before == probe.symbols
        ends = probe.verdict is not None and (not self._judged or self.playhead >= len(before) - 1)
        self._judged = probe.verdict is not None
        width = column_width(probe, self._snapshot.tokens_by)
        self._column_width = max(self._column_width, width) if same_text else width
        self._columns_now()
        if not same_text:
            self._place = replace(self._place, scroll=0)
        if ends and not same_text:
            self._go(len(probe.symbols) - 1)  # where the verdict counts
        else:
            self._go(len(probe.symbols) // 2 if not before else self.playhead)

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows of all bands, from the text down to the readout."""
        layout = self._layout(width, height)
        if self._probe is None:
            return empty_rows(layout, self.ink, self._snapshot.phase)
        view = self._view(self._probe, layout)
        self._memory.refresh(view)
        return [row for band in layout.bands for row in band_rows(band, view, self._memory, layout.tight)]

    def _view(self, probe: Probe, layout: Layout) -> View:
        unit = self._snapshot.task.input_unit or self._snapshot.tokens_by
        return View(probe, layout, self._place, self.selection, unit, self.ink, self._before)

    def _layout(self, width: int, height: int) -> Layout:
        halves = not self.ink.colourless
        asked = wanted.wish(self._probe, self._snapshot, self.selection, self.spread, self.compact, halves)
        return arrange(width, height, self._column_width, asked)

    def _names(self) -> tuple[str, ...]:
        return wanted.stave_names(self._probe, self._snapshot.model, self.selection)

    def _retitle(self) -> None:
        shown = (wanted.TITLE,) if self._probe is None else wanted.titles(self._probe, self.selection, self.playhead)
        self.set_titles(*shown)

    def _changed(self) -> None:
        self._retitle()
        self.redraw()

    # The playhead

    @property
    def standpoint(self) -> Standpoint:
        """The playhead, and the picked unit of a stave."""
        return Standpoint(self.playhead, self.selection.layer, self.selection.gate, self.selection.unit)

    @standpoint.setter
    def standpoint(self, place: Standpoint) -> None:
        if place != self.standpoint:
            self.selection.look_at(place, self._probe)
            self.playhead = place.playhead
            self._changed()

    @property
    def columns(self) -> int:
        """Number of timesteps that fit."""
        return self._columns

    def move(self, columns: int) -> None:
        """Move the playhead by that many timesteps."""
        self._go(self.playhead + columns)

    def move_word(self, direction: int) -> None:
        """Move the playhead to the start of the next word (direction > 0) or of the previous one."""
        if self._probe is not None:
            self._go(word_start(self._probe.symbols, self.playhead, direction))

    def move_edge(self, direction: int) -> None:
        """Move the playhead to the text's end (direction > 0) or start."""
        if self._probe is not None:
            self._go(len(self._probe.symbols) - 1 if direction > 0 else 0)

    def _go(self, playhead: int) -> None:
        if self._probe is not None:
            self._place = self._place.at(playhead, len(self._probe.symbols), max(1, self._columns))
            self.playhead = self._place.playhead

    def watch_playhead(self, playhead: int) -> None:
        """Redraw the playhead at its new timestep, including when it is set from outside."""
        if self._probe is None:
            return
        if playhead != self._place.playhead:
            self._go(playhead)
        if self.playhead == self._place.playhead:
            self._changed()
            self.post_message(self.PlayheadMoved(self, self.playhead))

    # Unit, gate, layer, fold, reach

    def move_unit(self, delta: int) -> None:
        """Move the picked unit by `delta`; the first pick is the unit that varies most over the text."""
        self._choose(lambda probe: self.selection.move_unit(probe, delta))
        self._stay_at_bar()

    def cycle_gate(self, direction: int = 1) -> None:
        """Choose the next stave of the layer, or the previous one (direction < 0); at the bar, the next state."""
        if self.spread is Kind.STATE and self._probe is not None:
            names = handed_names(self._probe, self.selection.layer)
            at = names.index(self.selection.gate) if self.selection.gate in names else len(names) - 1
            if names:
                self.focus_stave(names[(at + direction) % len(names)])
            self._stay_at_bar()
            return
        self._choose(lambda probe: self.selection.cycle_gate(probe, direction))

    def cycle_layer(self, direction: int = 1) -> None:
        """Show the staves of the next layer, or of the previous one (direction < 0)."""
        self._choose(lambda probe: self.selection.cycle_layer(probe, direction))

    def cycle_reach(self) -> None:
        """Show the reach to the next layer's state; after the last layer, to the input."""
        self._choose(self.selection.cycle_reach)

    def _choose(self, choice: Callable[[Probe], None]) -> None:
        if self._probe is not None:
            choice(self._probe)
            self._changed()

    def cycle_fold(self) -> None:
        """Cycle between the units near the picked one, the strongest of each group of units, and their mean."""
        self.selection.fold = self.selection.fold.next()
        self._changed()

    def toggle_triangle(self) -> None:
        """Toggle between the staves and the reach of every timestep."""
        self.spread = None if self.spread is Kind.TRIANGLE else Kind.TRIANGLE
        self._changed()

    # The state at the bar

    @property
    def has_bar(self) -> bool:
        """Whether the score is that of a pair."""
        return self._probe is not None and self._probe.bar > 0

    def toggle_state(self) -> None:
        """Toggle between the staves and the state at the bar, unit by unit."""
        self.spread = None if self.spread is Kind.STATE else Kind.STATE
        self.focus_stave("gate" if self.spread is None else "state")

    def _stay_at_bar(self) -> None:
        if self.spread is Kind.STATE:
            self.focus_stave("state")

    # Attention

    @property
    def attends(self) -> bool:
        """Whether the model shown has attention."""
        return wanted.heads(self._probe, self._snapshot.model) is not None

    def cycle_attention(self) -> None:
        """Show the picked head's map instead of the staves, then all heads (of a pair their mean), then the staves."""
        one = self._probe is not None and self.has_bar and heads_of(self._probe) == (1, 1)
        spreads = _SPREADS[:2] if one else _SPREADS
        self.spread = spreads[(spreads.index(self.spread) + 1) % len(spreads)] if self.spread in spreads else Kind.MAP
        self.focus_stave("attention")

    def move_head(self, delta: int) -> None:
        """Move the picked head of this layer by `delta`."""
        self._choose(lambda probe: self.selection.pick_head(probe, self.selection.layer, self.selection.head + delta))

    def focus_stave(self, name: str) -> None:
        """Read out "loss", "gate", "reach", "attention" or "state"; the name of a stave also chooses that stave."""
        self.selection.focus_on(name, self._names())
        if self._probe is not None:
            self.selection.adopt(self._probe)
        self._changed()

    def set_compact(self, compact: bool = True) -> None:
        """Set whether a small screen shows only the chosen stave and the state."""
        if compact != self.compact:
            self.compact = compact
            self._changed()

    # Size and mouse

    def on_resize(self, event: events.Resize) -> None:
        """Adapt the part of the text in view to the new width."""
        self._columns_now()
        self._go(self.playhead)
        self.redraw()

    def _columns_now(self) -> None:
        width = self.content_size.width if self.is_attached else 0
        columns = self._layout(width, 1).columns if width > 0 else self._columns
        if columns != self._columns:
            self._columns = columns
            self.post_message(self.ColumnsChanged(self, columns))

    def press(self, x: int, y: int) -> bool:
        """Pick a head, or a timestep and the unit of a stave; return whether the playhead follows the mouse then."""
        probe = self._probe
        if probe is None:
            return False
        layout = self._layout(*self.content_size)
        head = head_at(layout, self._view(probe, layout), x, y)
        if head is None:
            self._point(probe, x, y)
            return True
        self._choose(lambda probe: self.selection.pick_head(probe, *head))
        return False

    def drag(self, x: int) -> None:
        """Move the playhead to a column."""
        if self._probe is not None:
            self._point(self._probe, x, None)

    def _point(self, probe: Probe, x: int, y: int | None) -> None:
        """Select what is drawn at a cell; without y only its timestep. A label chooses its stave."""
        layout = self._layout(*self.content_size)
        band, line = (layout.band_at(y) if y is not None else None) or (None, 0)
        on_stave = band is not None and band.kind is Kind.STAVE
        if x < layout.gutter and y is not None:
            if band is not None:
                self.focus_stave(band.name if on_stave else band.kind.value)
            return
        view = self._view(probe, layout)
        t = column_at(view, x - layout.gutter)
        t = max(0, min(t, len(probe.symbols) - 1))
        if band is not None and on_stave:
            stave, halves = view.stave(band.name), 1 if view.ink.colourless else 2
            if stave is not None:
                rows = stave_rows(band.lines, view, layout.tight)
                near = self.selection.unit or 0
                unit = unit_in(stave.values[t], line * halves, halves, rows, self.selection.fold, near)
                self.selection.pick_unit(probe, band.name, unit)
        elif band is not None:
            self.selection.focus_on(band.kind.value, ())
        self._go(t)
        self._changed()
