"""The pane of the text tinted by one unit: its value at each token as a colour, and as a bar below."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events

from seqtui.tui.panes.followed import Followed
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.cells import BARS, bar_heights
from seqtui.tui.widgets.colours import GATE, SIGNED, lightness
from seqtui.tui.widgets.ink import rgb
from seqtui.tui.widgets.numbers import nice_ceiling, significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import cell, cell_width, visible

TITLE = "1 the text"
_LIGHT = 0.6  # lightness of a tint from which text on it is dark
_DARK, _PALE = (16, 16, 16), (240, 240, 240)


class TintedPane(Pane):
    """Draws the text, each token on the colour of the unit's value after it was read, the selection underlined."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Followed()
        self._lines: list[range] = []  # the timesteps of each line of text
        self._first = 0  # the first line in view
        self._each = 2  # rows of a line
        self.set_titles(TITLE)

    def take(self, subject: Followed) -> None:
        """Draw another frame."""
        self.subject = subject
        if subject.chosen is None or subject.seen is None:
            self.set_titles(TITLE)
        else:
            layer, unit = subject.chosen
            short = f"layer {layer + 1} · unit {unit}"
            about = f"{subject.seen.state} · {short}"
            self.set_titles(f"{TITLE} tinted by {about}", f"step {subject.seen.step:,}", short)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return each token with the unit's value, tab-separated, and what it is."""
        probe, tint = self.subject.probe, self.subject.tint
        if probe is None or tint is None:
            return "", "values"
        rows = (f"{visible(symbol)}\t{value:.6g}" for symbol, value in zip(probe.symbols, tint.tolist(), strict=True))
        return "\n".join(rows), "values"

    def data(self) -> Arrays:
        """Return each token with the value of the unit."""
        probe, tint = self.subject.probe, self.subject.tint
        if probe is None or tint is None or self.subject.chosen is None:
            return {}
        layer, unit = self.subject.chosen
        return flat({"step": probe.step, "layer": layer, "unit": unit, "symbol": probe.symbols, "value": tint})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the lines around the playhead, the bars below each, and what is under the playhead."""
        subject = self.subject
        if subject.seen is not None and subject.seen.problem and subject.tint is None:
            return waiting_rows(_sentence(subject.seen.problem), width, self.ink.muted)
        if subject.probe is None or subject.tint is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        self._lines = laid(subject.probe.symbols, width)
        room = max(1, (height - 2) // self._each)
        here = next((n for n, line in enumerate(self._lines) if subject.playhead in line), 0)
        self._first = max(0, min(self._first, here, max(0, len(self._lines) - room)), here - room + 1)
        rows: list[Row] = []
        for line in self._lines[self._first : self._first + room]:
            rows += self._token_rows(line)
        rows += [BLANK] * (height - 1 - len(rows))
        return [*rows[: height - 1], self._readout(width)]

    def _token_rows(self, line: range) -> list[Row]:
        """Return the tokens of a line on their colours, and the bars below."""
        subject, ink = self.subject, self.ink
        probe, tint = subject.probe, subject.tint
        assert probe is not None
        assert tint is not None
        low, high = limits(tint)
        scale = SIGNED if low < 0 else GATE
        codes = scale.codes(tint[line.start : line.stop], low, high).tolist()
        bars = bar_heights(tint[line.start : line.stop], low, high, 1).tolist()
        text: list[tuple[str, Style]] = []
        below: list[tuple[str, Style]] = []
        for t, code, bar in zip(line, codes, bars, strict=True):
            style = self._style(scale.colours[code] if code < scale.levels else None)
            if subject.stretch is not None and subject.stretch[0] <= t < subject.stretch[1]:
                style += Style(underline=True, bold=True)
            if subject.other is not None and subject.other[0] <= t < subject.other[1]:
                style += Style(underline2=True, italic=True)
            at = t == subject.playhead
            symbol = cell(probe.symbols[t])
            text.append((symbol, style + Style(reverse=True) if at else style))
            below.append((BARS[bar] * cell_width(probe.symbols[t]), ink.lit(ink.accent) if at else ink.muted))
        return [
            Row(("text", tuple(text)), partial(pieces, *text)),
            Row(("bars", tuple(below)), partial(pieces, *below)),
        ]

    def _style(self, colour: tuple[int, int, int] | None) -> Style:
        ink = self.ink
        if colour is None or ink.colourless:
            return ink.text
        return Style(color=rgb(_DARK if lightness(colour) > _LIGHT else _PALE), bgcolor=rgb(colour))

    def _readout(self, width: int) -> Row:
        """Return the value under the playhead, what it is between, and what the unit follows."""
        subject, ink = self.subject, self.ink
        probe, tint, seen = subject.probe, subject.tint, subject.seen
        assert probe is not None
        assert tint is not None
        assert seen is not None
        t = subject.playhead
        low, high = limits(tint)
        value = f"{seen.state} at {cell(probe.symbols[t])} (t {t}): {significant(float(tint[t]))}"
        rest = f"   bars from {low:g} to {high:g}"
        one = subject.follows
        if one is not None and one.holds:
            rest += f"   {'follows' if one.sign > 0 else 'avoids'}: {visible(one.follows)}"
        if subject.stretch is not None:
            rest += f"   selected: t {subject.stretch[0]} to {subject.stretch[1] - 1}"
        if subject.other is not None:
            rest += f", and {subject.other[0]} to {subject.other[1] - 1}"
        parts = (value, fit(rest, max(0, width - len(value))))

        def paint() -> list[Segment]:
            return pieces((parts[0], ink.accent), (parts[1], ink.muted))

        return Row(("readout", parts), paint)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Move the playhead to the token under the pointer."""
        at, probe = event.get_content_offset(self), self.subject.probe
        number = self._first + at.y // self._each if at is not None else len(self._lines)
        if at is None or probe is None or number >= len(self._lines):
            return
        used = 0
        for t in self._lines[number]:
            used += cell_width(probe.symbols[t])
            if at.x < used:
                self.post_message(Pointed(t))
                return


def laid(symbols: Sequence[str], width: int) -> list[range]:
    """Return the timesteps of each line of at most `width` cells."""
    lines, start, used = [], 0, 0
    for t, symbol in enumerate(symbols):
        size = cell_width(symbol)
        if used + size > width and t > start:
            lines.append(range(start, t))
            start, used = t, 0
        used += size
    return [*lines, range(start, len(symbols))]


def limits(tint: np.ndarray) -> tuple[float, float]:
    """Return between what a unit's values are drawn: around zero if any is negative."""
    finite = tint[np.isfinite(tint)]
    high = nice_ceiling(max(1e-6, float(np.abs(finite).max()) if finite.size else 1.0))
    return (-high if finite.size and float(finite.min()) < 0 else 0.0), high


def _sentence(problem: str) -> str:
    return visible(problem[:1].upper() + problem[1:])
