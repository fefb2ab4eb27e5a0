"""Attention statistics: entropy, mean distance, and weights downsampled to fewer cells.

Weights are (..., T, T): row t is the distribution of timestep t over all s <= t and sums to 1; entries s > t are NaN.
"""

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe

from seqtui.tui.panes.staves import group_edges
from seqtui.tui.widgets.colours import ATTENTION
from seqtui.tui.widgets.heatmap import HALF

Values = npt.NDArray[np.floating]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
LOW, HIGH = 0.0, 1.0  # limits of the scale, for weights and for their square roots


def past(weights: Values) -> F64:
    """Return the weights with zeros where s > t; a NaN at s <= t stays NaN."""
    return np.where(np.tri(weights.shape[-1], dtype=np.bool_), weights.astype(np.float64), 0.0)


def entropy(weights: Values) -> F64:
    """Return the entropy of each row in bits, (..., T): 0 if one-hot, log2(t + 1) if uniform."""
    return bits_of(past(weights))


def bits_of(shares: F64) -> F64:
    """Return the entropy in bits over the last axis, whose values sum to 1; NaN if one of them is not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        bits: F64 = np.where(shares > 0, shares * np.log2(shares), shares * 0).sum(axis=-1)
    return np.abs(bits)  # no negative zero


def evenness(bits: Values) -> F64:
    """Return entropies (..., T) as a share of their maximum log2(t + 1); NaN at t = 0, where the maximum is 0."""
    most = np.log2(np.arange(1, bits.shape[-1] + 1))
    return np.where(most > 0, bits / np.where(most > 0, most, 1.0), np.nan)


def distance(weights: Values) -> F64:
    """Return the mean distance of each row in timesteps, (..., T): the sum of weight times t - s."""
    t = np.arange(weights.shape[-1])
    far: F64 = (past(weights) * (t[:, None] - t[None, :])).sum(axis=-1)
    return far


def mean(values: Values) -> F64:
    """Return the mean of the finite values over the last axis; NaN if there are none."""
    finite = np.isfinite(values)
    total = np.where(finite, values, 0.0).sum(axis=-1)
    return np.where(finite.any(axis=-1), total / np.maximum(finite.sum(axis=-1), 1), np.nan)


def codes(weights: Values) -> U8:
    """Return level codes of the square roots of the weights, so that 0.01 is still distinguishable from 0."""
    with np.errstate(invalid="ignore"):
        return ATTENTION.codes(np.sqrt(weights), LOW, HIGH)


def folded(weights: Values, rows: int, columns: int) -> U8:
    """Return weights (..., T, T) as level codes of at most rows x columns cells, each the maximum of its group.

    HALF marks groups that contain only entries s > t.
    """
    steps = weights.shape[-1]
    down, across = group_edges(steps, min(rows, steps)), group_edges(steps, min(columns, steps))
    before = np.tri(steps, dtype=np.bool_)
    known = np.where(before, weights, np.nan)
    largest = np.fmax.reduceat(np.fmax.reduceat(known, across, axis=-1), down, axis=-2)
    some = np.logical_or.reduceat(np.logical_or.reduceat(before, across, axis=-1), down, axis=-2)
    return np.where(some, codes(largest), np.uint8(HALF))


def attention_of(probe: Probe) -> npt.NDArray[np.float32] | None:
    """Return a probe's attention (layers, heads, T, T); None if it has none or the shape does not match its text."""
    steps, found = len(probe.symbols), probe.attention
    if found is None or found.ndim != 4 or found.shape[2:] != (steps, steps) or 0 in found.shape:
        return None
    return found


def alignments_of(probe: Probe) -> npt.NDArray[np.float32] | None:
    """Return the attention (layers, heads, T, S) of a pair over its source; None if it has none or no source."""
    found = probe.translation.alignments if probe.translation is not None else None
    if found is None or found.ndim != 4 or found.shape[2:] != (len(probe.symbols), probe.bar) or 0 in found.shape:
        return None
    return found


def heads_of(probe: Probe) -> tuple[int, int]:
    """Return the number of layers with attention (of a pair: over its source) and of heads; (0, 0) without."""
    found = attention_of(probe) if not probe.bar else alignments_of(probe)
    return (0, 0) if found is None else (found.shape[0], found.shape[1])
