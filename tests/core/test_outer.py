"""Weight gradients: correct for any number of rows and columns, bit-identical for any number of threads."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.gemm import LANES, NR, padded
from seqcore.outer import NO_SECOND, Second, outer_sum
from seqcore.records import F32, I32

from tests.core.compare import assert_product, normal, threads

pytestmark = pytest.mark.usefixtures("kernels")


def check(K: int, M: int, N: int, extra: int, summed: int) -> None:
    """Check one product; A and B have `extra` unused columns; the last `summed` columns of B are summed."""
    draw = np.random.default_rng(K * 7 + M)
    A, B = normal(draw, K, M + extra), normal(draw, K, N + extra)
    A[:, M:], B[:, N:] = np.nan, np.nan  # never read
    C, sums = np.full((M, N), np.nan, np.float32), np.full(summed, np.nan, np.float32)
    outer_sum(A, B, C, sums)
    assert_product(C, A[:, :M].T, B[:, :N])
    assert_product(sums[None], np.ones((1, K)), B[:, N - summed : N])


@pytest.mark.parametrize("K", [1, 2, 255, 256, 257, 300, 513])
@pytest.mark.parametrize("M", [1, 7, 8, 9, 33])
def test_any_shape(K: int, M: int) -> None:
    for N in (1, NR - 1, NR, NR + 1, NR + LANES, NR + LANES + 1, 4 * NR, 9 * NR + 5, 17 * NR):  # all group sizes
        check(K, M, N, 0, N)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 600), st.integers(1, 70), st.integers(1, 400), st.integers(0, 40), st.data())
def test_wider_rows_and_sums_of_some_columns(K: int, M: int, N: int, extra: int, data: st.DataObject) -> None:
    check(K, M, N, extra, data.draw(st.sampled_from([0, 1, N // 2, N])))


@dataclass
class Case:
    """All features combined: columns around a gap, sums per token, and a second product of later rows of A."""

    A: F32
    B: F32
    B_2: F32
    gap: tuple[int, int]
    index: I32
    tokens: int
    sizes: tuple[int, int, int]  # M, N and the second N
    shift: int

    def run(self) -> tuple[F32, F32, F32, F32, F32]:
        """(C, sums, table, C of the second product, its sums)."""
        M, N, N_2 = self.sizes
        shapes = ((M, N), (N,), (self.tokens, padded(N)), (M, N_2), (N_2,))
        C, sums, table, C_2, sums_2 = (np.full(shape, np.nan, np.float32) for shape in shapes)
        second = Second(self.shift, self.B_2, C_2, sums_2) if N_2 else NO_SECOND
        outer_sum(self.A, self.B, C, sums, self.index, table, self.gap, second)
        return C, sums, table, C_2, sums_2

    def check(self) -> None:
        M, N, N_2 = self.sizes
        K = len(self.B)
        C, sums, table, C_2, sums_2 = self.run()
        columns = np.arange(N)
        columns[self.gap[0] :] += self.gap[1]
        onto, ones = np.zeros((K, self.tokens)), np.ones((1, K))
        onto[np.arange(K), self.index] = 1
        assert_product(C, self.A[:K, :M].T, self.B[:, columns])
        assert_product(sums[None], ones, self.B[:, columns])
        assert_product(table[:, :N], onto.T, self.B[:, :N])
        if N_2:
            assert_product(C_2, self.A[self.shift : self.shift + K, :M].T, self.B_2[:, :N_2])
            assert_product(sums_2[None], ones, self.B_2[:, :N_2])


def made(K: int, M: int, N: int, gap: tuple[int, int], N_2: int, shift: int) -> Case:
    draw = np.random.default_rng(K + N)
    tokens = min(K, 5)
    index = np.concatenate((np.arange(tokens), draw.integers(0, tokens, K - tokens))).astype(np.int32)
    B, B_2 = normal(draw, K, padded(N + gap[1])), normal(draw, K, padded(N_2))
    B[:, N + gap[1] :], B_2[:, N_2:] = np.nan, np.nan  # never read
    return Case(normal(draw, K + shift, M), B, B_2, gap, index, tokens, (M, N, N_2), shift)


@pytest.mark.parametrize("K", [1, 40, 256, 700])
@pytest.mark.parametrize("H", [1, 8, LANES, NR - 1, NR, 3 * NR, 100])
def test_three_blocks_out_of_four_as_a_gru_has_them(K: int, H: int) -> None:
    for N_2, shift in ((0, 0), (1, 1), (NR + 1, 8), (65, 3)):
        made(K, H, 3 * H, (2 * H, H), N_2, shift).check()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 600), st.integers(1, 70), st.integers(1, 300), st.integers(0, 300), st.integers(0, 90), st.data())
def test_any_gap_and_any_second_product(K: int, M: int, N: int, N_2: int, width: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, N))
    made(K, M, N, (at, width), N_2, data.draw(st.integers(0, 20))).check()


def test_two_threads_give_the_bytes_of_one() -> None:
    case, results = made(700, 61, 384, (256, 128), 65, 8), []
    for count in (1, 2):
        with threads(count):
            C, sums, table, C_2, sums_2 = case.run()
            results.append(b"".join(array.tobytes() for array in (C, sums, table[:, :384], C_2, sums_2)))
    assert results[0] == results[1]


def test_nan_and_infinity_reach_the_rows_and_columns_they_belong_to_and_no_others() -> None:
    draw = np.random.default_rng(6)
    for bad in (np.nan, np.inf):
        A, B = normal(draw, 11, 9), normal(draw, 11, 40)
        A[3, 4] = bad
        C, sums = np.zeros((9, 40), np.float32), np.zeros(40, np.float32)
        outer_sum(A, B, C, sums)
        assert not np.isfinite(C[4]).any()
        assert np.isfinite(np.delete(C, 4, axis=0)).all()
        B[2, 33] = bad
        outer_sum(np.zeros_like(A), B, C, sums)
        assert not np.isfinite(sums[33])
        assert np.isfinite(np.delete(sums, 33)).all()
