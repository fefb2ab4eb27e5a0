"""All parameters in one flat float32 buffer, with named views into it.

Adam, the gradient norm, a snapshot and a checkpoint are each one loop over one array. Matrices come first, so that
weight decay applies to a prefix of the buffer.
"""

import math
from collections.abc import Mapping

import numpy as np

from seqcore.arrays import zeros
from seqcore.records import F32

Shapes = Mapping[str, tuple[int, ...]]


def ordered(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Return the shapes with matrices before vectors, otherwise in the given order."""
    return dict(sorted(shapes.items(), key=lambda item: len(item[1]) < 2))


class Parameters:
    """Named arrays in one buffer `flat` (P,); its first `decayed` elements belong to matrices.

    Raises ValueError if a given `flat` has the wrong size or dtype.
    """

    def __init__(self, shapes: Shapes, flat: F32 | None = None) -> None:
        self.shapes = ordered(shapes)
        self.size = sum(math.prod(shape) for shape in self.shapes.values())
        self.decayed = sum(math.prod(shape) for shape in self.shapes.values() if len(shape) > 1)
        self.flat = zeros(self.size) if flat is None else flat
        if self.flat.shape != (self.size,) or self.flat.dtype != np.float32:
            raise ValueError(f"flat must be float32 of shape ({self.size},), not {self.flat.dtype} {self.flat.shape}")
        self._views: dict[str, F32] = {}
        at = 0
        for name, shape in self.shapes.items():
            count = math.prod(shape)
            self._views[name] = self.flat[at : at + count].reshape(shape)
            at += count

    def __getitem__(self, name: str) -> F32:
        return self._views[name]

    def __contains__(self, name: str) -> bool:
        return name in self._views

    def items(self) -> list[tuple[str, F32]]:
        """Return (name, view) pairs in buffer order."""
        return list(self._views.items())

    def copy(self) -> "Parameters":
        """Return a copy with its own buffer."""
        other = Parameters(self.shapes)
        other.flat[:] = self.flat
        return other
