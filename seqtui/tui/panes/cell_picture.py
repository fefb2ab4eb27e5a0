"""The pane of the cell as lectures draw it, with the numbers at the playhead on its lines."""

from collections.abc import Sequence
from functools import partial
from math import isfinite

from rich.segment import Segment
from textual import events

from seqtui.tui.panes.cell_pictures import backward_values, drawn, forward_values, place_of
from seqtui.tui.panes.celled import Celled
from seqtui.tui.panes.drawing import bare
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.cells import bar_glyph, decades_share
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import cell, cell_width

TITLE = "1 the cell"
_DECADES = 6  # of the gradient, from full height down


class CellPicturePane(Pane):
    """Draws the text around the playhead, the picture of the cell, and backwards the way of the gradient."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Celled()
        self._first, self._wide = 0, 1
        self.set_titles(TITLE)

    def take(self, subject: Celled) -> None:
        """Draw another frame."""
        self.subject = subject
        seen = subject.seen
        if seen is None:
            self.set_titles(TITLE)
        else:
            way = "the chain rule backwards" if subject.back else "forwards"
            short = f"t {seen.facts.t}"
            self.set_titles(
                f"{TITLE}: {subject.about}", f"{way} · {short} · step {seen.step:,}", f"{way} · {short}", short
            )
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the picture as text, and what it is."""
        lines = self._picture() if self.subject.seen is not None else []
        return "\n".join("".join(text for text, _ in line) for line in lines), "picture of the cell"

    def data(self) -> Arrays:
        """Return the numbers in the picture, and backwards the way of the gradient."""
        seen = self.subject.seen
        if seen is None:
            return {}
        facts, back = seen.facts, seen.back if self.subject.back else None
        place = {"step": seen.step, "t": facts.t, "read": facts.symbol, "layer": facts.layer, "unit": facts.unit}
        values = {one.name: one.value for one in facts.quantities}
        return flat(place | {"value": values} | ({"path": back.path} if back is not None else {}))

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the text, the way of the gradient if it is shown, the picture, and a sentence."""
        subject = self.subject
        if subject.seen is None or subject.probe is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        rows = [self._text(width)]
        if subject.back:
            rows.append(self._way(width))
        rows += [BLANK] if height > 14 else []
        for line in self._picture():
            rows.append(Row(tuple(line), partial(self._paint, line)))
        said = self._sentence()
        lines = [Row(("said", said[a:b]), partial(pieces, (said[a:b], self.ink.muted))) for a, b in wrap(said, width)]
        rows += [BLANK] if len(rows) + len(lines) < height else []
        return rows[: height - len(lines)] + lines

    def _picture(self) -> list[list[tuple[str, str]]]:
        subject = self.subject
        assert subject.seen is not None
        facts, back, line = subject.seen.facts, subject.seen.back, subject.line
        shown = subject.back and back is not None
        values = backward_values(back) if shown and back is not None else forward_values(facts)
        chosen = place_of(line.name) if line is not None else ""
        return drawn(facts.cell, values, shown, lambda place: place == chosen)

    def _paint(self, line: list[tuple[str, str]]) -> list[Segment]:
        ink = self.ink
        styles = {"line": ink.muted, "number": ink.text, "marked": ink.lit(ink.accent), "unknown": ink.faint}
        return pieces(*((text, styles[kind]) for text, kind in line))

    def _columns(self, width: int) -> range:
        """Return the timesteps in view, the playhead among them, and remember where they are."""
        probe = self.subject.probe
        assert probe is not None
        self._wide = min(8, max(cell_width(bare(symbol)) for symbol in probe.symbols))
        self._wide += self._wide > 1
        room = max(1, width // self._wide)
        self._first = max(0, min(self.subject.playhead - room // 2, len(probe.symbols) - room))
        return range(self._first, min(len(probe.symbols), self._first + room))

    def _text(self, width: int) -> Row:
        probe, ink = self.subject.probe, self.ink
        assert probe is not None
        parts = []
        for t in self._columns(width):
            style = ink.lit(ink.text) if t == self.subject.playhead else ink.text
            parts.append((fit(cell(bare(probe.symbols[t])), self._wide), style))
        return Row(("text", tuple(parts)), partial(pieces, *parts))

    def _way(self, width: int) -> Row:
        """Return |dL/dh| at each timestep as bars, each decade below the largest an eighth or so lower."""
        back, ink = self.subject.seen.back if self.subject.seen is not None else None, self.ink
        if back is None:
            return BLANK
        sizes = {step.t: step.gradient for step in back.path if isfinite(step.gradient)}
        largest, glyphs = max(sizes.values(), default=0.0), []
        for t in self._columns(width):
            size = sizes.get(t, 0.0)
            glyphs.append(bar_glyph(decades_share(size, largest, _DECADES)) * self._wide)
        text = "".join(glyphs)
        return Row(("way", text), lambda: pieces((text, ink.second)))

    def _sentence(self) -> str:
        seen = self.subject.seen
        assert seen is not None
        if seen.said:
            return seen.said
        if not self.subject.back:
            return "↑ ↓ an equation, and its terms beside it · < > another unit · b the chain rule backwards"
        if seen.back is None:
            return "waiting for the backward pass"
        sizes = [step.gradient for step in seen.back.path if isfinite(step.gradient)]
        whole = f"bars: |dL/d{seen.back.state}|, largest {significant(max(sizes, default=0.0))}, a decade a step"
        died = seen.back.dies_at
        return (
            f"{whole}; below 1/1000 of it from t {died} on, going back"
            if died is not None
            else f"{whole}; it does not die here"
        )

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Move the playhead to where the user points, in the text."""
        at = event.get_content_offset(self)
        if at is not None and at.y <= 1 and self.subject.probe is not None:
            self.post_message(Pointed(self._first + at.x // self._wide))
