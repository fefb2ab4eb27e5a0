"""exp, tanh and sigmoid stay within their documented error bounds at every exponent, compiled as in the kernels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from seqcore import elementwise, jit
from seqcore.jit import entry
from seqcore.records import F32

from tests.core import twin


def over(function: Any) -> Callable[[F32], F32]:
    """`function` over an array, compiled with a kernel's options: it is inlined, so the caller's options apply."""

    @entry
    @jit.device
    def apply(x: F32, y: F32) -> None:
        for n in range(x.size):
            y[n] = function(x[n])

    def applied(x: F32) -> F32:
        y = np.empty_like(x)
        apply(x, y)
        return y

    return applied


exp, tanh, sigmoid = over(elementwise.exp), over(elementwise.tanh), over(elementwise.sigmoid)


def around(*points: float) -> F32:
    """The points and their 200 neighbouring float32 numbers on either side."""
    near = [np.float32(p).view(np.int32) + np.arange(-200, 201, dtype=np.int32) for p in points]
    return np.concatenate(near).view(np.float32)


def every_exponent(most: float = np.inf) -> F32:
    """Both signs, all exponents from the smallest subnormal up to `most`, about 5,000 mantissas per exponent."""
    top = int(np.float32(most).view(np.int32))
    positive = np.arange(1, top, 1693, dtype=np.int32).view(np.float32)
    return np.concatenate((-positive[::-1], np.zeros(1, np.float32), positive))


def relative(actual: F32, expected: twin.F64) -> float:
    """The largest relative error."""
    assert np.isfinite(actual).all()
    error: float = (np.abs(actual - expected) / np.abs(expected)).max()
    return error


def test_exp_within_its_bound() -> None:
    x = np.concatenate((every_exponent(88), np.linspace(-87, 88, 2_000_001, dtype=np.float32), around(1, -1, 0.34657)))
    x = x[(x >= -87) & (x <= 88)]
    assert relative(exp(x), np.exp(x.astype(np.float64))) <= 3e-7


def test_exp_stays_at_its_ends() -> None:
    low, high = exp(np.array([-87], np.float32))[0], exp(np.array([88], np.float32))[0]
    x = np.concatenate((around(-87, -87.33654, -88, -103.97, 88, 88.72283), np.array([-np.inf, -1e30, 1e30, np.inf])))
    y = exp(x.astype(np.float32))
    np.testing.assert_allclose(y[x <= -87], low, rtol=1e-6)
    np.testing.assert_allclose(y[x >= 88], high, rtol=1e-6)


def test_tanh_within_its_bound() -> None:
    x = np.concatenate((every_exponent(), np.linspace(-12, 12, 2_000_001, dtype=np.float32), around(7.9, -7.9, 1e-36)))
    x = x[np.abs(x) >= 3e-36]
    y = tanh(x)
    assert relative(y, np.tanh(x.astype(np.float64))) <= 4e-7
    assert np.abs(y).max() <= 1
    np.testing.assert_array_equal(tanh(-x), -y, err_msg="odd")


def test_tanh_of_the_tiniest_numbers() -> None:
    x = every_exponent(3e-36)
    assert np.abs(tanh(x) - x.astype(np.float64)).max() <= 1e-42
    np.testing.assert_array_equal(np.signbit(tanh(np.array([0.0, -0.0], np.float32))), [False, True])


def test_sigmoid_within_its_bound() -> None:
    x = np.concatenate((every_exponent(), np.linspace(-87, 100, 2_000_001, dtype=np.float32), around(-17, 17, -87, 88)))
    x = x[x >= -87]
    y = sigmoid(x)
    assert relative(y, twin.sigmoid(x.astype(np.float64))) <= 4e-7
    assert y.max() <= 1


def test_sigmoid_far_below_zero_is_nearly_shut_and_never_negative() -> None:
    x = np.concatenate((every_exponent(), around(-87, -88, -89), np.array([-np.inf], np.float32)))
    y = sigmoid(x[x < -87])
    assert (y > 0).all()
    assert (y < 1.7e-38).all()
    np.testing.assert_allclose(sigmoid(x[x <= -88]), 6.1e-39, rtol=0.01)


@pytest.mark.parametrize("function", [exp, tanh, sigmoid])
def test_nan_goes_in_and_comes_out_wherever_it_stands(function: Callable[[F32], F32]) -> None:
    for length in (1, 7, 16, 33, 64):  # the vector loop's body and its remainder
        for place in range(length):
            x = np.linspace(-3, 3, length, dtype=np.float32)
            x[place] = np.nan if place % 2 else -np.nan
            assert np.flatnonzero(np.isnan(function(x))).tolist() == [place]


@pytest.mark.parametrize(("function", "low", "high"), [(tanh, -1.0, 1.0), (sigmoid, 0.0, 1.0)])
def test_infinities_are_the_limits(function: Callable[[F32], F32], low: float, high: float) -> None:
    y = function(np.array([-np.inf, np.inf], np.float32))
    np.testing.assert_allclose(y, [low, high], rtol=4e-7, atol=1e-38)
