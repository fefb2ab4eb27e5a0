"""The input table: products for the distinct tokens of a batch, and gradients summed per token."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.arrays import NO_VECTOR
from seqcore.gemm import padded
from seqcore.layers.embedding import InputTable, column_sums, distinct, gather_rows, scatter_rows
from seqcore.layers.linear import Linear
from seqcore.outer import outer_sum
from seqcore.records import I32

from tests.core import twin
from tests.core.compare import assert_close, assert_product, normal, pack, threads

pytestmark = pytest.mark.usefixtures("kernels")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=80), st.integers(21, 300))
def test_distinct_tokens_in_order_of_appearance(places: list[int], V: int) -> None:
    tokens, stamps = np.array(places, np.int32), np.full(V, 7, np.int32)  # left over from the previous batch
    index, found = np.full(len(places), -5, np.int32), np.full(V, -5, np.int32)
    count = distinct(tokens, stamps, index, found)
    assert found[:count].tolist() == list(dict.fromkeys(places))
    np.testing.assert_array_equal(found[index], tokens)


@pytest.mark.parametrize("N", [1, 31, 32, 33, 100])
def test_rows_are_gathered_and_scattered_whole(N: int) -> None:
    draw = np.random.default_rng(N)
    source, bias, rows = normal(draw, 9, N), normal(draw, N), np.array([8, 0, 3], np.int32)
    for b in (bias, NO_VECTOR):
        out = np.full((3, padded(N)), np.nan, np.float32)
        gather_rows(source, rows, b, out)
        np.testing.assert_array_equal(out[:, :N], source[rows] + (bias if b.size else np.float32(0)))
        assert not out[:, N:].any()
    for clear in (True, False):
        whole = normal(draw, 9, N)
        expected = np.zeros_like(whole) if clear else whole.copy()
        expected[rows] = out[:, :N]
        scatter_rows(out, rows, whole, clear)
        np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize(("places", "U", "N"), [(1, 1, 1), (7, 3, 5), (130, 11, 33), (64, 64, 64), (301, 2, 300)])
def test_gradients_are_summed_over_the_places_of_a_token(places: int, U: int, N: int) -> None:
    draw = np.random.default_rng(places)
    dz = normal(draw, places, padded(N))
    index = np.concatenate((np.arange(U), draw.integers(0, U, places - U))).astype(np.int32)
    onto = np.zeros((places, U))
    onto[np.arange(places), index] = 1
    bits = []
    for count in (1, 2):
        dtable = np.full((U, padded(N)), np.nan, np.float32)
        A, C, sums = normal(draw, places, 3), np.zeros((3, N), np.float32), np.full(N, np.nan, np.float32)
        with threads(count):
            outer_sum(A, dz, C, sums, index, dtable)
        assert_product(C, A.T, dz[:, :N])
        assert_product(sums[None], np.ones((1, places)), dz[:, :N])
        assert_product(dtable[:, :N], onto.T, dz[:, :N])
        bits.append(dtable[:, :N].tobytes())
    assert bits[0] == bits[1]
    sums = np.full(N, np.nan, np.float32)
    column_sums(dtable, sums)
    assert_product(sums[None], np.ones((1, U)), dtable[:, :N])


def made(V: int, inputs: int, N: int, learned: bool) -> tuple[InputTable, dict[str, twin.F64]]:
    """A table with random parameters and NaN for gradients, and its parameters in float64."""
    draw = np.random.default_rng(V)
    E, W, b = normal(draw, V, inputs), normal(draw, inputs if learned else V, N), normal(draw, N)
    linear = Linear(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan))
    pack(linear)
    return InputTable(E if learned else None, np.full_like(E, np.nan) if learned else None, linear), {
        name: value.astype(np.float64) for name, value in (("E", E), ("W", W), ("b", b))
    }


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(
    ("T", "B", "V", "inputs", "N"),
    [(1, 1, 2, 1, 4), (5, 3, 7, 5, 20), (9, 8, 2, 33, 33), (3, 2, 500, 8, 128), (16, 8, 40, 64, 36)],
)
def test_the_table_is_the_one_hot_product(T: int, B: int, V: int, inputs: int, N: int, learned: bool) -> None:
    table, p = made(V, inputs, N, learned)
    draw = np.random.default_rng(T)
    for _ in range(2):  # a second batch with other tokens must not see the first
        tokens: I32 = draw.integers(0, V, (T, B)).astype(np.int32)
        vectors = twin.one_hot(tokens, V).reshape(T * B, V)
        x = vectors @ p["E"] if learned else vectors
        table.forward(tokens)
        assert_close(table.table[table.index][:, :N], twin.linear(x, p["W"], p["b"]), name="z")

        dz = np.zeros((T * B, padded(N)), np.float32)
        dz[:, :N] = normal(draw, T * B, N)
        outer_sum(dz[:, :1].copy(), dz, np.zeros((1, N), np.float32), NO_VECTOR, *table.sums())
        table.backward()
        dx, dW, db = twin.linear_backward(x, p["W"], dz[:, :N].astype(np.float64))
        assert_close(table.linear.dW, dW, name="dW")
        assert_close(table.linear.db, db, name="db")
        if table.dE is not None:
            assert_close(table.dE, vectors.T @ dx, name="dE")
            assert not table.dE[~np.isin(np.arange(V), tokens)].any(), "tokens that did not come have no gradient"


def test_a_batch_needs_a_row_per_distinct_token_however_large_the_vocabulary() -> None:
    table, _ = made(5000, 3, 8, True)
    table.forward(np.array([[4999, 17], [17, 17]], np.int32))
    assert table.tokens.tolist() == [4999, 17]
    assert table.table.shape == (2, padded(8))


def test_nan_in_one_embedding_reaches_the_places_of_that_token_alone() -> None:
    table, _ = made(5, 3, 8, True)
    assert table.E is not None
    table.E[2, 1] = np.nan
    tokens = np.array([[2, 0, 4], [1, 2, 3]], np.int32)
    table.forward(tokens)
    np.testing.assert_array_equal(np.isnan(table.table[table.index][:, :8]).all(axis=1), tokens.reshape(-1) == 2)
    np.testing.assert_array_equal(np.isnan(table.table[table.index][:, :8]).any(axis=1), tokens.reshape(-1) == 2)
