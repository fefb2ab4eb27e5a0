"""Allocated arrays are aligned to a cache line."""

import numpy as np
import pytest
from seqcore.arrays import LINE, zeros


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (0, 7), (2, 3, 33), (100_000,), (1030, 1030)])
def test_zeros_of_any_shape_begin_on_a_line_and_are_contiguous(shape: tuple[int, ...]) -> None:
    array = zeros(*shape)
    assert array.shape == shape
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert not array.size or array.ctypes.data % LINE == 0
    assert not array.any()


def test_two_share_nothing() -> None:
    one, other = zeros(4), zeros(4)
    one[:] = 1
    assert not other.any()
