"""Attention in numbers: how widely a place spreads its look, how far back it lies, and weights folded into fewer cells.

Weights are (..., T, T): row t is how much place t takes from each s <= t, and sums to 1; what lies after t is NaN.
"""

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe

from seqtui.tui.colours import ATTENTION
from seqtui.tui.panes.staves import group_edges
from seqtui.tui.widgets.heatmap import HALF

Values = npt.NDArray[np.floating]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
LOW, HIGH = 0.0, 1.0  # the ends of the scale, of weights and of their square roots


def past(weights: Values) -> F64:
    """The weights with nothing after each row's place; NaN stays where one before it is not a number."""
    return np.where(np.tri(weights.shape[-1], dtype=np.bool_), weights.astype(np.float64), 0.0)


def entropy(weights: Values) -> F64:
    """Of each row in bits, (..., T): 0 where it looks at one place alone, log2(t + 1) where at all of them alike."""
    return bits_of(past(weights))


def bits_of(shares: F64) -> F64:
    """The entropy over the last axis, of shares that sum to 1; NaN where one is not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        bits: F64 = np.where(shares > 0, shares * np.log2(shares), shares * 0).sum(axis=-1)
    return np.abs(bits)  # no negative zero


def evenness(bits: Values) -> F64:
    """Entropies (..., T) as a share of the largest that each place can have; NaN at place 0, which has no choice."""
    most = np.log2(np.arange(1, bits.shape[-1] + 1))
    return np.where(most > 0, bits / np.where(most > 0, most, 1.0), np.nan)


def distance(weights: Values) -> F64:
    """How many places each row looks back on average, (..., T): the sum of weight times t - s."""
    t = np.arange(weights.shape[-1])
    far: F64 = (past(weights) * (t[:, None] - t[None, :])).sum(axis=-1)
    return far


def mean(values: Values) -> F64:
    """Over the last axis, of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    total = np.where(finite, values, 0.0).sum(axis=-1)
    return np.where(finite.any(axis=-1), total / np.maximum(finite.sum(axis=-1), 1), np.nan)


def codes(weights: Values) -> U8:
    """Levels by the square root of a weight: a hundredth can still be told from nothing."""
    with np.errstate(invalid="ignore"):
        return ATTENTION.codes(np.sqrt(weights), LOW, HIGH)


def folded(weights: Values, rows: int, columns: int) -> U8:
    """(..., T, T) as level codes of at most rows x columns cells, each the largest of its group.

    HALF where nothing lies in a group but places after the reading one.
    """
    steps = weights.shape[-1]
    down, across = group_edges(steps, min(rows, steps)), group_edges(steps, min(columns, steps))
    before = np.tri(steps, dtype=np.bool_)
    known = np.where(before, weights, np.nan)
    largest = np.fmax.reduceat(np.fmax.reduceat(known, across, axis=-1), down, axis=-2)
    some = np.logical_or.reduceat(np.logical_or.reduceat(before, across, axis=-1), down, axis=-2)
    return np.where(some, codes(largest), np.uint8(HALF))


def attention_of(probe: Probe) -> npt.NDArray[np.float32] | None:
    """A probe's attention (layers, heads, T, T), if it is of its text."""
    steps, found = len(probe.symbols), probe.attention
    if found is None or found.ndim != 4 or found.shape[2:] != (steps, steps) or 0 in found.shape:
        return None
    return found


def heads_of(probe: Probe) -> tuple[int, int]:
    """How many layers and heads of attention there are; zeros without."""
    found = attention_of(probe)
    return (0, 0) if found is None else (found.shape[0], found.shape[1])
