"""Contents of a stave: units folded into rows, the shares of saturated gates, labels."""

import math
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Stave

from seqtui.tui.widgets.numbers import counted, percent, significant

Values = npt.NDArray[np.floating]
CLOSED, OPEN = 0.1, 0.9

# label of each quantity in the gutter; the letter is that of the equations
LABELS = {
    "input": "input i",
    "forget": "forget f",
    "cell": "cell g",
    "output": "output o",
    "reset": "reset r",
    "update": "update z",
    "candidate": "cand. n",
    "c": "state c",
    "h": "hidden h",
    "q": "query q",
    "k": "key k",
    "v": "value v",
    "source q": "source q",
    "source k": "source k",
    "source v": "source v",
    "stream": "stream",
}
BY_HEAD = ("q", "k", "v", "source q", "source k", "source v")  # staves whose units are heads
HOLDING = ("forget", "update")  # gates that control how much of its state a unit retains


class Fold(StrEnum):
    """How units are shown if there are more units than rows."""

    STRONGEST = "strongest"  # the value of largest magnitude of each group
    MEAN = "mean"  # the mean of each group
    NEAR = "near"  # the units near the picked one, one per row

    def next(self) -> "Fold":
        """Return the next fold in the order of the fold key."""
        folds = list(Fold)
        return folds[(folds.index(self) + 1) % len(folds)]


def fold(values: Values, rows: int, how: Fold, unit: int) -> Values:
    """Fold (T, units) into (at most `rows`, T). Groups ignore values that are not finite, and are NaN if all are."""
    units = values.shape[1]
    if units > rows and how is Fold.NEAR:
        first = near_first(unit, units, rows)
        values = values[:, first : first + rows]
    known = np.where(np.isfinite(values), values, np.nan)
    if known.shape[1] <= rows:
        return known.T
    edges = group_edges(units, rows)
    if how is Fold.MEAN:
        finite = ~np.isnan(known)
        count = np.add.reduceat(finite.astype(np.int64), edges, axis=1)
        total = np.add.reduceat(np.where(finite, known, 0.0), edges, axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).T
    high, low = np.fmax.reduceat(known, edges, axis=1), np.fmin.reduceat(known, edges, axis=1)
    return np.where(-low > high, low, high).T


def group_edges(units: int, rows: int) -> npt.NDArray[np.int64]:
    """Return the first unit of each of `rows` groups."""
    return np.arange(rows) * units // rows


def near_first(unit: int, units: int, rows: int) -> int:
    """Return the unit of the top row if the rows are the units near `unit`."""
    return max(0, min(unit - rows // 2, units - rows))


def row_of(unit: int, units: int, rows: int, how: Fold) -> int:
    """Return the row in which a unit is shown."""
    if units <= rows:
        return unit
    if how is Fold.NEAR:
        return unit - near_first(unit, units, rows)
    return int(np.searchsorted(group_edges(units, rows), unit, side="right")) - 1


def unit_in(values: Values, row: int, span: int, rows: int, how: Fold, unit: int) -> int:
    """Return the unit selected by a click on `span` rows from `row` on.

    With groups it is the strongest of `values` (units,) in these rows, otherwise the unit of `row`.
    """
    units = len(values)
    if units <= rows or how is Fold.NEAR:
        first = 0 if units <= rows else near_first(unit, units, rows)
        return max(0, min(first + row, units - 1))
    edges = [*group_edges(units, rows).tolist(), units]
    first, stop = edges[min(row, rows - 1)], edges[min(row + span, rows)]
    return int(first + np.argmax(np.abs(np.nan_to_num(values[first:stop], posinf=0, neginf=0))))


def saturation(values: Values) -> tuple[float, float]:
    """Return the shares of finite gate values above OPEN and below CLOSED; NaN if none is finite."""
    finite = np.isfinite(values)
    known = int(np.count_nonzero(finite))
    if known == 0:
        return math.nan, math.nan
    opened, closed = np.count_nonzero((values > OPEN) & finite), np.count_nonzero((values < CLOSED) & finite)
    return float(opened / known), float(closed / known)


def has_stream(probe: Probe) -> bool:
    """Return whether the model of a probe has a residual stream: attention, not a recurrent model."""
    return any(stave.name == "stream" for stave in probe.staves)


def is_norm(stave: Stave) -> bool:
    """Return whether a stave is neither a gate nor signed: its scale runs from 0 to its own largest values."""
    return not stave.gate and not stave.signed


def unit_name(stave: Stave, unit: int) -> str:
    """Return the name of a unit of a stave: unit 118, head 2, block 3 (the stream after that block), embedding."""
    if stave.name in BY_HEAD:
        return f"head {unit + 1}"
    if stave.name == "stream":
        return f"block {unit}" if unit else "embedding"
    return f"unit {unit}"


def stave_units(stave: Stave) -> str:
    """Return the number and kind of a stave's units: 256 units, 4 heads, 3 blocks."""
    count = stave.values.shape[1]
    if stave.name == "stream":
        return counted(count - 1, "block")
    return counted(count, "head" if stave.name in BY_HEAD else "unit")


def stave_label(stave: Stave, rows: int, how: Fold, unit: int | None, limit: float, lines: int) -> list[str]:
    """Return the gutter labels of a stave of `lines` lines, its name first; the most important ones if not all fit."""
    units = stave.values.shape[1]
    parts = [(0, LABELS.get(stave.name, stave.name))]
    if odd := int(np.count_nonzero(~np.isfinite(stave.values))):
        parts.append((1, counted(odd, "gap")))
    parts.append((5, stave_units(stave)))
    if units > rows:
        near = f"first {rows}" if unit is None else f"near {unit}"
        parts.append((2, {Fold.NEAR: near, Fold.MEAN: f"mean of {math.ceil(units / rows)}"}.get(how, how.value)))
    if is_norm(stave):
        parts.append((3, f"0–{limit:g}"))
    elif math.isinf(stave.limit):
        parts.append((3, _held(stave.values, limit)))
        parts += [(6, "log over 1")] if limit > 1 else []
    elif stave.signed:
        parts.append((3, f"±{significant(limit)}"))
    else:
        opened, closed = saturation(stave.values)
        parts += [(3, f"open {percent(opened)}"), (4, f"closed {percent(closed)}")]
    kept = sorted(sorted(range(len(parts)), key=lambda i: parts[i][0])[:lines])
    return [parts[i][1] for i in kept]


def _held(values: Values, limit: float) -> str:
    """Return the share of finite values within the scale, in the ten cells of a label: 95% in ±50."""
    known = np.abs(values[np.isfinite(values)])
    share = percent(float(np.count_nonzero(known <= limit) / known.size) if known.size else math.nan).strip()
    said = f"{share} in ±{limit:g}"
    return said if len(said) <= 10 else f"{share} ±{limit:g}"
