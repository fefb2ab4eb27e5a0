"""The head's masked softmax cross-entropy matches the float64 twin for every mask, size and magnitude."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.gemm import LANES, NR, padded
from seqcore.layers.loss import Head
from seqcore.records import F32, I32

from tests.core import twin
from tests.core.compare import assert_close, normal, pack, threads

pytestmark = pytest.mark.usefixtures("kernels")


def made(M: int, H: int, V: int, mask: str, seed: int = 0) -> tuple[Head, F32, I32]:
    """A head with random weights and NaN gradients, its input h, and targets under that mask."""
    draw = np.random.default_rng(seed)
    W, b = normal(draw, H, V), normal(draw, V)
    targets = draw.integers(0, V, M).astype(np.int32)
    if mask == "some":
        targets[draw.random(M) < 0.4] = -1
    elif mask == "all":
        targets[:] = -1
    elif mask == "all but one":
        targets[:-1] = -1
    head = Head(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan))
    pack(head.linear)
    return head, normal(draw, M, H), targets


def run(head: Head, h: F32, targets: I32, scale: float) -> tuple[F32, F32, F32]:
    """(losses, dlogits with padding, dh with padding)."""
    (M, H), V = h.shape, head.linear.b.size
    logits, dh = (np.full((M, padded(n)), np.nan, np.float32) for n in (V, H))
    losses = np.zeros(M, np.float32)
    head.forward(h, targets, scale, logits, losses, dh)
    head.backward(h, logits)
    return losses, logits, dh


def check(M: int, H: int, V: int, mask: str, scale: float) -> None:
    head, h, targets = made(M, H, V, mask, M + H + V)
    losses, logits, dh = run(head, h, targets, scale)
    x, W, b = (a.astype(np.float64) for a in (h, head.linear.W, head.linear.b))
    expected = twin.linear(x, W, b)
    assert_close(losses, twin.cross_entropy(expected, targets), 2e-6, "losses", np.abs(expected).max())
    dlogits = twin.cross_entropy_backward(expected, targets, scale)
    dx, dW, db = twin.linear_backward(x, W, dlogits)
    for name, actual, wanted, terms in (
        ("dlogits", logits[:, :V], dlogits, 1.0), ("dh", dh[:, :H], dx, np.abs(W).max()),
        ("dW", head.linear.dW, dW, np.abs(x).max()), ("db", head.linear.db, db, 1.0),
    ):  # fmt: skip
        assert_close(actual, wanted, 5e-6, name, 0.0 if mask == "all" else scale * terms)
    assert not logits[targets < 0, :V].any(), "no gradient where there is no target"
    assert not np.nan_to_num(logits[:, V:]).any(), "zero, or as it was where narrow tiles left it"
    assert not dh[:, H:].any()


@pytest.mark.parametrize("mask", ["none", "some", "all", "all but one"])
@pytest.mark.parametrize("M", [1, 2, 15, 16, 17, 67])
@pytest.mark.parametrize("V", [2, 3, LANES, LANES + 1, 31, 32, 33, 48, 49, 100])
def test_losses_and_gradients(M: int, V: int, mask: str) -> None:
    for H in (1, 8, 13, 33):
        check(M, H, V, mask, 1 / M)


@pytest.mark.parametrize("V", [16 * NR - 1, 16 * NR, 16 * NR + 1])
def test_losses_and_gradients_of_many_logits(V: int) -> None:
    for M, H in ((1, 1), (35, 9), (40, 33)):
        check(M, H, V, "some", 1 / M)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 90), st.integers(1, 70), st.integers(2, 700), st.sampled_from(["none", "some", "all"]),
    st.floats(0.001, 1),
)  # fmt: skip
def test_losses_and_gradients_of_any_size(M: int, H: int, V: int, mask: str, scale: float) -> None:
    check(M, H, V, mask, scale)


def test_losses_alone_are_the_bits_of_losses_with_gradients() -> None:
    head, h, targets = made(35, 9, 50, "some")
    losses = run(head, h, targets, 0.1)[0]
    alone, logits = np.zeros(35, np.float32), np.zeros((35, padded(50)), np.float32)
    head.forward(h, targets, 1.0, logits, alone, None)
    assert alone.tobytes() == losses.tobytes()


@pytest.mark.parametrize("shift", [-1e4, -90.0, 90.0, 1e4])
def test_logits_far_from_zero_neither_overflow_nor_vanish(shift: float) -> None:
    head, h, targets = made(20, 5, 33, "none")
    head.linear.b += np.float32(shift)
    losses, _, dh = run(head, h, targets, 1.0)
    x, W, b = (a.astype(np.float64) for a in (h, head.linear.W, head.linear.b))
    expected = twin.linear(x, W, b)
    assert_close(losses, twin.cross_entropy(expected, targets), 1e-6, "losses", np.abs(expected).max())
    assert np.isfinite(dh).all()


def test_a_hopeless_target_costs_its_whole_distance_and_a_certain_one_nothing() -> None:
    head, h, targets = made(4, 3, 40, "none")
    head.linear.W[:] = 0
    pack(head.linear)
    head.linear.b[:] = 0
    head.linear.b[7] = 5000
    targets[:] = 3, 7, 3, 7
    losses, dlogits, _ = run(head, h, targets, 1.0)
    np.testing.assert_allclose(losses, [5000, 0, 5000, 0], rtol=1e-6)
    np.testing.assert_allclose(dlogits[0, [3, 7]], [-1, 1], rtol=1e-6)
    np.testing.assert_allclose(dlogits[1, :40], 0, atol=1e-6)


def test_the_loss_of_a_likely_target_is_not_rounded_as_coarsely_as_its_logit() -> None:
    head, h, targets = made(8, 1, 3, "none")
    h[:], targets[:] = 0, 1
    head.linear.b[:] = 1024, 1032, 1024
    losses, _, _ = run(head, h, targets, 1.0)
    np.testing.assert_allclose(losses, np.log1p(2 * np.exp(-8.0)), rtol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_logit_that_is_no_number_makes_a_loss_that_is_no_number(bad: float) -> None:
    for V in (2, 17, 33):
        for at in range(V):
            head, h, targets = made(3, 4, V, "none")
            targets[:] = 0, V - 1, -1
            head.linear.b[at] = bad
            losses, dlogits, dh = run(head, h, targets, 1.0)
            assert not np.isfinite(losses).any(), f"logit {at} of {V}"
            assert not np.isfinite(dlogits[:2, at]).any()
            assert not np.isfinite(dh[:2, :4]).any()
            assert not dlogits[2, :V].any(), "a masked place has no gradient even so"


def test_nan_in_what_the_head_reads_stays_in_its_place() -> None:
    head, h, targets = made(40, 6, 21, "none")
    h[18, 2] = np.nan
    losses, _, dh = run(head, h, targets, 1.0)
    assert np.flatnonzero(np.isnan(losses)).tolist() == [18]
    assert np.flatnonzero(np.isnan(dh).any(axis=1)).tolist() == [18]


def test_two_threads_give_the_bytes_of_one() -> None:
    results = []
    for count in (1, 2):
        head, h, targets = made(83, 19, 45, "some")
        with threads(count):
            losses, logits, dh = run(head, h, targets, 0.01)
        results.append([a.tobytes() for a in (losses, logits, dh, head.linear.dW, head.linear.db)])
    assert results[0] == results[1]
