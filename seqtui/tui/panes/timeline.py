"""The x axis of curves over training: by step, by tokens read or by training time."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
from seqcore.records import F64, I64, History

from seqtui.tui.standpoint import AXES, SMOOTHING, Lens
from seqtui.tui.widgets.axis import nice_step
from seqtui.tui.widgets.numbers import COARSE, nice_ceiling
from seqtui.tui.widgets.plot import TICKS_WIDTH, x_ticks

_MINUTE, _HOUR = 60, 3600
_TIMES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400)  # between ticks, seconds
_SHARES = {1: 100, 2: 30, 3: 10}  # by smoothing: what the window is of the steps in view
_LEAST_STEPS = 8  # that an axis has room for
_APART = 11  # columns between two ticks, at least


def known_axes(history: History) -> list[str]:
    """Return the axes on which every step has a place."""
    return [axis for axis in AXES if history.along(axis) is not None]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Where steps lie on the axis, and the part of it that is in view."""

    axis: str
    steps: I64  # (N,) ascending
    x: F64  # (N,) of each, never falling
    first: float  # x at the left edge
    last: float  # at the right edge

    @staticmethod
    def of(history: History, axis: str, window: int | None = None) -> "Timeline":
        """Return the axis of a history, or that by step if it is unknown; `window` shows so many of the last steps.

        Edges are on a grid, so that a curve does not shift with every step.
        """
        x = history.along(axis)
        if x is None:
            axis, x = "step", history.along("step")
            assert x is not None  # it is always known
        if not len(x):
            return Timeline(axis, history.step, x, 0.0, float(_LEAST_STEPS))
        last, step = float(x[-1]), int(history.step[-1])
        if window is None:
            span = max(last, last * _LEAST_STEPS / max(1, step), 1e-9)
        elif axis == "step":
            span = float(window)
        else:
            span = max(last - float(np.interp(step - window, history.step, x, left=0.0)), 1e-9)
            span = ceil(span / nice_step(span, 8)) * nice_step(span, 8)
        grid = nice_step(span, 8)
        right = max(ceil(last / grid * (1 - 1e-12)) * grid, grid)
        return Timeline(axis, history.step, x, 0.0 if window is None else max(0.0, right - span), right)

    def place(self, steps: npt.NDArray[np.integer]) -> F64:
        """Return where steps are on the axis, between the ones that are known."""
        if steps is self.steps:
            return self.x
        if self.axis == "step" or not len(self.steps):
            return np.asarray(steps, np.float64)
        placed: F64 = np.interp(steps, self.steps, self.x, left=0.0)
        return placed

    def nearest(self, step: int | None) -> int | None:
        """Return the known step that is nearest to one; None if there is none."""
        if step is None or not len(self.steps):
            return None
        after = min(int(np.searchsorted(self.steps, step)), len(self.steps) - 1)
        near = self.steps[max(0, after - 1) : after + 1]
        return int(near[np.argmin(np.abs(near - step))])

    def at(self, column: float, columns: int) -> int | None:
        """Return the known step nearest to a column of a plot; None if there is none."""
        if columns < 1 or not len(self.steps):
            return None
        x = self.first + max(0.0, column) / max(1, columns - 1) * (self.last - self.first)
        after = min(int(np.searchsorted(self.x, x)), len(self.x) - 1)
        before = max(0, after - 1)
        return int(self.steps[before if x - self.x[before] < self.x[after] - x else after])

    def beside(self, step: int | None, by: int, columns: int) -> int | None:
        """Return the known step `by` columns beside another, or beside it in the list; the newest one without another.

        It stays within what is in view.
        """
        here = self.nearest(step)
        if here is None:
            return int(self.steps[-1]) if len(self.steps) else None
        place = int(np.searchsorted(self.steps, here))
        x = self.x[place] + by * (self.last - self.first) / max(1, columns - 1)
        there = int(np.searchsorted(self.x, x, side="left" if by > 0 else "right")) - (by < 0)
        there = max(there, place + 1) if by > 0 else min(there, place - 1)
        return int(self.steps[max(min(self.begin, len(self.steps) - 1), min(there, len(self.steps) - 1))])

    @property
    def begin(self) -> int:
        """The number of the first step in view."""
        return int(np.searchsorted(self.x, self.first))

    def window(self, lens: Lens) -> int:
        """Return over how many steps curves are smoothed; 1: they are not."""
        if not lens.smoothing or not len(self.steps):
            return 1
        shown = int(self.steps[-1] - self.steps[min(self.begin, len(self.steps) - 1)])
        return int(nice_ceiling(max(2.0, shown / _SHARES[lens.smoothing]), COARSE))

    def said(self, lens: Lens) -> tuple[str, str]:
        """Return how the curves are smoothed, and the axis unless it is that of steps; then the same in brief."""
        axis = f" · by {self.axis}" if self.axis != "step" else ""
        if not lens.smoothing:
            return f"raw{axis}", f"raw{axis}"
        level = SMOOTHING[lens.smoothing]
        return f"{level}: mean of {self.window(lens):,} steps{axis}", f"{level}{axis}"

    def ticks(self, columns: int) -> str:
        """Return the line below a plot of that many columns."""
        most = max(1, columns // _APART)
        span = self.last - self.first
        step = max(1.0, nice_step(span, most))
        if self.axis == "time":
            step = float(next((one for one in _TIMES if one >= span / most), step))
        values = [n * step for n in range(ceil(self.first / step), int(self.last / step + 1e-9) + 1)]
        labels = {"tokens": _thousands, "time": lambda value: _time(value, step)}
        label = labels.get(self.axis, "{:,.0f}".format)
        return " " * TICKS_WIDTH + x_ticks(self.first, self.last, columns, values, label)


def _thousands(value: float) -> str:
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{sign}"
    return f"{value:g}"


def _time(value: float, step: float) -> str:
    """Return a time in the largest unit that `step` is a multiple of."""
    for seconds, unit in ((_HOUR, "h"), (_MINUTE, "min")):
        if step % seconds == 0:
            return f"{value / seconds:g} {unit}"
    return f"{value:g} s"
