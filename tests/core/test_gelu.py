"""gelu and its derivative stay within their documented error bounds, compiled as in the kernels."""

import math
from typing import Any

import numpy as np
import pytest
from seqcore import elementwise, jit
from seqcore.jit import entry
from seqcore.records import F32

from tests.core.twin import F64

WIDE = np.concatenate((np.linspace(-13.1, 20, 400_001), np.linspace(-1e-3, 1e-3, 20_001), [1e-30, -1e-30, 3e38]))


inlined: Any = elementwise.gelu


@entry
@jit.device
def apply(x: F32, y: F32, slope: F32) -> None:
    for n in range(x.size):
        y[n], slope[n] = inlined(x[n])


def gelu(x: F64) -> tuple[F64, F32, F32]:
    """(x rounded to float32, gelu, derivative)."""
    single = x.astype(np.float32)
    y, slope = np.empty_like(single), np.empty_like(single)
    apply(single, y, slope)
    return single.astype(np.float64), y, slope


def normal(x: F64) -> F64:
    """The standard normal distribution function, accurate in the lower tail."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x])


def test_gelu_within_its_bound() -> None:
    x, y, _ = gelu(WIDE)
    expected = x * normal(x)
    relative = np.abs(y - expected)[x != 0] / np.abs(expected)[x != 0]
    bound = np.where(x > 0, 5e-7, 6e-7 + 7e-8 * x * x)[x != 0]
    assert (relative <= bound).all(), f"{(relative / bound).max():.2f} of the bound"


def test_derivative_within_its_bound() -> None:
    x, _, slope = gelu(WIDE)
    density = np.exp(-0.5 * np.minimum(x * x, 1e3)) / math.sqrt(2 * math.pi)
    assert np.abs(slope - (normal(x) + x * density)).max() <= 3e-7


def test_gelu_far_below_zero_stays_at_its_end() -> None:
    _, y, slope = gelu(np.array([-13.2, -20, -1e10, -3e38, -np.inf]))
    np.testing.assert_allclose(y, -2.16e-38, rtol=0.01)
    assert np.abs(slope).max() <= 1e-36


def test_gelu_far_above_zero_is_the_identity() -> None:
    x = np.array([10, 1e10, 3e38, np.inf])
    _, y, slope = gelu(x)
    np.testing.assert_array_equal(y, x.astype(np.float32))
    np.testing.assert_array_equal(slope, 1)


@pytest.mark.parametrize("length", [1, 7, 16, 33])
def test_nan_goes_in_and_comes_out_wherever_it_stands(length: int) -> None:
    for place in range(length):
        x = np.linspace(-3, 3, length)
        x[place] = np.nan
        _, y, slope = gelu(x)
        assert np.flatnonzero(np.isnan(y)).tolist() == [place]
        assert np.flatnonzero(np.isnan(slope)).tolist() == [place]
