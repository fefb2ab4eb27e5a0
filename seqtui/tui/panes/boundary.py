"""One row of numbers, one label: what the model says over the plane of two columns, with the held-out rows on it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.records import Boundary, Verdict

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.judged import Judged, judged
from seqtui.tui.panes.kernels import kernel_rows
from seqtui.tui.panes.measured import confusion_rows, summary_row
from seqtui.tui.panes.watching import ExamplePane
from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.colours import GATE, SIGNED, Triplet, mix
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.ink import rgb
from seqtui.tui.widgets.numbers import percent, short
from seqtui.tui.widgets.pane import BLANK, Row, pieces, waiting_rows
from seqtui.tui.widgets.plot import TICKS_WIDTH, x_ticks
from seqtui.visible import visible

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
_WAITING = {
    Phase.LOADING: "waiting for the table and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "no boundary: training failed",
}
_MARKS = "○×△□+*"  # of the classes, if they are few; else the first letter of their names
_HERE = "◆"  # the row under the microscope


class BoundaryPane(ExamplePane):
    """Pane of the decision boundary: a page for each pair of columns, then one for the confusion matrix."""

    TITLE = "2 boundary"

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.page = 0

    @property
    def _boundary(self) -> Boundary | None:
        return self._snapshot.probe.boundary if self._snapshot.probe is not None else None

    @property
    def _pair(self) -> tuple[int, int] | None:
        """The columns of the page; None for the page of the confusion matrix, or without a plane."""
        pairs = self._boundary.pairs if self._boundary is not None else ()
        place = self.page % (len(pairs) + 1)
        return pairs[place] if place < len(pairs) else None

    def next_page(self) -> None:
        """Show the next pair of columns, or the confusion matrix."""
        self.page += 1
        self._changed()

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the row of numbers and the verdict on it."""
        here = judged(snapshot.probe, 0)
        if here is None or snapshot.probe is None:
            return "", "verdict"
        said = f"{here.verdict.classes[here.said]} {percent(here.shares()[here.said]).strip()}"
        return f"{snapshot.probe.symbols[0]} → {said}", "verdict"

    def _changed(self) -> None:
        now, boundary, titles = self._snapshot, self._boundary, [""]
        title = self.TITLE
        if now.searched is not None:
            titles = self._searching()
        elif now.probe is not None and boundary is not None:
            step = f"step {now.probe.step:,}"
            which = "typed row" if now.example is None else f"row {now.example + 1:,} of {now.task.examples:,}"
            titles = [f"{which} · {step}", step]
            if self._pair is not None:
                title += f" · {' × '.join(visible(boundary.names[at]) for at in self._pair)}"
            else:
                title += " · confusion"
        self.set_titles(title, *titles)
        self.redraw()

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the plane, or the confusion matrix, and below it the verdict and the last validation."""
        now, boundary, here = self._snapshot, self._boundary, judged(self._snapshot.probe, 0)
        if now.compiling is not None and now.phase is Phase.COMPILING:
            return kernel_rows(self, now.compiling, width, height)
        if boundary is None or here is None:
            text = _WAITING.get(now.phase, "waiting for the first verdict")
            return waiting_rows(text, width, self.ink.muted)[:height]
        below = [self._verdict(here, width), self._summary(width)][: 2 if height > 6 else 1]
        room = height - len(below)
        if self._pair is None:
            above = confusion_rows(now.measures, now.task.classes, self.ink, width, room) if now.measures else []
            return [*above[:room], *[BLANK] * (room - len(above)), *below]
        lines = room - 1
        if lines < 2 or width <= TICKS_WIDTH + 8:
            return below[:height]
        return [*self._plane(boundary, here, self._pair, width, lines), *below]

    def _summary(self, width: int) -> Row:
        now = self._snapshot
        if now.measures:
            return summary_row(now.measures, now.facts, now.task.measures, now.measured_step, self.ink, width)
        every = now.training.eval_every if now.training is not None else 0
        said = f"waiting for the first validation{f' (every {every:,} steps)' if every else ''}"
        return Row(("summary", said), partial(pieces, (said, self.ink.muted)))

    def _verdict(self, here: Judged, width: int) -> Row:
        """Say what the marks are, and the verdict on the row under the microscope."""
        ink, verdict = self.ink, here.verdict
        said: list[tuple[str, Style]] = [(f"{_HERE} ", ink.accent), ("this row: ", ink.muted)]
        said += [(visible(verdict.classes[here.said]), ink.text), (f" {percent(here.shares()[here.said])}", ink.text)]
        if here.label is not None:
            right = here.label == here.said
            what = "right" if right else f"wrong, it is {visible(verdict.classes[here.label])}"
            said.append((f", {what}", ink.accent if right else ink.warm))
        for k, name in enumerate(verdict.classes[: len(_MARKS)]):
            said.append((f"   {marks_of(verdict)[k]} {visible(name)}", ink.muted))
        kept: list[tuple[str, Style]] = []
        for text, style in said:
            if sum(cell_len(other) for other, _ in kept) + cell_len(text) > width:
                break
            kept.append((text, style))
        found = tuple(kept)
        return Row(("verdict", found), partial(pieces, *found))

    def _plane(self, boundary: Boundary, here: Judged, pair: tuple[int, int], width: int, lines: int) -> list[Row]:
        """Draw the shares of the classes as a heatmap, and the rows on it as marks."""
        columns = width - TICKS_WIDTH
        across, up = (Axis(float(boundary.low[at]), float(boundary.high[at]), False) for at in pair)
        place = boundary.pairs.index(pair)
        codes = level_codes(boundary.shares[place], columns, 2 * lines)
        painter = HeatmapPainter(self.ink, SIGNED if boundary.shares.shape[-1] == 2 else GATE, 1)
        points = {}
        held, labels = self._snapshot.facts.get("points"), self._snapshot.facts.get("labels")
        marks = marks_of(here.verdict)
        if held is not None and labels is not None:
            inside = ((held >= boundary.low) & (held <= boundary.high))[:, list(pair)].all(axis=1)
            at = _cells(held[inside][:, list(pair)], across, up, columns, lines)
            points = {tuple(cell): marks[int(label)] for cell, label in zip(at, labels[inside].tolist(), strict=True)}
        points[tuple(_cells(boundary.here[None, list(pair)], across, up, columns, lines)[0])] = _HERE
        ticks = _ticks(up, lines)
        rows = []
        for line in range(lines):
            drawn = {column: mark for (row, column), mark in points.items() if row == line}
            pairs = codes[2 * line], codes[2 * line + 1]
            tick = ticks.get(line, "").rjust(TICKS_WIDTH - 1) + " "
            key = (tick, pairs[0].tobytes(), pairs[1].tobytes(), tuple(sorted(drawn.items())))
            rows.append(Row(key, partial(self._line, tick, *pairs, drawn, painter)))
        below = " " * TICKS_WIDTH + x_ticks(across.low, across.high, columns, across.ticks(max(2, columns // 12)))
        return [*rows, Row(("ticks", below), partial(pieces, (below, self.ink.faint)))]

    def _line(self, tick: str, top: U8, bottom: U8, drawn: dict[int, str], painter: HeatmapPainter) -> list[Segment]:
        """Paint one line: half blocks, and marks on the colour that is behind them."""
        ink, glyphs, styles = self.ink, [], []
        known: dict[tuple[int, int, str], Style] = {}
        for column, (upper, lower) in enumerate(zip(top.tolist(), bottom.tolist(), strict=True)):
            mark = drawn.get(column, "")
            glyphs.append(mark or (painter.glyph(upper) if ink.colourless else "▀"))
            key = (upper, lower, mark)
            if key not in known:
                one, other = painter.colour(upper), painter.colour(lower)
                known[key] = _style(one, other, mark, ink.text) if not ink.colourless else ink.text
            styles.append(known[key])
        return [Segment(tick, ink.faint), *runs(glyphs, styles)]


def _style(upper: Triplet | None, lower: Triplet | None, mark: str, text: Style) -> Style:
    """Return the style of a cell: two colours of a half block, or a mark on their mean."""
    one, other = upper or (0, 0, 0), lower or (0, 0, 0)
    if not mark:
        return Style(color=rgb(one), bgcolor=rgb(other))
    behind = mix(one, other, 0.5)
    front = (255, 255, 255) if sum(behind) < 380 else (0, 0, 0)
    return Style(color=rgb(front), bgcolor=rgb(behind), bold=mark == _HERE)


def marks_of(verdict: Verdict) -> list[str]:
    """Return a mark of one cell for each class: a sign, or the first letter of its name if there are many."""
    if len(verdict.classes) <= len(_MARKS):
        return list(_MARKS[: len(verdict.classes)])
    firsts = [visible(name)[:1] for name in verdict.classes]
    return [first if first.isalnum() and cell_len(first) == 1 else "·" for first in firsts]


def level_codes(shares: npt.NDArray[np.floating], columns: int, rows: int) -> U8:
    """Return level codes (rows, columns), the first row at the top, of shares (G, G, K) whose first row is the lowest.

    Of two classes it is the share of the second one, and half is the middle of the scale; of more, the largest share.
    """
    G = len(shares)
    two = shares.shape[-1] == 2
    values = 2 * shares[..., 1].astype(np.float64) - 1 if two else shares.max(axis=-1).astype(np.float64)
    x, y = np.linspace(0, G - 1, columns), np.linspace(G - 1, 0, rows)
    left, below = np.minimum(x.astype(int), G - 2), np.minimum(y.astype(int), G - 2)
    a, b = (x - left)[None], (y - below)[:, None]
    corners = [values[np.ix_(below + i, left + j)] for i in (0, 1) for j in (0, 1)]
    smooth = (1 - b) * ((1 - a) * corners[0] + a * corners[1]) + b * ((1 - a) * corners[2] + a * corners[3])
    return SIGNED.codes(smooth, -1.0, 1.0) if two else GATE.codes(smooth, 0.0, 1.0)


def _cells(points: F64, across: Axis, up: Axis, columns: int, lines: int) -> list[list[int]]:
    """Return the line and column of each of points (n, 2)."""
    column = columns - 1 - across.rows(points[:, 0], columns)
    found: list[list[int]] = np.stack([up.rows(points[:, 1], lines), column], axis=1).tolist()
    return found


def _ticks(up: Axis, lines: int) -> dict[int, str]:
    values = up.ticks(max(2, lines // 2))
    places = up.rows(np.array(values), lines).tolist() if values else []
    return {line: short(value, TICKS_WIDTH - 1) for value, line in zip(values, places, strict=True) if line >= 0}
