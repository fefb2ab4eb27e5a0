"""Dropout: the correct rate, no visible pattern, and the same mask for the same key."""

from itertools import product

import numpy as np
import pytest
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.records import F32

from tests.core.compare import normal, threads

pytestmark = pytest.mark.usefixtures("kernels")

M, H = 1000, 300


def mask(rate: float, key: np.uint32, rows: int = M, columns: int = H) -> F32:
    """The mask, 0 or 1 / (1 - rate) per element."""
    kept = np.full((rows, columns), np.nan, np.float32)
    dropout(np.ones_like(kept), kept, columns, rate, key)
    return kept


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.95])
def test_the_rate_is_the_share_of_zeros_and_the_rest_makes_up_for_it(rate: float) -> None:
    for step in range(3):
        kept = mask(rate, dropout_key(1, step, 0))
        assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / (1 - rate))}
        deviation = np.sqrt(rate * (1 - rate) / kept.size)
        assert abs((kept == 0).mean() - rate) < 5 * deviation
        rows, columns = ((kept == 0).mean(axis=axis) for axis in (1, 0))
        for shares, n in ((rows, H), (columns, M)):  # zeros are spread evenly over rows and columns
            assert abs(shares - rate).max() < 6 * np.sqrt(rate * (1 - rate) / n)
            assert 0.8 < shares.var() / (rate * (1 - rate) / n) < 1.25


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_neighbours_rows_keys_and_layers_are_uncorrelated(rate: float) -> None:
    def centred(key: np.uint32) -> F32:
        kept = mask(rate, key)
        scaled: F32 = (kept - kept.mean()) / kept.std()
        return scaled

    one, limit = centred(dropout_key(1, 0, 0)), 5 / np.sqrt(M * H)  # five standard deviations if independent
    for rows, columns in product((0, 1, 2, 8, 16, 64), (0, 1, 2, 8, 16, 64)):
        if rows or columns:
            a, b = one[rows:, columns:], one[: M - rows, : H - columns]
            assert abs((a * b).mean()) < 1.3 * limit, f"{rows} rows and {columns} columns apart"
    for key in (dropout_key(2, 0, 0), dropout_key(1, 1, 0), dropout_key(1, 0, 1)):
        assert abs((one * centred(key)).mean()) < limit


def test_the_same_key_draws_the_same_mask_for_any_call_any_rows_and_any_threads() -> None:
    key, draw = dropout_key(3, 4, 1), np.random.default_rng(0)
    whole = mask(0.3, key)
    assert mask(0.3, key).tobytes() == whole.tobytes()
    assert mask(0.3, key, 131, 17).tobytes() == whole[:131, :17].tobytes()
    with threads(1):
        assert mask(0.3, key).tobytes() == whole.tobytes()
    dy = normal(draw, M, H)
    dx = dy.copy()
    dropout(dx, dx, H, 0.3, key)  # backward, in place
    np.testing.assert_array_equal(dx, dy * whole)


def test_only_the_first_columns_are_touched() -> None:
    x = normal(np.random.default_rng(0), 70, 40)
    y = np.full((70, 48), np.float32(7))
    dropout(x, y, 33, 0.5, dropout_key(0, 0, 0))
    assert (y[:, 33:] == 7).all()
    np.testing.assert_array_equal(y[:, :33], x[:, :33] * mask(0.5, dropout_key(0, 0, 0), 70, 33))


def test_nan_passes_where_it_is_kept() -> None:
    x = np.full((20, 20), np.nan, np.float32)
    y = np.zeros_like(x)
    dropout(x, y, 20, 0.5, dropout_key(0, 0, 0))
    np.testing.assert_array_equal(np.isnan(y), mask(0.5, dropout_key(0, 0, 0), 20, 20) > 0)


def test_keys_differ_by_seed_step_and_layer() -> None:
    keys = [
        int(dropout_key(seed, step, layer)) for seed in (0, 1, 2**63 - 1) for step in range(500) for layer in range(4)
    ]
    assert len(set(keys)) == len(keys)
    assert dropout_key(1, 2, 3) != dropout_key(3, 2, 1)
    bits = np.array(keys, np.uint32)[:, None] >> np.arange(32, dtype=np.uint32) & 1
    assert abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(len(keys)), "every bit of the key is drawn"
