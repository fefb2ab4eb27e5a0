"""Packing matrices together gives the same panels as packing each alone; plain and transposed are independent."""

import numpy as np
import pytest
from seqcore.packing import SMALL, Packed, Packs
from seqcore.records import F32

from tests.core.compare import normal, threads

pytestmark = pytest.mark.usefixtures("kernels")

SHAPES = ((3, 5), (130, 200), (1, 33), (64, 97))


def matrices(scale: int) -> tuple[F32, list[F32]]:
    """A buffer with gaps between and after its matrices, and views of the matrices."""
    sizes = [rows * columns * scale for rows, columns in SHAPES]
    flat = normal(np.random.default_rng(scale), sum(sizes) + 7 * len(sizes))
    starts = np.cumsum([3, *(size + 7 for size in sizes[:-1])])
    views = [
        flat[at : at + size].reshape(rows * scale, columns)
        for at, size, (rows, columns) in zip(starts, sizes, SHAPES, strict=True)
    ]
    return flat, views


def alone(matrix: F32, transposed: bool) -> F32:
    packed = Packed(matrix, transposed)
    packed.pack(parallel=False)
    return packed.panels


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("scale", [1, 3])
def test_each_has_the_panels_it_would_have_alone(scale: int, parallel: bool) -> None:
    flat, views = matrices(scale)
    assert (flat.size >= SMALL) == (scale == 3), "both kernels are run"
    for count in (1, 2):
        forward, back = [Packed(view) for view in views], [Packed(view, transposed=True) for view in views]
        packs = Packs(flat, forward, back)
        with threads(count):
            packs.pack(back=False, parallel=parallel)
            assert not any(one.panels.any() for one in back), "only what was asked for"
            for one in forward:
                np.testing.assert_array_equal(one.panels, alone(one.matrix, False))
                one.panels[:] = np.nan
            packs.pack(forward=False, parallel=parallel)
            assert all(np.isnan(one.panels).all() for one in forward)
            for one in back:
                np.testing.assert_array_equal(one.panels, alone(one.matrix, True))
            flat *= 2
            packs.pack(parallel=parallel)
            for one in (*forward, *back):
                np.testing.assert_array_equal(one.panels, alone(one.matrix, one.transposed))
