"""The head of real values: exact losses and gradients by hand, masked rows, and numbers that are not finite."""

import numpy as np
import pytest
from seqcore.arrays import zeros
from seqcore.gemm import padded
from seqcore.layers.squares import ValuesHead
from seqcore.records import F32

pytestmark = pytest.mark.usefixtures("kernels")


def head(W: F32, b: F32) -> ValuesHead:
    made = ValuesHead(W, b, np.zeros_like(W), np.zeros_like(b))
    made.linear.packed.pack()
    made.linear.packed_T.pack()
    return made


def run(
    h: F32, W: F32, b: F32, targets: F32, scale: float = 1.0, back: bool = True
) -> tuple[F32, F32, F32, ValuesHead]:
    """Losses (M,), what is left of the values (M, K), and dh (M, H)."""
    M, H = h.shape
    y, losses, dh = zeros(M, padded(W.shape[1])), zeros(M), zeros(M, padded(H))
    made = head(W, b)
    made.forward(h, targets, scale, y, losses, dh if back else None)
    return losses, y[:, : W.shape[1]].copy(), dh[:, :H].copy(), made


def test_losses_and_gradients_by_hand() -> None:
    h = np.array([[1, 0], [0, 2]], np.float32)
    W, b = np.array([[1, 2, 3], [4, 5, 6]], np.float32), np.array([0.5, 0, -0.5], np.float32)
    targets = np.array([[1.5, 1, 0], [8.5, 10, 11.5]], np.float32)
    losses, y, _, _ = run(h, W, b, targets, back=False)
    assert y.tolist() == [[1.5, 2, 2.5], [8.5, 10, 11.5]]
    np.testing.assert_allclose(losses, [(0 + 1 + 6.25) / 3, 0])
    losses, dy, dh, made = run(h, W, b, targets, 0.5)
    expected = 0.5 * 2 / 3 * np.array([[0, 1, 2.5], [0, 0, 0]])
    np.testing.assert_allclose(dy, expected, rtol=1e-6)
    np.testing.assert_allclose(dh, expected @ W.T, rtol=1e-6)
    width = padded(3)
    rows = zeros(2, width)
    rows[:, :3] = dy
    made.backward(h, rows)
    np.testing.assert_allclose(made.linear.dW, h.T @ expected, rtol=1e-6)
    np.testing.assert_allclose(made.linear.db, expected.sum(axis=0), rtol=1e-6)


@pytest.mark.parametrize("K", [1, 2, 5, 33])
def test_a_masked_row_has_no_loss_and_no_gradient(K: int) -> None:
    draw = np.random.default_rng(K)
    h, W = (draw.standard_normal(shape).astype(np.float32) for shape in ((40, 7), (7, K)))
    targets = draw.standard_normal((40, K)).astype(np.float32)
    targets[::3] = np.nan
    losses, dy, dh, _ = run(h, W, np.zeros(K, np.float32), targets)
    assert np.isnan(losses[::3]).all()
    assert not dy[::3].any()
    assert not dh[::3].any()
    others = np.ones(40, bool)
    others[::3] = False
    y = h.astype(np.float64) @ W
    np.testing.assert_allclose(losses[others], ((y - targets) ** 2).mean(axis=1)[others], rtol=2e-5)
    np.testing.assert_allclose(dy[others], (2 / K * (y - targets))[others], rtol=2e-4, atol=2e-6)


def test_a_value_that_is_not_finite_is_not_hidden() -> None:
    h = np.array([[np.nan], [np.inf], [1e30]], np.float32)
    losses, _, _, _ = run(h, np.ones((1, 2), np.float32), np.zeros(2, np.float32), np.zeros((3, 2), np.float32))
    assert np.isnan(losses[0])
    assert losses[1] == np.inf
    assert losses[2] == np.inf, "its square is beyond float32"


def test_small_errors_of_large_values_keep_their_digits() -> None:
    h = np.array([[1000.25]], np.float32)
    losses, dy, _, _ = run(h, np.ones((1, 1), np.float32), np.zeros(1, np.float32), np.array([[1000.0]], np.float32))
    assert losses[0] == 0.0625
    assert dy[0, 0] == 0.5
