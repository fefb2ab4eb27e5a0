"""A measure by the length of the source, as curves: of this run, and of earlier runs on the same corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.style import Style

from seqtui.live.earlier import Band, Earlier
from seqtui.tui.widgets.axis import Axis, nice_step
from seqtui.tui.widgets.colours import Triplet, lightness, mix
from seqtui.tui.widgets.ink import Ink, rgb
from seqtui.tui.widgets.numbers import percent, significant
from seqtui.tui.widgets.pane import Row, fit, pieces
from seqtui.tui.widgets.plot import TICKS_WIDTH, Plot, x_ticks
from seqtui.visible import visible

# Of the earlier runs, by slot; told apart with all common forms of colour vision (Okabe and Ito 2008), and by mark.
COLOURS: tuple[Triplet, ...] = (
    (230, 159, 0),
    (204, 121, 167),
    (86, 130, 220),
    (213, 94, 0),
    (200, 185, 60),
    (0, 158, 115),
)
MARKS = "○◆▲■×+"
NOW = "●"
_LISTED = 10  # height from which each run has a line of the legend
_LEAST_CURVE = 3  # lines


@dataclass(frozen=True)
class Curve:
    """The bands of one run."""

    mark: str
    label: str
    style: Style
    bands: tuple[Band, ...]


def curves_of(label: str, bands: tuple[Band, ...], earlier: Sequence[Earlier], ink: Ink) -> list[Curve]:
    """Return the curves of the earlier runs, then that of this run, which is drawn over them."""
    found = []
    for one in earlier:
        colour = COLOURS[one.slot]
        if lightness(ink.background) > 0.6:
            colour = mix(colour, (0, 0, 0), 0.25)
        style = ink.muted if ink.colourless else ink.text + Style(color=rgb(colour))
        said = f"{one.label} · {one.name} at {one.step:,}"
        found.append(Curve(MARKS[one.slot], visible(said), style, one.bands))
    return [*found, *([Curve(NOW, f"{label} · now", ink.accent, bands)] if bands else [])]


def chart_rows(curves: Sequence[Curve], loss: bool, over: str, ink: Ink, width: int, height: int) -> list[Row]:
    """Return the legend and the plot of exact match, or of the loss, over what `over` says."""
    what = "loss, nats" if loss else "exact match, %"
    heading = f"{what}, by {over}"
    legend = _legend(curves, loss, ink, width, height)
    rows = [_line((fit(heading, min(width, cell_len(heading))), ink.muted)), *legend]
    lines, columns = height - len(rows) - 1, width - TICKS_WIDTH
    if lines < _LEAST_CURVE or columns < 8:
        return rows[:height]
    points = [(_middles(curve.bands), _values(curve.bands, loss)) for curve in curves]
    first = min(float(x[0]) for x, _ in points)
    last = max(max(float(x[-1]) for x, _ in points), first + 1)
    plot = Plot(columns, lines, _axis([y for _, y in points], loss), first, last)
    for number, (x, y) in enumerate(points, 1):
        plot.curve(x, y, number)
    for number, (curve, (x, y)) in enumerate(zip(curves, points, strict=True), 1):
        plot.marks(x, y, number, curve.mark)
    rows += plot.rows((ink.text, *(curve.style for curve in curves)), ink.muted, 0)
    step = max(1.0, nice_step(last - first, max(1, columns // 8)))
    ticks = np.arange(np.ceil(first / step) * step, last + 1e-9, step).tolist()
    axis = " " * TICKS_WIDTH + x_ticks(first, last, columns, ticks)
    return [*rows, _line((axis, ink.muted))]


def _legend(curves: Sequence[Curve], loss: bool, ink: Ink, width: int, height: int) -> list[Row]:
    """Return a line for each run, this one first, with its measure over all lengths; one line if there is no room."""
    said = [(curve, _overall(curve.bands, loss)) for curve in reversed(curves)]
    if height >= _LISTED:
        count = min(len(said), max(1, (height - 2) // 3))
        rows = []
        for n, (curve, overall) in enumerate(said[:count]):
            more = f" +{len(said) - count}" if n == count - 1 < len(said) - 1 else ""
            room = max(0, width - 3 - len(overall) - len(more))
            label = fit(curve.label, min(room, cell_len(curve.label)))
            rows.append(_line((f"{curve.mark} ", curve.style), (f"{overall} ", ink.text), (label + more, ink.muted)))
        return rows
    parts: list[tuple[str, Style]] = []
    for curve, overall in said:
        label = curve.label.split(" ", 2)[-1].split(" · ")[0]
        if sum(cell_len(text) for text, _ in parts) + cell_len(label) + len(overall) + 5 <= width:
            parts += [(f"{curve.mark} ", curve.style), (f"{overall} ", ink.text), (f"{label}  ", ink.muted)]
    return [_line(*parts)]


def _line(*parts: tuple[str, Style]) -> Row:
    return Row(("chart", parts), partial(pieces, *parts))


def _middles(bands: tuple[Band, ...]) -> "np.typing.NDArray[np.float64]":
    return np.array([(band.low + band.high) / 2 for band in bands])


def _values(bands: tuple[Band, ...], loss: bool) -> "np.typing.NDArray[np.float64]":
    return np.array([band.loss if loss else 100 * band.exact_match for band in bands])


def _axis(values: "list[np.typing.NDArray[np.float64]]", loss: bool) -> Axis:
    """Return an axis from 0 to 100%, or one around all losses."""
    if not loss:
        return Axis(0.0, 100.0, False)
    known = np.concatenate(values)
    known = known[np.isfinite(known) & (known > 0)]
    return Axis.around(float(known.min()), float(known.max()), True) if known.size else Axis(0.0, 1.0, False)


def _overall(bands: tuple[Band, ...], loss: bool) -> str:
    """Return the measure over all lengths: of exact match that of all examples, of the loss the mean of the bands."""
    total = max(1, sum(band.examples for band in bands))
    value = sum(band.examples * (band.loss if loss else band.exact_match) for band in bands) / total
    return f"{significant(value):>6}" if loss else f"{percent(value):>4}"
