"""The norm layer matches its equations in float64, which are checked by finite differences."""

from typing import Any

import numpy as np
import pytest
from seqcore.jit import entry
from seqcore.layers.norm import norm_backward, norm_forward

from tests.core.compare import assert_close, normal
from tests.core.twin import F64

SIZES = [(1, 1), (3, 2), (5, 33), (64, 128), (7, 200)]


forward: Any = entry(norm_forward)
backward: Any = entry(norm_backward)


def norm(x: F64, g: F64, b: F64) -> F64:
    """Normalise every row to mean 0 and variance 1, then scale and shift."""
    centred = x - x.mean(axis=1, keepdims=True)
    result: F64 = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * g + b
    return result


def gradient(x: F64, g: F64, dy: F64) -> tuple[F64, F64, F64]:
    """(dx, dg, db) of the sum of dy * norm(x)."""
    rstd = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    n, s = (x - x.mean(axis=1, keepdims=True)) * rstd, dy * g
    dx = rstd * (s - s.mean(axis=1, keepdims=True) - n * (s * n).mean(axis=1, keepdims=True))
    return dx, (dy * n).sum(axis=0), dy.sum(axis=0)


@pytest.mark.parametrize(("R", "C"), SIZES)
def test_equations_are_those_of_finite_differences(R: int, C: int) -> None:
    draw = np.random.default_rng(R)
    x, dy, g, b = (draw.standard_normal(shape) for shape in ((R, C), (R, C), C, C))
    found, step = gradient(x, g, dy), 1e-5
    for array, d in zip((x, g, b), found, strict=True):
        for place in draw.integers(0, array.size, 5):
            before = array.flat[place]
            array.flat[place] = before + step
            above = (norm(x, g, b) * dy).sum()
            array.flat[place] = before - step
            below = (norm(x, g, b) * dy).sum()
            array.flat[place] = before
            assert (above - below) / (2 * step) == pytest.approx(d.flat[place], abs=1e-6, rel=1e-5)


@pytest.mark.parametrize(("R", "C"), SIZES)
@pytest.mark.parametrize("padding", [0, 5])
def test_forward_and_backward_follow_the_equations(R: int, C: int, padding: int) -> None:
    draw = np.random.default_rng(C)
    x, dy, beside = (normal(draw, R, C + padding) for _ in range(3))
    x[:, :C] += 3
    scale, y, stats = normal(draw, 2, C), np.full((R, C), np.nan, np.float32), np.empty((R, 2), np.float32)
    exact, g, b = x[:, :C].astype(np.float64), scale[0].astype(np.float64), scale[1].astype(np.float64)
    forward(x, scale, y, stats)
    assert_close(y, norm(exact, g, b), 1e-5)
    dscale = normal(draw, 2, C)
    before = dscale.astype(np.float64)
    backward(dy, x, stats, scale, beside, dscale)
    dx, dg, db = gradient(exact, g, dy[:, :C].astype(np.float64))
    assert_close(x[:, :C], dx + beside[:, :C], 1e-5, terms=float(np.abs(stats[:, 1]).max()))
    assert_close(dscale, before + np.stack((dg, db)), 1e-5)


def test_nothing_beside_the_norm() -> None:
    draw = np.random.default_rng(0)
    x, dy, scale = normal(draw, 4, 9), normal(draw, 4, 9), normal(draw, 2, 9)
    y, stats, dscale = np.empty_like(x), np.empty((4, 2), np.float32), np.zeros((2, 9), np.float32)
    expected = gradient(x.astype(np.float64), scale[0].astype(np.float64), dy.astype(np.float64))[0]
    forward(x, scale, y, stats)
    backward(dy, x, stats, scale, dy[:0], dscale)
    assert_close(x, expected, 1e-5)


def test_a_row_of_equal_numbers_is_only_shifted() -> None:
    x, scale = np.full((2, 40), 7, np.float32), normal(np.random.default_rng(0), 2, 40)
    y, stats = np.empty_like(x), np.empty((2, 2), np.float32)
    forward(x, scale, y, stats)
    np.testing.assert_allclose(y, np.broadcast_to(scale[1], y.shape), atol=1e-4)
