"""The float64 twin's gradients match central finite differences: every parameter, every input, every state."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.core import twin
from tests.core.twin import F64

STEP = 1e-5  # truncation error grows with the square of the step, rounding error with its inverse


def differences(f: Callable[[], float], x: F64) -> F64:
    """df/dx by central differences, moving each element of x in place."""
    d = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        before = x[at]
        x[at] = before + STEP
        above = f()
        x[at] = before - STEP
        d[at] = (above - f()) / (2 * STEP)
        x[at] = before
    return d


def check(f: Callable[[], float], x: F64, gradient: F64, name: str) -> None:
    expected = differences(f, x)
    assert gradient.shape == x.shape, name
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("T", "B", "inputs", "H"), [(1, 1, 1, 1), (1, 3, 2, 2), (5, 1, 3, 2), (4, 2, 2, 3)])
def test_lstm_gradients_are_the_finite_differences(T: int, B: int, inputs: int, H: int) -> None:
    draw = np.random.default_rng(1)
    x, W_xh, W_hh = draw.normal(size=(T, B, inputs)), draw.normal(size=(inputs, 4 * H)), draw.normal(size=(H, 4 * H))
    b, h0, c0 = draw.normal(size=4 * H), draw.normal(size=(B, H)), draw.normal(size=(B, H))
    weight = draw.normal(size=(T, B, H))  # of a random loss that is linear in h

    def loss() -> float:
        return float((twin.lstm(x, W_xh, W_hh, b, h0, c0).h[1:] * weight).sum())

    d = twin.lstm_backward(twin.lstm(x, W_xh, W_hh, b, h0, c0), W_xh, W_hh, weight)
    pairs = {"x": (x, d.x), "W_xh": (W_xh, d.W_xh), "W_hh": (W_hh, d.W_hh), "b": (b, d.b)}
    for name, (value, gradient) in (pairs | {"h0": (h0, d.h0), "c0": (c0, d.c0)}).items():
        check(loss, value, gradient, name)


def test_linear_and_cross_entropy_gradients_are_the_finite_differences() -> None:
    draw = np.random.default_rng(2)
    x, W, b = draw.normal(size=(2, 3, 4)), draw.normal(size=(4, 5)), draw.normal(size=5)
    targets = np.array([[0, -1, 4], [2, 2, -1]], np.int32)

    def loss() -> float:
        return 0.7 * float(np.nansum(twin.cross_entropy(twin.linear(x, W, b), targets)))

    dlogits = twin.cross_entropy_backward(twin.linear(x, W, b), targets, 0.7)
    for name, value, gradient in zip("xWb", (x, W, b), twin.linear_backward(x, W, dlogits), strict=True):
        check(loss, value, gradient, name)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("embedding", [0, 2])
def test_model_gradients_are_the_finite_differences(layers: int, embedding: int) -> None:
    T, B, V, H = 3, 2, 4, 2
    draw = np.random.default_rng(layers)
    p = {"embedding.E": draw.normal(size=(V, embedding))} if embedding else {}
    for n in range(layers):
        p[f"layers.{n}.W_xh"] = draw.normal(size=(H if n else embedding or V, 4 * H))
        p[f"layers.{n}.W_hh"] = draw.normal(size=(H, 4 * H))
        p[f"layers.{n}.b"] = draw.normal(size=4 * H)
    p |= {"head.W_hy": draw.normal(size=(H, V)), "head.b_y": draw.normal(size=V)}
    tokens = np.array([[0, 1], [0, 0], [3, 1]], np.int32)  # one is repeated, one never occurs
    targets = np.array([[1, -1], [2, 0], [-1, 3]], np.int32)
    states = [(draw.normal(size=(B, H)), draw.normal(size=(B, H))) for _ in range(layers)]
    masks = [(draw.random((T, B, H)) > 0.3) / 0.7 for _ in range(layers)]

    def loss() -> float:
        return twin.mean_loss(twin.model(p, tokens, targets, states, masks))

    grads, dstates = twin.model_backward(p, twin.model(p, tokens, targets, states, masks), tokens, targets, masks)
    assert grads.keys() == p.keys()
    for name, value in p.items():
        check(loss, value, grads[name], name)
    for n, (state, dstate) in enumerate(zip(states, dstates, strict=True)):
        check(loss, state[0], dstate[0], f"h0 of layer {n}")
        check(loss, state[1], dstate[1], f"c0 of layer {n}")


def test_a_loss_without_targets_is_nan_and_moves_nothing() -> None:
    logits, targets = np.ones((2, 1, 3)), np.full((2, 1), -1, np.int32)
    assert np.isnan(twin.cross_entropy(logits, targets)).all()
    assert not twin.cross_entropy_backward(logits, targets, 1.0).any()


def test_adamw_first_step_is_the_sign_of_the_gradient_and_decays_matrices_alone() -> None:
    p = {"W": np.array([[2.0, -2.0]]), "b": np.array([2.0, -2.0])}
    grads = {"W": np.array([[3.0, 4.0]]), "b": np.array([0.0, -12.0])}
    optimizer = twin.AdamW(p, (0.9, 0.99), 0.0, 0.5)
    with np.errstate(invalid="ignore"):  # 0 / 0 where eps and the gradient are both 0
        assert optimizer.update(p, grads, 0.1, 1.0) == 13.0
    np.testing.assert_allclose(p["W"], [[2.0 * 0.95 - 0.1, -2.0 * 0.95 - 0.1]])
    np.testing.assert_allclose(p["b"][1], -2.0 + 0.1)
