"""AdamW, the global norm and the learning-rate schedule match the float64 twin and values computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.optimizer import BLOCK, AdamW, Schedule
from seqcore.parameters import Parameters

from tests.core import twin
from tests.core.compare import assert_close, normal, threads

pytestmark = pytest.mark.usefixtures("kernels")

SIZES = (1, 2, 31, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17)


@pytest.mark.parametrize("size", SIZES)
def test_the_norm_is_that_of_float64_and_the_same_on_any_number_of_threads(size: int) -> None:
    g = normal(np.random.default_rng(size), size)
    norms = []
    for count in (1, 2):
        with threads(count):
            norms.append(AdamW(size).norm(g))
    assert norms[0] == norms[1]
    assert math.isclose(norms[0], np.linalg.norm(g.astype(np.float64)), rel_tol=1e-12)


def test_the_norm_neither_overflows_nor_underflows_where_float32_would() -> None:
    assert AdamW(2).norm(np.array([3e30, 4e30], np.float32)) == pytest.approx(5e30, rel=1e-6)
    assert AdamW(2).norm(np.array([3e-30, 4e-30], np.float32)) == pytest.approx(5e-30, rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_norm_of_a_gradient_that_is_no_number_is_none(bad: float) -> None:
    size = 2 * BLOCK + 3
    for at in (0, 17, BLOCK - 1, BLOCK, size - 1):
        g = np.ones(size, np.float32)
        g[at] = bad
        assert not math.isfinite(AdamW(size).norm(g))


def named(*sizes: int, seed: int = 0) -> Parameters:
    """A random matrix and a random vector of these sizes."""
    parameters = Parameters({"b": (sizes[1],), "W": (1, sizes[0])})
    parameters.flat[:] = normal(np.random.default_rng(seed), parameters.size)
    return parameters


@pytest.mark.parametrize("sizes", [(1, 1), (7, 3), (BLOCK - 5, 9), (BLOCK, 5), (BLOCK + 33, BLOCK), (3, 2 * BLOCK)])
@pytest.mark.parametrize(("decay", "clip"), [(0.0, 0.0), (0.3, 0.0), (0.1, 0.5)])
def test_ten_steps_follow_the_twin(sizes: tuple[int, int], decay: float, clip: float) -> None:
    parameters, gradient = named(*sizes), named(*sizes, seed=1)
    assert parameters.decayed == sizes[0], "matrices come first and decay"
    p = twin.doubles(dict(parameters.items()))
    reference = twin.AdamW(p, (0.9, 0.99), 1e-8, decay)
    optimizer = AdamW(parameters.size, (0.9, 0.99))
    for step in range(10):
        gradient.flat[:] = normal(np.random.default_rng(step), gradient.size) * np.float32(10.0 ** (step % 4 - 2))
        rate = 0.01 * (step + 1)
        norm = optimizer.norm(gradient.flat)
        scale = min(1.0, clip / norm) if clip else 1.0
        optimizer.update(parameters.flat, gradient.flat, rate, scale, decay, parameters.decayed)
        assert math.isclose(norm, reference.update(p, twin.doubles(dict(gradient.items())), rate, clip), rel_tol=1e-6)
    for name, value in parameters.items():
        assert_close(value, p[name], 2e-6, name)
    for actual, wanted in ((optimizer.m, reference.m), (optimizer.v, reference.v)):
        assert_close(actual, np.concatenate([wanted[name].reshape(-1) for name in ("W", "b")]), 2e-6)


def test_the_first_step_goes_by_the_rate_whatever_the_gradient_s_size() -> None:
    for size in (1e-3, 1.0, 1e6):
        w = np.zeros(2, np.float32)
        AdamW(2).update(w, np.array([size, -size], np.float32), 0.5, 1.0, 0.0, 0)
        np.testing.assert_allclose(w, [-0.5, 0.5], rtol=1e-4)


@pytest.mark.parametrize("where", ["gradient", "weight", "m", "v"])
def test_nan_reaches_the_weight_it_belongs_to_and_no_other(where: str) -> None:
    w, g, optimizer = np.ones(40, np.float32), np.ones(40, np.float32), AdamW(40)
    {"gradient": g, "weight": w, "m": optimizer.m, "v": optimizer.v}[where][13] = np.nan
    optimizer.update(w, g, 0.1, 1.0, 0.1, 20)
    assert np.flatnonzero(np.isnan(w)).tolist() == [13]


def test_a_rate_of_zero_changes_nothing() -> None:
    w = normal(np.random.default_rng(0), 100)
    before = w.copy()
    AdamW(100).update(w, w.copy(), 0.0, 1.0, 0.5, 50)
    assert w.tobytes() == before.tobytes()


@given(st.integers(1, 50), st.integers(0, 200), st.floats(0, 1), st.floats(0, 1))
def test_the_rate_warms_up_in_a_straight_line_then_stays_or_falls(
    warmup: int, step: int, progress: float, final: float
) -> None:
    constant, cosine = Schedule("constant", warmup), Schedule("cosine", warmup, final)
    if step < warmup:
        assert constant.factor(step, progress) == cosine.factor(step, progress) == (step + 1) / (warmup + 1)
        return
    assert constant.factor(step, progress) == 1
    assert final - 1e-12 <= cosine.factor(step, progress) <= 1
    assert cosine.factor(step, 0.0) == 1
    assert cosine.factor(step, 0.5) == pytest.approx((1 + final) / 2)
    assert cosine.factor(step, 1.0) == pytest.approx(final)
    assert cosine.factor(step, 2.0) == pytest.approx(final), "past the end it stays"


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    assert Schedule("constant", 0).factor(0, 0.0) == 1
