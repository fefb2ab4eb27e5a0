"""The base of the panes with curves over training: one axis, one smoothing and one crosshair for all of them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from seqcore.records import F64, History
from textual.message import Message

from seqtui.tui.panes.timeline import Timeline
from seqtui.tui.standpoint import Lens
from seqtui.tui.widgets.curve import condense, trailing_mean
from seqtui.tui.widgets.dragged import DraggedPane
from seqtui.tui.widgets.plot import TICKS_WIDTH, Plot, dot_edges


class Points(NamedTuple):
    """What is drawn of one curve: as it is, and its trailing mean (None: it is not smoothed)."""

    x: F64
    y: F64
    mean: F64 | None
    mean_x: F64

    def draw(self, plot: Plot, style: int, raw: int | None, over: bool = False) -> None:
        """Draw the mean over the curve as it is, which has the style `raw` (None: it is left out)."""
        if self.mean is None:
            plot.curve(self.x, self.y, style, over=over)
            return
        if raw is not None:
            plot.curve(self.x, self.y, raw)
        plot.curve(self.mean_x, self.mean, style, over=True)


class CurvesPane(DraggedPane):
    """Keeps the axis and how curves are looked at. A subclass draws in `plot_area` and sets it in `rows`."""

    class Crossed(Message):
        """Posted when the user points at a step of the curves."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.lens = Lens()
        self.timeline = Timeline.of(History.empty(), "step")
        self.plot_columns = 0  # of the plot drawn last; 0: none is
        self.plot_lines = range(0)  # its lines within the pane

    @property
    def over_training(self) -> bool:
        """Whether the pane shows curves over training now."""
        return True

    def reduced(self, steps: npt.NDArray[np.integer], y: npt.NDArray[np.floating], columns: int) -> Points:
        """Return a curve reduced to what a plot of that many columns can show: no spike is lost, but in the mean."""
        timeline = self.timeline
        x, edges = timeline.place(steps), dot_edges(timeline.first, timeline.last, 2 * columns)
        begin = int(np.searchsorted(x, edges[0]))
        raw = condense(x[begin:], y[begin:], edges)
        window = timeline.window(self.lens)
        if window <= 1 or begin >= len(x):
            return Points(*raw, None, raw[0])
        before = int(np.searchsorted(steps, steps[begin] - window))
        mean = trailing_mean(steps[before:], y[before:], window)[begin - before :]
        mean_x, mean = condense(x[begin:], mean, edges)
        return Points(*raw, mean, mean_x)

    def cross(self, plot: Plot) -> None:
        """Mark the crosshair in a plot."""
        step = self.timeline.nearest(self.lens.crosshair)
        if step is not None:
            plot.cross(float(self.timeline.place(np.array([step]))[0]))

    def crossed_beside(self, columns: int) -> int | None:
        """Return the step that many columns of the plot beside the crosshair; the newest one if there is none yet."""
        return self.timeline.beside(self.lens.crosshair, columns, self.plot_columns)

    # The mouse

    def press(self, x: int, y: int) -> bool:
        """Put the crosshair where the plot is pressed."""
        inside = y in self.plot_lines and TICKS_WIDTH <= x < TICKS_WIDTH + self.plot_columns
        if inside:
            self.drag(x)
        return inside

    def drag(self, x: int) -> None:
        """Move the crosshair with the mouse."""
        step = self.timeline.at(x - TICKS_WIDTH, self.plot_columns)
        if step is not None:
            self.post_message(self.Crossed(step))

    def move(self, columns: int) -> None:
        """Move the crosshair, if there is one, by columns of the plot."""
        step = self.crossed_beside(columns) if self.lens.crosshair is not None else None
        if step is not None:
            self.post_message(self.Crossed(step))
