"""The pane of what changes over training: the norm of gradients, or updates relative to the weights, by matrix."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from seqcore.health.sentences import GOOD

from seqtui.tui.panes.curve_data import spread
from seqtui.tui.panes.healthy import Healthy
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays
from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.curve import condense
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.plot import TICKS_WIDTH, Plot, dot_edges, x_ticks
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

TITLE = "3 over training"
BEST = 1e-3  # of the weights, a step
_OTHER, _PICKED, _REFERENCE = 1, 2, 3  # styles
_LEAST = 6  # lines of the plot


class UpdatesPane(Pane):
    """Draws a curve for each matrix on a logarithmic axis, the picked one in front."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Healthy()
        self.set_titles(TITLE)

    def take(self, subject: Healthy) -> None:
        """Draw another frame."""
        self.subject = subject
        what = "update / weight" if subject.ratios else "gradient norm"
        self.set_titles(f"{TITLE}: {what}", f"{len(subject.names)} curves", "")
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the picked curve, tab-separated, and what it is."""
        subject = self.subject
        if not subject.names:
            return "", "curve"
        n = subject.curve % len(subject.names)
        rows = (f"{step:.0f}\t{value:.6g}" for step, value in zip(*subject.curves[n], strict=True))
        return "\n".join([f"step\t{visible(subject.names[n])}", *rows]), "curve"

    def data(self) -> Arrays:
        """Return all curves by step: the sizes of updates, and those of every step if they are shown."""
        subject = self.subject
        steps = np.unique(np.concatenate([np.zeros(0), *(x for x, _ in subject.curves)])).astype(np.int64)
        if not len(steps):
            return {}
        curves = zip(subject.names, subject.curves, strict=True)
        columns = {visible(name): spread(steps, x.astype(np.int64), y) for name, (x, y) in curves}
        return {"step": steps, **columns}

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the newest value of the picked curve, the plot, and what is good."""
        subject, ink = self.subject, self.ink
        known = [(x, y) for x, y in subject.curves if np.isfinite(y).any()]
        if not known:
            said = "waiting for the sizes of updates: they are taken with every line of metrics"
            return waiting_rows(waiting_for(subject.phase, said), width, ink.muted)
        good = GOOD["updates" if subject.ratios else "gradients"]
        below = [good[start:end] for start, end in wrap(good, width)]
        if height - len(below) - 2 < _LEAST:
            below = []
        lines, columns = height - len(below) - 2, width - TICKS_WIDTH
        head = self._head(width)
        if lines < 2 or columns < 4:
            return [head]
        first, last = 0.0, max(8.0, *(float(x[-1]) for x, _ in known))
        plot = self._plot(first, last, columns, lines)
        rows = [head, *plot.rows((ink.text, ink.faint, ink.accent, ink.muted), ink.muted, 0)]
        ticks = " " * TICKS_WIDTH + x_ticks(first, last, columns, [first, last / 2, last])
        rows.append(Row(("x", ticks), partial(pieces, (ticks, ink.muted))))
        return rows + [Row(("good", line), partial(pieces, (line, ink.muted))) for line in below]

    def _head(self, width: int) -> Row:
        """Return the name and the newest value of the picked curve."""
        subject, ink = self.subject, self.ink
        n = subject.curve % len(subject.names)
        x, y = subject.curves[n]
        text = f"▸ {visible(subject.names[n])}"
        if len(y):
            text += f" {significant(float(y[-1]))} at step {x[-1]:,.0f}"
        line = fit(text, width)
        return Row(("head", line), partial(pieces, (line, ink.accent)))

    def _plot(self, first: float, last: float, columns: int, lines: int) -> Plot:
        subject = self.subject
        edges, picked = dot_edges(first, last, 2 * columns), subject.curve % len(subject.names)
        curves = [condense(x, y, edges) if len(x) else (x, y) for x, y in subject.curves]
        values = np.concatenate([np.asarray(y, np.float64) for _, y in curves])
        values = values[np.isfinite(values) & (values > 0)]
        low, high = (float(values.min()), float(values.max())) if values.size else (1e-4, 1.0)
        if subject.ratios:
            low, high = min(low, BEST), max(high, BEST)
        plot = Plot(columns, lines, Axis.around(low, high, True), first, last)
        if subject.ratios:
            plot.reference(BEST, "", _REFERENCE)
        for n in sorted(range(len(curves)), key=lambda n: n == picked):
            x, y = curves[n]
            plot.curve(x, y, _PICKED if n == picked else _OTHER, over=n == picked)
            if len(x) == 1:
                plot.marks(x, y, _PICKED if n == picked else _OTHER)
        return plot
