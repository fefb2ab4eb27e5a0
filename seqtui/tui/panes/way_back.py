"""The pane of the way back: the gradient of every layer over the whole text, and what each timestep adds to W_hh's."""

from collections.abc import Sequence
from functools import partial
from math import isfinite, nan

import numpy as np
from rich.style import Style
from textual import events

from seqtui.tui.panes.drawing import BAR, bare
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.unrolled_picture import DECADES
from seqtui.tui.panes.unrolled_words import CUT, share_of
from seqtui.tui.panes.unrolling import Unrolling
from seqtui.tui.widgets.arrays import Arrays
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights, decades_share
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import cell, cell_width

TITLE = "2 the way back"
_GUTTER = 9
_MOST_LINES = 10  # of the bars of a layer


class WayBackPane(Pane):
    """Draws a bar a timestep: |dL/dh| of each layer on a scale of decades, the part of dL/dW_hh below."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Unrolling()
        self._first, self._count = 0, 1
        self.set_titles(TITLE)

    def take(self, subject: Unrolling) -> None:
        """Draw another frame."""
        self.subject = subject
        net = subject.net
        if net is None:
            self.set_titles(TITLE)
        else:
            cut = f"cut every {net.cut}" if net.cut else "not cut"
            self.set_titles(TITLE, f"{net.losses} · {cut}", cut)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return a line for each timestep and layer, tab-separated, and what it is."""
        subject, net = self.subject, self.subject.net
        if net is None:
            return "", "way back"
        rows = ["t\tlayer\t|dL/dh|\tpart of |dL/dW_hh|"]
        for t in range(len(net.outputs)):
            for n in range(subject.layers):
                rows.append(f"{t}\t{n + 1}\t{subject.gradient(t, n):.6g}\t{subject.share(t, n):.6g}")
        return "\n".join(rows), "way back"

    def data(self) -> Arrays:
        """Return |dL/dh|, and the parts of |dL/dW_hh|, (T, layers) each."""
        subject, net = self.subject, self.subject.net
        if net is None:
            return {}
        steps, layers = range(len(net.outputs)), range(subject.layers)
        found = {"gradient": subject.gradient, "part_of_W_hh": subject.share}
        return {name: np.array([[of(t, n) for n in layers] for t in steps]) for name, of in found.items()}

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the text, the layers from the top one down, what adds to W_hh, and the numbers at the playhead."""
        subject, net = self.subject, self.subject.net
        if net is None or subject.probe is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        self._count = max(1, min(len(net.outputs), width - _GUTTER))
        self._first = max(0, min(subject.playhead - self._count // 2, len(net.outputs) - self._count))
        said = self._said(width)
        shown = list(range(subject.layers - 1, -1, -1))
        recurs = any(one.recurs for one in net.strands)
        room = height - 1 - len(said) - (2 if recurs else 0) - (1 if net.cuts else 0)
        if room < len(shown):
            shown = [min(subject.layer, subject.layers - 1)]
        lines = max(1, min(_MOST_LINES, room // len(shown)))
        rows = [self._text(), *([self._cuts()] if net.cuts else [])]
        for n in shown:
            sizes = [subject.gradient(t, n) for t in range(len(net.outputs))]
            rows += self._bars(f"|dL/d{subject.name(n)}|", sizes, lines, True)
        if recurs and len(rows) + 1 + len(said) < height:
            layer = min(subject.layer, subject.layers - 1)
            sizes = [subject.share(t, layer) for t in range(len(net.outputs))]
            rows += self._bars("of dW_hh", sizes, 1, False)
        if len(rows) + len(said) < height:
            rows.append(BLANK)
        rows += [Row(("said", line), partial(pieces, (line, self.ink.muted))) for line in said]
        return rows[:height]

    def _line(self, label: str, style: Style, glyphs: Sequence[str], styles: Sequence[Style]) -> Row:
        parts = [(fit(label, _GUTTER), style)]
        for n, (glyph, own) in enumerate(zip(glyphs, styles, strict=True)):
            parts.append((glyph, self.ink.lit(own) if self._first + n == self.subject.playhead else own))
        key = tuple(parts)
        return Row(key, lambda: pieces(*key))

    def _times(self) -> range:
        return range(self._first, self._first + self._count)

    def _text(self) -> Row:
        probe, ink = self.subject.probe, self.ink
        assert probe is not None
        drawn = [cell(bare(probe.symbols[t])) for t in self._times()]
        glyphs = [text if cell_width(text) == 1 else text[:1] if text[:1].isalnum() else "·" for text in drawn]
        if probe.bar:
            glyphs = [BAR if t == probe.bar else glyph for t, glyph in zip(self._times(), glyphs, strict=True)]
        return self._line("", ink.muted, glyphs, [ink.text] * self._count)

    def _cuts(self) -> Row:
        net = self.subject.net
        assert net is not None
        glyphs = [CUT if t in net.cuts else " " for t in self._times()]
        return self._line(f"{CUT} cut", self.ink.accent, glyphs, [self.ink.accent] * self._count)

    def _bars(self, label: str, sizes: Sequence[float], lines: int, decades: bool) -> list[Row]:
        """Return bars of a value of every timestep in view, relative to the largest of all."""
        subject, ink = self.subject, self.ink
        values = [size if t >= subject.returned else float("nan") for t, size in enumerate(sizes)]
        largest = max((value for value in values if isfinite(value)), default=0.0)
        shares = np.array([_height(values[t], largest, decades) for t in self._times()])
        heights = bar_heights(shares, 0.0, 1.0, lines)
        scale = significant(largest)
        rows = []
        for line in range(lines):
            about, style = (label, ink.warm) if line == 0 else (scale if line == 1 else "", ink.faint)
            rows.append(self._line(about, style, bar_glyphs(heights, line, lines, 1), [ink.warm] * self._count))
        return rows

    def _said(self, width: int) -> list[str]:
        subject, t = self.subject, self.subject.playhead
        layer = min(subject.layer, subject.layers - 1)
        strand = subject.nearest(t, layer)
        if strand is None:
            return []
        step, mark = strand.steps[t - strand.first], f", layer {strand.layer + 1}" if subject.layers > 1 else ""
        text = f"t {t}{mark}: |dL/d{strand.state.removesuffix('_t')}| {significant(step.gradient)}"
        if strand.recurs:
            text += f", {significant(step.entering)} enters here"
            if isfinite(step.stretch):
                text += f"; × {significant(step.stretch)} on the way to the state before"
            text += f"; {share_of(subject)} of the gradient of W_hh comes from here, by size"
        return [text[start:end] for start, end in wrap(text, width)]

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Move the playhead to where the user points."""
        at = event.get_content_offset(self)
        if at is not None and at.x >= _GUTTER and self.subject.net is not None:
            self.post_message(Pointed(min(self._first + self._count - 1, self._first + at.x - _GUTTER)))


def _height(value: float, largest: float, decades: bool) -> float:
    """Return how high a bar is, 0 to 1; NaN: none."""
    if decades:
        return decades_share(value, largest, DECADES)
    return value / largest if isfinite(value) and value > 0 and largest > 0 else nan
