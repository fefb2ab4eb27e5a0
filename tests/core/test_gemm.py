"""Packed matrix products: correct for any rows, depth and columns, and bit-identical however rows are split."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore import gemm
from seqcore.arrays import NO_VECTOR
from seqcore.gemm import NR, SHAPES, padded
from seqcore.layers.linear import project
from seqcore.packing import Packed
from seqcore.records import F32
from seqcore.team import team

from tests.core.compare import assert_product, normal, threads

pytestmark = pytest.mark.usefixtures("kernels")

ROWS = (1, 2, 3, 4, 5, 7, 8, 9, 13, 63, 64, 65, 130)
DEPTHS = (1, 2, 7, 8, 31, 32, 33, 67)
COLUMNS = (1, 7, 8, 12, 13, 23, 24, 25, 31, 32, 33, 64, 65, 97)


def multiply(A: F32, B: F32, transposed: bool = False, accumulate_to: F32 | None = None) -> F32:
    """A @ B through packed panels; A may have more columns than B has rows."""
    packed = Packed(B, transposed)
    packed.pack()
    K, N = B.shape[::-1] if transposed else B.shape
    C = np.full((len(A), padded(N)), np.nan, np.float32) if accumulate_to is None else accumulate_to
    project(A, K, packed.panels, NO_VECTOR, C, accumulate_to is not None, team())
    return C


@pytest.mark.parametrize("N", COLUMNS)
def test_products_of_any_shape(N: int) -> None:
    draw = np.random.default_rng(N)
    for M, K in product(ROWS, DEPTHS):
        A, B = normal(draw, M, K), normal(draw, K, N)
        C = multiply(A, B)
        assert_product(C[:, :N], A, B)
        assert not C[:, N:].any(), "columns past the last are zero"


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 200), st.integers(1, 300), st.integers(1, 150), st.booleans(), st.booleans(), st.integers(0, 5))
def test_products_transposed_accumulating_and_from_wider_rows(
    M: int, K: int, N: int, transposed: bool, accumulate: bool, extra: int
) -> None:
    draw = np.random.default_rng(M * 1000 + K)
    A, B, before = normal(draw, M, K + extra), normal(draw, K, N), np.zeros((M, padded(N)), np.float32)
    before[:, :N] = normal(draw, M, N)
    A[:, K:] = np.nan  # never read
    C = multiply(A, np.ascontiguousarray(B.T) if transposed else B, transposed, before.copy() if accumulate else None)
    assert_product(C[:, :N], A[:, :K], B, before[:, :N] if accumulate else 0.0)
    assert not C[:, N:].any()


@pytest.mark.parametrize(("K", "N"), [(1, 1), (5, 33), (40, 64), (17, 100), (16, NR), (33, NR + 1), (15, NR - 1)])
def test_panels_hold_the_matrix_and_zeros(K: int, N: int) -> None:
    B = normal(np.random.default_rng(0), K, N)
    expected = np.zeros((-(-N // NR), K, NR), np.float32)
    for p, k, j in np.ndindex(expected.shape):
        if p * NR + j < N:
            expected[p, k, j] = B[k, p * NR + j]
    for transposed, parallel in product((False, True), (False, True)):
        packed = Packed(np.ascontiguousarray(B.T) if transposed else B, transposed)
        packed.panels[:] = np.nan
        packed.pack(parallel)
        np.testing.assert_array_equal(packed.panels, expected, err_msg=f"{transposed=} {parallel=}")


@pytest.mark.parametrize("K", [1, 31, 64, 257])
def test_an_element_has_the_same_bits_however_rows_are_cut(K: int) -> None:
    draw = np.random.default_rng(K)
    A, B = normal(draw, 23, K), normal(draw, K, 45)
    whole = multiply(A, B)
    for cut in range(1, len(A) + 1):
        parts = [multiply(A[at : at + cut], B) for at in range(0, len(A), cut)]
        assert np.concatenate(parts).tobytes() == whole.tobytes(), f"in pieces of {cut} rows"


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_linear_forward_with_and_without_a_bias(bias: bool, count: int) -> None:
    draw = np.random.default_rng(3)
    A, B, b = normal(draw, 131, 37), normal(draw, 37, 50), normal(draw, 50)
    packed = Packed(B)
    packed.pack()
    before = np.zeros((131, padded(50)), np.float32)
    before[:, :50] = normal(draw, 131, 50)
    for accumulate in (False, True):
        C = before.copy()
        with threads(count):
            project(A, 37, packed.panels, b if bias else NO_VECTOR, C, accumulate, team())
        plus = (before[:, :50].astype(np.float64) if accumulate else 0.0) + (b.astype(np.float64) if bias else 0.0)
        assert_product(C[:, :50], A, B, np.broadcast_to(plus, (131, 50)))


def test_two_threads_give_the_bytes_of_one() -> None:
    draw = np.random.default_rng(5)
    A, B = normal(draw, 201, 61), normal(draw, 61, 131)
    results = []
    for count in (1, 2):
        with threads(count):
            results.append(multiply(A, B).tobytes())
    assert results[0] == results[1]


def test_nan_and_infinity_reach_the_rows_they_belong_to_and_no_others() -> None:
    draw = np.random.default_rng(6)
    for bad in (np.nan, np.inf):
        A, B = normal(draw, 11, 9), normal(draw, 9, 40)
        A[3, 4] = bad
        product_ = multiply(A, B)[:, :40]
        assert not np.isfinite(product_[3]).any()
        assert np.isfinite(np.delete(product_, 3, axis=0)).all()


def test_the_tile_fits_the_registers_of_its_family() -> None:
    registers = {"AVX-512": 32, "AVX2": 16, "NEON": 32, "SSE2": 16}
    for shape in SHAPES.values():
        vectors = shape.columns // shape.lanes
        assert shape.columns % shape.lanes == 0
        assert shape.rows * vectors + vectors + 1 <= registers[shape.name]
    assert SHAPES[gemm.SHAPE.name] is gemm.SHAPE
