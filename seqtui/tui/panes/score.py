"""The score: one column a timestep, the text on top, a stave for each part, one playhead through all of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from seqcore.records import Probe
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive

from seqtui.snapshot import Phase, Snapshot
from seqtui.tui.panes.bands import band_rows, stave_rows
from seqtui.tui.panes.gutter import label
from seqtui.tui.panes.layout import Kind, Layout, Wish, arrange
from seqtui.tui.panes.playhead import Place, word_start
from seqtui.tui.panes.staves import LABELS, Fold, unit_in
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.widgets.pane import Pane, Row, pieces
from seqtui.visible import cell_width

TITLE = "the score: one column a timestep"
_WORD_COLUMN = 8
_EXPECTED = {  # staves of a model that no probe has shown yet
    "lstm": ("input", "forget", "cell", "output", "c", "h"),
    "gru": ("reset", "update", "candidate", "h"),
}
_WAITING = {
    Phase.LOADING: "waits for the corpus and the model",
    Phase.COMPILING: "waits for the kernels",
    Phase.FAILED: "nothing to see: the training failed",
}


class ScorePane(Pane):
    """Everything that is indexed by timestep, drawn from the newest probe."""

    playhead: reactive[int] = reactive(0, init=False)
    FOCUSES: ClassVar[tuple[str, ...]] = ("loss", "gate", "reach")

    class PlayheadMoved(Message):
        """The playhead stands at another timestep."""

        def __init__(self, pane: "ScorePane", playhead: int) -> None:
            super().__init__()
            self.pane = pane
            self.playhead = playhead

    class ColumnsChanged(Message):
        """Another number of timesteps fits."""

        def __init__(self, pane: "ScorePane", columns: int) -> None:
            super().__init__()
            self.pane = pane
            self.columns = columns

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.compact = False
        self.unit: int | None = None
        self.shown_layer = 0
        self.gate = "forget"
        self.fold = Fold.NEAR  # rows that are units: of many gates the strongest is nearly always open
        self.triangle = False
        self.reach = 0  # the layer whose h is looked back to, -1 for the input
        self.focused_stave = "gate"
        self._probe: Probe | None = None
        self._snapshot = Snapshot()
        self._place = Place()
        self._column_width = 1
        self._columns = 0
        self._memory = Memory()
        self._retitle()

    # What is shown

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest probe; nothing is done when it is the one already shown."""
        old, self._snapshot = self._snapshot, snapshot
        probe = snapshot.probe if snapshot.probe is not None and len(snapshot.probe.symbols) else None
        if probe is self._probe and (probe is not None or (old.phase, old.model) == (snapshot.phase, snapshot.model)):
            return
        before, self._probe = self._probe, probe
        if probe is not None:
            self._adopt(probe, before)
        self._retitle()
        self.redraw()

    def _adopt(self, probe: Probe, before: Probe | None) -> None:
        """Keep place, unit and gate where the new probe has them; start in the middle of the first text."""
        same_text = before is not None and before.symbols == probe.symbols
        narrowest = self._column_width if same_text else 1
        self._column_width = max(narrowest, column_width(probe, self._snapshot.tokens_by))
        self.shown_layer = min(self.shown_layer, max((stave.layer for stave in probe.staves), default=0))
        self.reach = min(self.reach, len(probe.reach_hidden) - 1)
        names = self._names()
        if self.gate not in names and names:
            self.gate = next((name for name in ("forget", "update", "h") if name in names), names[0])
        if self.unit is not None:
            self.unit = min(self.unit, self._units() - 1) if self._units() else None
        if not same_text:
            self._place = replace(self._place, scroll=0)
            self._columns_now()
            self._go(len(probe.symbols) // 2 if before is None else self.playhead)

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Every band's rows, from the text down to the readout."""
        layout = self._layout(width, height)
        if self._probe is None:
            return self._empty(layout)
        view = self._view(layout)
        self._memory.refresh(view)
        rows: list[Row] = []
        staves = [band for band in layout.bands if band.kind is Kind.STAVE]
        for band in layout.bands:
            rows += band_rows(band, view, self._memory, bool(staves) and band is staves[-1])
        return rows

    def _view(self, layout: Layout) -> View:
        assert self._probe is not None
        return View(
            probe=self._probe,
            layout=layout,
            place=self._place,
            chosen=self.gate,
            layer=self.shown_layer,
            unit=self.unit,
            fold=self.fold,
            reach=self.reach,
            focus=self.focused_stave,
            tokens_by=self._snapshot.tokens_by,
            ink=self.ink,
        )

    def _layout(self, width: int, height: int) -> Layout:
        names = self._names()
        wish = Wish(
            staves=names or ("h",),
            chosen=self.gate if self.gate in names else (names or ("h",))[0],
            units=self._units() or self._snapshot.model.hidden,
            trace=self.unit is not None,
            triangle=self.triangle,
            compact=self.compact,
        )
        return arrange(width, height, self._column_width, wish)

    def _empty(self, layout: Layout) -> list[Row]:
        """The staves' names, and what the score waits for."""
        ink, gutter = self.ink, layout.gutter
        text = _WAITING.get(self._snapshot.phase, "waits for the first look at a text")
        names = {Kind.GUESS: "guess", Kind.LOSS: "loss", Kind.REACH: "reach"}
        rows: list[Row] = []
        for band in layout.bands:
            name = LABELS.get(band.name, band.name) if band.kind is Kind.STAVE else names.get(band.kind, "")
            said = text if band.kind is Kind.TEXT else ""
            paint = [*label(gutter, name, ink.faint, ink), *pieces((said, ink.muted))]
            rows.append(Row((gutter, name, said), lambda p=paint: p))
            rows += [Row(("blank",), lambda: ())] * (band.lines - 1)
        return rows

    def _names(self) -> tuple[str, ...]:
        if self._probe is None:
            return _EXPECTED.get(self._snapshot.model.family, ("h",))
        return tuple(stave.name for stave in self._probe.staves if stave.layer == self.shown_layer)

    def _units(self) -> int:
        """Units of the chosen stave."""
        staves = self._probe.staves if self._probe else ()
        return next((s.values.shape[1] for s in staves if (s.name, s.layer) == (self.gate, self.shown_layer)), 0)

    def _retitle(self) -> None:
        layers = 1 + max((stave.layer for stave in self._probe.staves), default=0) if self._probe else 1
        title = TITLE if layers == 1 else f"{TITLE} · layer {self.shown_layer + 1} of {layers}"
        if self._probe is None:
            self.set_titles(title)
            return
        last = len(self._probe.symbols) - 1
        place = f"playhead {self.playhead:>{len(str(last))}}/{last}"
        unit = "–" if self.unit is None else str(self.unit)
        unit = unit.rjust(len(str(max(0, self._units() - 1))))
        long = f"← → {place}   ↑ ↓ unit {unit}   g gate   e text"
        self.set_titles(title, long, f"{place}   unit {unit}", place)

    # The playhead

    @property
    def columns(self) -> int:
        """How many timesteps fit."""
        return self._columns

    def move(self, columns: int) -> None:
        """Move the playhead by that many timesteps."""
        self._go(self.playhead + columns)

    def move_word(self, direction: int) -> None:
        """Move the playhead to the next word's start, or to the last one's."""
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
        """Draw the playhead where it is now, also when somebody else set it."""
        if self._probe is None:
            return
        if playhead != self._place.playhead:
            self._go(playhead)
        if self.playhead == self._place.playhead:
            self._changed()
            self.post_message(self.PlayheadMoved(self, self.playhead))

    def _changed(self) -> None:
        self._retitle()
        self.redraw()

    # Unit, gate, layer, fold, reach

    def move_unit(self, delta: int) -> None:
        """Pick the unit that many further on; the first pick is the one that changes most over the text."""
        units = self._units()
        if units == 0 or self._probe is None:
            return
        if self.unit is None:
            values = self._probe.stave(self.gate, self.shown_layer).values.astype(np.float64)
            self.unit = int(np.argmax(np.std(np.nan_to_num(values, posinf=0, neginf=0), axis=0)))
        else:
            self.unit = (self.unit + delta) % units
        self.focused_stave = "gate"
        self._changed()

    def cycle_gate(self, direction: int = 1) -> None:
        """Choose the next stave of the layer."""
        names = self._names()
        if names:
            at = names.index(self.gate) if self.gate in names else 0
            self.gate = names[(at + direction) % len(names)]
            self.focused_stave = "gate"
            self._changed()

    def cycle_layer(self, direction: int = 1) -> None:
        """Show the next layer's staves."""
        layers = sorted({stave.layer for stave in self._probe.staves}) if self._probe else []
        if layers:
            self.shown_layer = layers[(layers.index(self.shown_layer) + direction) % len(layers)]
            if self.unit is not None:
                self.unit = min(self.unit, self._units() - 1) if self._units() else None
            self._changed()

    def cycle_fold(self) -> None:
        """Show the strongest of each group of units, their mean, or the units beside the picked one."""
        self.fold = self.fold.next()
        self._changed()

    def toggle_triangle(self) -> None:
        """Show the reach of every timestep in the place of the staves, or no longer."""
        self.triangle = not self.triangle
        self._changed()

    def cycle_reach(self) -> None:
        """Look back to the next layer's h, after the last one to the input."""
        layers = len(self._probe.reach_hidden) if self._probe else 0
        self.reach = self.reach + 1 if self.reach + 1 < layers else -1
        self.focused_stave = "reach"
        self._changed()

    def focus_stave(self, name: str) -> None:
        """Read out "loss", "gate" or "reach"; a stave's own name chooses that gate too."""
        if name in self._names():
            self.gate, name = name, "gate"
        if name in self.FOCUSES:
            self.focused_stave = name
            self._changed()

    def set_compact(self, compact: bool = True) -> None:
        """Whether only one gate stave is shown, for small screens."""
        self.compact = compact
        self._changed()

    # Size and mouse

    def on_resize(self, event: events.Resize) -> None:
        """Another width holds another part of the text."""
        self._columns_now()
        self._go(self.playhead)
        self.redraw()

    def _columns_now(self) -> None:
        width = self.content_size.width if self.is_attached else 0
        columns = self._layout(width, 1).columns if width > 0 else self._columns
        if columns != self._columns:
            self._columns = columns
            self.post_message(self.ColumnsChanged(self, columns))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Point at a place, and at a unit on a gate stave; the playhead follows until the button is let go."""
        at = event.get_content_offset(self)
        if at is not None and self._probe is not None:
            self.capture_mouse()
            self._point(at.x, at.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the playhead."""
        if self.app.mouse_captured is self:
            offset = event.get_content_offset_capture(self)
            self._point(offset.x, None)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let the playhead go."""
        self.release_mouse()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the playhead on."""
        event.stop()
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the playhead back."""
        event.stop()
        self.move(-1)

    def _point(self, x: int, y: int | None) -> None:
        size: Size = self.content_size
        layout = self._layout(size.width, size.height)
        found = layout.band_at(y) if y is not None else None
        t = self._place.scroll + (x - layout.gutter) // layout.column_width
        if x >= layout.gutter and self._probe is not None:
            t = max(0, min(t, len(self._probe.symbols) - 1))
            if found is not None and found[0].kind is Kind.STAVE:
                self._point_at_unit(layout, found[0].name, found[0].lines, found[1], t)
            self._go(t)
        elif found is not None and found[0].kind is Kind.STAVE:
            self.focus_stave(found[0].name)

    def _point_at_unit(self, layout: Layout, name: str, lines: int, line: int, t: int) -> None:
        """Choose the stave and the unit that the cell shows at t."""
        assert self._probe is not None
        view = self._view(layout)
        stave = view.stave(name)
        if stave is None:
            return
        last = [band.name for band in layout.bands if band.kind is Kind.STAVE][-1] == name
        rows, span = stave_rows(lines, view, last), 1 if view.ink.colourless else 2
        self.gate, self.focused_stave = name, "gate"
        self.unit = unit_in(stave.values[t], line * span, span, rows, self.fold, self.unit or 0)
        self._changed()


def column_width(probe: Probe, tokens_by: str) -> int:
    """Cells a timestep: 1, 2 where a character is a wide one, up to 8 (with the space between) for words."""
    shown = [*probe.symbols, *(guesses[0] for guesses in probe.top_symbols if guesses)]
    widest = max((cell_width(symbol) for symbol in shown), default=1)
    return min(widest, 2) if tokens_by != "word" else min(widest + 1, _WORD_COLUMN)
