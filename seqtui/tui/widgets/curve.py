"""Reduce a series to dot columns: the lowest and highest point of each column, so that spikes survive any zoom."""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
NONE = -1


def column_spans(columns: I64, rows: I64, count: int) -> tuple[I64, I64]:
    """Return the top and bottom row of each of `count` dot columns, NONE for empty columns.

    `columns` (N,) ascend within 0 … count-1; `rows` (N,) are dot rows, NONE for a gap. Neighbours with no gap between
    them are joined by a line.
    """
    top, bottom = np.full(count, NONE, np.int64), np.full(count, NONE, np.int64)
    if len(columns) == 0:
        return top, bottom
    starts = np.concatenate([[0], np.flatnonzero(columns[1:] != columns[:-1]) + 1])
    far = np.iinfo(np.int64).max
    upper = np.minimum.reduceat(np.where(rows >= 0, rows, far), starts)
    lower = np.maximum.reduceat(rows, starts)
    top[columns[starts]] = np.where(lower >= 0, upper, NONE)
    bottom[columns[starts]] = lower
    joined = (columns[1:] != columns[:-1]) & (rows[1:] >= 0) & (rows[:-1] >= 0)
    beside = np.flatnonzero(joined & (columns[1:] - columns[:-1] == 1))
    middle = np.rint((rows[beside] + rows[beside + 1]) / 2).astype(np.int64)
    for side in (columns[beside], columns[beside + 1]):  # no column occurs twice in either
        top[side], bottom[side] = np.minimum(top[side], middle), np.maximum(bottom[side], middle)
    for i in np.flatnonzero(joined & (columns[1:] - columns[:-1] > 1)).tolist():
        _join(top, bottom, columns[i : i + 2].tolist(), rows[i : i + 2].tolist())
    return top, bottom


def _join(top: I64, bottom: I64, columns: list[int], rows: list[int]) -> None:
    """Draw a line between two points in different columns; the points themselves are already drawn."""
    (c0, c1), (r0, r1) = columns, rows
    edges = [r0 + (r1 - r0) * (2 * i + 1) / (2 * (c1 - c0)) for i in range(c1 - c0)]  # rows at the column borders
    ends = [r0, *edges, r1]
    for i, column in enumerate(range(c0, c1 + 1)):
        one, other = round(ends[i]), round(ends[i + 1])
        low, high = min(one, other), max(one, other)
        top[column] = low if top[column] < 0 else min(int(top[column]), low)
        bottom[column] = max(int(bottom[column]), high)


def condense(x: npt.NDArray[np.number], y: npt.NDArray[np.floating], edges: F64) -> tuple[F64, F64]:
    """Return the first, lowest, highest and last y between neighbouring `edges`: at most four points per interval.

    `x` (N,) and `edges` (columns + 1,) ascend. A series of at most four points per interval is returned unchanged.
    """
    if len(x) <= 4 * (len(edges) - 1):
        return np.asarray(x, np.float64), np.asarray(y, np.float64)
    bounds = np.searchsorted(np.asarray(x, np.float64), edges)
    bounds[-1] = len(x)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    starts, stops = bounds[filled], bounds[filled + 1]
    known = np.where(np.isfinite(y), y, np.nan)[: stops[-1]]
    low, high = np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts)
    points = np.stack([known[starts], low, high, known[stops - 1]], axis=1).astype(np.float64)
    middle = (edges[filled] + edges[filled + 1]) / 2
    return np.repeat(middle, 4), points.ravel()


def trailing_mean(steps: npt.NDArray[np.number], values: npt.NDArray[np.floating], window: float) -> F64:
    """Return, at each step, the mean of the finite values at the last `window` steps; NaN where there are none.

    `steps` (N,) ascend, `values` (N,).
    """
    n = len(steps)
    if n and steps[-1] - steps[0] == n - 1:  # every step is there
        before = np.maximum(np.arange(1, n + 1) - max(1, int(window)), 0)
    else:
        before = np.searchsorted(steps, np.asarray(steps) - window, side="right")
    finite = np.isfinite(values)
    total = np.zeros(n + 1)
    if finite.all():
        np.cumsum(values, dtype=np.float64, out=total[1:])
        return np.asarray((total[1:] - total[before]) / (np.arange(1, n + 1) - before), np.float64)
    np.cumsum(np.where(finite, values, 0.0), dtype=np.float64, out=total[1:])
    count = np.concatenate([[0], np.cumsum(finite)])
    known = count[1:] - count[before]
    mean: F64 = np.where(known > 0, (total[1:] - total[before]) / np.maximum(known, 1), np.nan)
    return mean
