"""Saturated gates and dead units, over many timesteps.

A gate is left-saturated below 0.1 and right-saturated above 0.9 (Karpathy, Johnson and Fei-Fei 2015, "Visualizing and
Understanding Recurrent Networks", section 4.2). The shares of both, a dot for each unit, lie in a triangle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqcore.records import F32, Probe

if TYPE_CHECKING:  # a screen that draws these needs no kernels
    from seqcore.neurons.recording import F16, Recording, Unit

LEFT, RIGHT = 0.1, 0.9
STILL = 0.01  # a unit whose values differ by less than this is dead
EXTREME = 0.9  # a unit that is saturated so often is one of the extreme ones


class Saturation(NamedTuple):
    """One gate of one layer."""

    gate: str
    layer: int
    left: F32  # (units,) the share of timesteps at which it is below LEFT
    right: F32  # (units,) above RIGHT

    @property
    def extreme(self) -> tuple[float, float]:
        """The shares of units that are nearly always left-saturated, and right-saturated."""
        return float((self.left > EXTREME).mean()), float((self.right > EXTREME).mean())


def saturation(gate: str, layer: int, values: F16 | F32) -> Saturation:
    """Return the shares of T timesteps at which each unit of values (T, units) is saturated; NaN counts as neither."""
    left = (values < LEFT).mean(axis=0, dtype=np.float64).astype(np.float32)
    right = (values > RIGHT).mean(axis=0, dtype=np.float64).astype(np.float32)
    return Saturation(gate, layer, left, right)


def of_probe(probe: Probe) -> tuple[Saturation, ...]:
    """Return the saturation of every gate over the timesteps of a probe: coarse, but there at once."""
    gates = (stave for stave in probe.staves if stave.gate and not stave.signed)
    return tuple(saturation(stave.name, stave.layer, stave.values) for stave in gates)


def of_recording(recording: Recording) -> tuple[Saturation, ...]:
    """Return the saturation of the recorded gate in each layer."""
    layers = np.array([unit.layer for unit in recording.units])
    return tuple(
        saturation(recording.state, layer, recording.values[:, layers == layer])
        for layer in dict.fromkeys(layers.tolist())
    )


def dead_units(recording: Recording, rectified: bool = False) -> tuple[Unit, ...]:
    """Return the units whose values differ by less than STILL; if `rectified`, also those never above zero."""
    high, low = recording.values.max(axis=0).astype(np.float32), recording.values.min(axis=0).astype(np.float32)
    dead = high - low < STILL
    if rectified:
        dead |= high <= 0
    return tuple(recording.units[column] for column in np.flatnonzero(dead).tolist())
