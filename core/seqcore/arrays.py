"""Arrays as the kernels like them: beginning on a cache line; and the empty ones that stand for what is absent."""

import math

import numpy as np

from seqcore.records import F32

LINE = 64  # bytes of a cache line, and of the widest vector register

NO_VECTOR, NO_MATRIX, NO_INDEX = np.zeros(0, np.float32), np.zeros((0, 0), np.float32), np.zeros(0, np.int32)


def zeros(*shape: int) -> F32:
    """float32 zeros that begin on a cache line: no register of a row then lies across two, which costs 1 to 3% of a
    training step. NumPy's own begin 16 bytes past one where they are large."""
    size = math.prod(shape)
    buffer = np.zeros(size + LINE // 4, np.float32)
    first = -(buffer.ctypes.data // 4) % (LINE // 4)
    return buffer[first : first + size].reshape(shape)
