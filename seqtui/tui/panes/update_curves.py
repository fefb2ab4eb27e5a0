"""The pane of what changes over training: the norm of gradients, or updates relative to the weights, by matrix."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from seqcore.health.sentences import GOOD

from seqtui.tui.panes.curve_data import spread
from seqtui.tui.panes.curves import CurvesPane
from seqtui.tui.panes.healthy import Healthy
from seqtui.tui.panes.loss_numbers import laid
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.timeline import Timeline
from seqtui.tui.widgets.arrays import Arrays
from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.numbers import counted, significant
from seqtui.tui.widgets.pane import Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.plot import TICKS_WIDTH, Plot
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

TITLE = "3 over training"
BEST = 1e-3  # of the weights, a step
_OTHER, _PICKED, _REFERENCE = 1, 2, 3  # styles
_LEAST = 6  # lines of the plot
_ROOMY = 16  # rows from which the values at the crosshair may take three lines


class UpdatesPane(CurvesPane):
    """Draws a curve for each matrix on a logarithmic axis, the picked one in front."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Healthy()
        self.set_titles(TITLE)

    def take(self, subject: Healthy) -> None:
        """Draw another frame."""
        self.subject, self.lens = subject, subject.lens
        self.timeline = Timeline.of(subject.history, subject.lens.axis)
        what = "update / weight" if subject.ratios else "gradient norm"
        (how, brief), count = self.timeline.said(subject.lens), counted(len(subject.names), "curve")
        self.set_titles(f"{TITLE}: {what}", f"{count} · {how}", how, brief, count)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the picked curve, tab-separated, and what it is."""
        subject = self.subject
        if not subject.names:
            return "", "curve"
        n = subject.curve % len(subject.names)
        rows = (f"{step}\t{value:.6g}" for step, value in zip(*subject.curves[n], strict=True))
        return "\n".join([f"step\t{visible(subject.names[n])}", *rows]), "curve"

    def data(self) -> Arrays:
        """Return all curves by step: the sizes of updates, and those of every step if they are shown."""
        subject = self.subject
        steps = np.unique(np.concatenate([np.zeros(0, np.int64), *(x for x, _ in subject.curves)]))
        if not len(steps):
            return {}
        curves = zip(subject.names, subject.curves, strict=True)
        columns = {visible(name): spread(steps, x, y) for name, (x, y) in curves}
        return {"step": steps, **columns}

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the newest value of the picked curve, the plot, and what is good."""
        subject, ink = self.subject, self.ink
        self.plot_columns, self.plot_lines = 0, range(0)
        if not any(np.isfinite(y).any() for _, y in subject.curves):
            said = "waiting for the sizes of updates: they are taken with every line of metrics"
            return waiting_rows(waiting_for(subject.phase, said), width, ink.muted)
        good = GOOD["updates" if subject.ratios else "gradients"]
        below = [good[start:end] for start, end in wrap(good, width)]
        head = self._head(width, 3 if height >= _ROOMY else 1)
        if height - len(below) - len(head) - 1 < _LEAST:
            below = []
        lines, columns = height - len(below) - len(head) - 1, width - TICKS_WIDTH
        self.plot_columns, self.plot_lines = columns, range(len(head), len(head) + lines)
        if lines < 2 or columns < 4:
            self.plot_columns = 0
            return head
        plot = self._plot(columns, lines)
        rows = [*head, *plot.rows((ink.text, ink.faint, ink.accent, ink.muted), ink.muted, 0, ink.lit)]
        ticks = self.timeline.ticks(columns)
        rows.append(Row(("x", ticks), partial(pieces, (ticks, ink.muted))))
        return rows + [Row(("good", line), partial(pieces, (line, ink.muted))) for line in below]

    def _head(self, width: int, most: int) -> list[Row]:
        """Return the name and the newest value of the picked curve, or the values of all of them at the crosshair."""
        subject, ink = self.subject, self.ink
        n = subject.curve % len(subject.names)
        crossed = self.timeline.nearest(self.lens.crosshair)
        if crossed is None:
            x, y = subject.curves[n]
            text = f"▸ {visible(subject.names[n])}"
            if len(y):
                text += f" {significant(float(y[-1]))} at step {x[-1]:,}"
            line = fit(text, width)
            return [Row(("head", line), partial(pieces, (line, ink.accent)))]
        parts = [[("┃ ", ink.accent), ("step ", ink.muted), (f"{crossed:,}", ink.text)]]
        for at in sorted(range(len(subject.names)), key=lambda at: at != n):
            x, y = subject.curves[at]
            if len(x):
                value = float(y[int(np.argmin(np.abs(x - crossed)))])
                name, style = ("▸ ", ink.accent) if at == n else ("", ink.muted)
                parts.append([(f"{name}{visible(subject.names[at])} ", style), (significant(value), ink.text)])
        return laid(parts, width, most)

    def _plot(self, columns: int, lines: int) -> Plot:
        subject, timeline = self.subject, self.timeline
        picked = subject.curve % len(subject.names)
        curves = [self.reduced(x, y, columns) for x, y in subject.curves]
        values = np.concatenate([curve.y for curve in curves])
        values = values[np.isfinite(values) & (values > 0)]
        low, high = (float(values.min()), float(values.max())) if values.size else (1e-4, 1.0)
        if subject.ratios:
            low, high = min(low, BEST), max(high, BEST)
        plot = Plot(columns, lines, Axis.around(low, high, True), timeline.first, timeline.last)
        if subject.ratios:
            plot.reference(BEST, "", _REFERENCE)
        for n in sorted(range(len(curves)), key=lambda n: n == picked):
            style = _PICKED if n == picked else _OTHER
            curves[n].draw(plot, style, _OTHER if n == picked else None, over=n == picked)
            if len(curves[n].x) == 1:
                plot.marks(curves[n].x, curves[n].y, style)
        self.cross(plot)
        return plot
