"""Arrays aligned to cache lines for the kernels, and empty arrays that stand for absent ones."""

import math

import numpy as np

from seqcore.records import F32

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
