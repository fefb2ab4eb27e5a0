"""Axes with nice ticks: 1, 2, 2.5 and 5 times a power of ten, on a linear or a logarithmic scale."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


def nice_step(span: float, most: int) -> float:
    """Return the smallest nice step that divides `span` (> 0) into at most `most` parts."""
    raw = span / max(1, most)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= raw * (1 - 1e-9))


@dataclass(frozen=True)
class Axis:
    """A vertical axis from `low` (bottom) to `high` (top)."""

    low: float
    high: float
    logarithmic: bool

    @staticmethod
    def around(low: float, high: float, logarithmic: bool) -> "Axis":
        """Return an axis covering low … high, its ends on a grid so that small changes in the data do not move it."""
        logarithmic = logarithmic and low > 0
        if not high > low:
            pad = abs(low) * 0.1 or 1.0
            low, high = low - pad * (0.5 if logarithmic else 1), high + pad
        grid = nice_step(high - low, 12)
        bottom, top = math.floor(low / grid) * grid, math.ceil(high / grid) * grid
        if logarithmic:  # near zero the grid must be finer than the smallest value
            fine = 10.0 ** math.floor(math.log10(low)) / 10
            bottom = math.floor(low / min(grid, fine)) * min(grid, fine)
        return Axis(min(bottom, low), max(top, high), logarithmic)  # rounding may put a grid end inside the range

    def position(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return each value's height, 0 … 1; NaN for non-finite values and, on a logarithmic axis, values <= 0."""
        values = np.asarray(values, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            usable = np.isfinite(values) & ((values > 0) | (not self.logarithmic))
            if self.logarithmic:
                span = math.log(self.high / self.low)
                height = np.log(np.where(usable, values, 1.0) / self.low) / span
            else:
                height = (np.where(usable, values, 0.0) - self.low) / (self.high - self.low)
        return np.where(usable, height, np.nan)

    def rows(self, values: npt.NDArray[np.floating], count: int) -> npt.NDArray[np.int64]:
        """Return each value's row out of `count`, 0 at the top, clipped to the axis; -1 where it has no position."""
        height = self.position(values)
        row = np.rint((1 - np.nan_to_num(height)) * (count - 1))
        return np.where(np.isnan(height), -1, np.clip(row, 0, count - 1)).astype(np.int64)

    def ticks(self, most: int) -> list[float]:
        """Return about `most` nice values, or fewer, between the ends."""
        if self.logarithmic:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 1.2, 1.4, 1.7, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
                found = [s * 10.0**p for p in powers for s in steps if self.low <= s * 10.0**p <= self.high]
                if len(found) <= most:
                    break
            if len(found) > 1:  # a range too narrow for these ticks is close enough to linear
                return found[:: math.ceil(len(found) / max(1, most))]
        step = nice_step(self.high - self.low, most)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]
