"""Arrays aligned to cache lines for the kernels, empty arrays that stand for absent ones, and which targets count."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from seqcore.records import F32, Inputs, Targets

LINE = 64  # bytes of a cache line, and of the widest vector register

NO_VECTOR, NO_MATRIX, NO_INDEX = np.zeros(0, np.float32), np.zeros((0, 0), np.float32), np.zeros(0, np.int32)


def zeros(*shape: int) -> F32:
    """Return float32 zeros that begin on a cache line.

    A vector load then never crosses two lines, which would cost 1 to 3% of a training step. NumPy starts large arrays
    16 bytes past a line.
    """
    size = math.prod(shape)
    buffer = np.zeros(size + LINE // 4, np.float32)
    first = -(buffer.ctypes.data // 4) % (LINE // 4)
    return buffer[first : first + size].reshape(shape)


class Scratch:
    """Memory that kernels use and forget; kept, since allocating on each call would cost a page fault every 4 kB."""

    def __init__(self) -> None:
        self._memory = NO_VECTOR

    def of(self, size: int) -> F32:
        """Return `size` elements with arbitrary contents."""
        if self._memory.size < size:
            self._memory = zeros(size)
        return self._memory[:size]


def unmasked(targets: Targets) -> npt.NDArray[np.bool_]:
    """Return which timesteps have a target, (T, B): symbols (T, B) that are not -1, or values (T, B, K) not NaN."""
    open_at: npt.NDArray[np.bool_] = targets >= 0 if targets.ndim == 2 else ~np.isnan(targets[..., 0])
    return open_at


def flat(array: Inputs | Targets) -> npt.NDArray[Any]:
    """Return (T, B, ...) reshaped to (T * B, ...)."""
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
