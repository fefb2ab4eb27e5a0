"""Saturated gates and dead units, over many timesteps.

A gate is left-saturated below 0.1 and right-saturated above 0.9 (Karpathy, Johnson and Fei-Fei 2015, "Visualizing and
Understanding Recurrent Networks", section 4.2). The shares of both, a dot for each unit, lie in a triangle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqcore.records import F32, I64, Probe

if TYPE_CHECKING:  # a screen that draws these needs no kernels
    from seqcore.neurons.recording import Unit

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


def saturation(gate: str, layer: int, values: F32) -> Saturation:
    """Return the shares of T timesteps at which each unit of values (T, units) is saturated; NaN counts as neither."""
    counted = Counted(gate)
    counted.add(values[:, None])
    return counted.found()[0]._replace(layer=layer)


def of_probe(probe: Probe) -> tuple[Saturation, ...]:
    """Return the saturation of every gate over the timesteps of a probe: coarse, but there at once."""
    gates = (stave for stave in probe.staves if stave.gate and not stave.signed)
    return tuple(saturation(stave.name, stave.layer, stave.values) for stave in gates)


class Counted:
    """How often the units of a gate are saturated, added up over parts of a passage."""

    def __init__(self, gate: str) -> None:
        self._gate = gate
        self._timesteps = 0
        self._left: I64 = np.zeros((1, 1), np.int64)  # (layers, units) timesteps below LEFT
        self._right: I64 = np.zeros((1, 1), np.int64)  # above RIGHT

    def add(self, values: F32) -> None:
        """Count timesteps (n, layers, units)."""
        self._left = self._left + (values < LEFT).sum(axis=0)
        self._right = self._right + (values > RIGHT).sum(axis=0)
        self._timesteps += len(values)

    def found(self) -> tuple[Saturation, ...]:
        """Return the saturation of the gate in each layer."""
        left, right = ((counts / self._timesteps).astype(np.float32) for counts in (self._left, self._right))
        return tuple(Saturation(self._gate, layer, left[layer], right[layer]) for layer in range(len(left)))


class Range:
    """Between which values units stay, over parts of a passage."""

    def __init__(self) -> None:
        self._low: F32 | None = None  # (layers, units)
        self._high: F32 | None = None

    def add(self, values: F32) -> None:
        """Look at timesteps (n, layers, units)."""
        low, high = values.min(axis=0), values.max(axis=0)
        self._low = low if self._low is None else np.minimum(low, self._low)
        self._high = high if self._high is None else np.maximum(high, self._high)

    @property
    def units(self) -> int:
        """How many there are."""
        return 0 if self._low is None else self._low.size

    def dead(self, rectified: bool = False) -> tuple[Unit, ...]:
        """Return the units whose values differ by less than STILL; if `rectified`, also those never above zero."""
        from seqcore.neurons.recording import Unit

        if self._low is None or self._high is None:
            return ()
        dead = self._high - self._low < STILL
        if rectified:
            dead |= self._high <= 0
        return tuple(Unit(layer, unit) for layer, unit in np.argwhere(dead).tolist())
