"""Every recurrent cell matches its float64 twin: any size, any carried state, saturation, and NaN."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import ModelConfig
from seqcore.model import initial
from seqcore.models import recurrent

from tests.core.cases import CELLS
from tests.core.families import check, drawn, made

pytestmark = pytest.mark.usefixtures("kernels")

KINDS: dict[str, dict[str, Any]] = {
    "rnn tanh": {"family": "rnn"},
    "rnn relu": {"family": "rnn", "activation": "relu"},
    "gru": {"family": "gru"},
    "lstm": {"family": "lstm"},
}


@pytest.mark.parametrize("T", [1, 17])
@pytest.mark.parametrize("B", [1, 3, 8, 9, 33])
@pytest.mark.parametrize("H", [1, 7, 8, 31, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_forward_and_backward_through_time(kind: str, T: int, B: int, H: int) -> None:
    check(ModelConfig(5, hidden=H, embedding=3, **KINDS[kind]), T, B)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("embedding", [0, 6])
@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_stacks_with_dropout_between_them(kind: str, layers: int, embedding: int, rate: float) -> None:
    check(ModelConfig(13, hidden=10, layers=layers, embedding=embedding, dropout=rate, **KINDS[kind]), 7, 5, 0.3)


sizes = {
    "V": st.integers(2, 120), "H": st.integers(1, 70), "layers": st.integers(1, 3), "embedding": st.integers(0, 40),
    "rate": st.sampled_from([0.0, 0.3]), "T": st.integers(1, 16), "B": st.integers(1, 40),
    "masked": st.sampled_from([0.0, 0.5]),
}  # fmt: skip


def check_any(kind: str, size: dict[str, Any]) -> None:
    shape = {name: size[name] for name in ("layers", "embedding")}
    config = ModelConfig(size["V"], hidden=size["H"], dropout=size["rate"], **shape, **KINDS[kind])
    check(config, size["T"], size["B"], size["masked"])


@settings(deadline=None, max_examples=25)
@given(kind=st.sampled_from(["rnn tanh", "gru", "lstm"]), size=st.fixed_dictionaries(sizes))
def test_any_size(kind: str, size: dict[str, Any]) -> None:
    check_any(kind, size)


@settings(deadline=None, max_examples=15, derandomize=True)  # where z is close to 0, its sign may differ in float32
@given(size=st.fixed_dictionaries(sizes))
def test_any_size_of_relu(size: dict[str, Any]) -> None:
    check_any("rnn relu", size)


@pytest.mark.parametrize("label", CELLS)
def test_nan_stays_in_its_row_of_the_batch_and_goes_through_all_of_its_future(label: str) -> None:
    net, work, _ = made(CELLS[label], 6, 10)
    work.state()["0.h"][3] = np.nan
    tokens, targets = drawn(13, 6, 10)
    bad = np.isnan(net.losses_and_gradient(tokens, targets, work))
    assert bad[:, 3].all()
    assert np.delete(bad, 3, axis=1).sum() == 0
    assert np.isnan(net.gradient["layers.0.W_hh"]).all(), "the weights' gradient sums over rows"
    work.carry()
    for name, view in work.state().items():
        assert np.isnan(view[3]).all(), name
        assert np.isfinite(np.delete(view, 3, axis=0)).all(), name


@pytest.mark.parametrize("label", CELLS)
def test_what_is_carried_is_the_last_state_every_time(label: str) -> None:
    work, draw = recurrent.CELLS[CELLS[label].family].workspace(3, 2, 4), np.random.default_rng(0)
    for _ in range(2):
        for state in (work.h, work.c):
            state[:] = draw.standard_normal(state.shape)
        np.testing.assert_array_equal(work.last_h, work.h[3])
        work.carry()
        for state in (work.h, work.c):
            np.testing.assert_array_equal(state[:1], state[3:])


@pytest.mark.parametrize("label", [label for label in CELLS if "relu" not in label])
def test_saturated_gates_stay_finite(label: str) -> None:
    net, work, _ = made(CELLS[label], 8, 3)
    net.parameters.flat *= np.float32(1e4)
    net.pack()
    for view in work.state().values():
        view[:] = np.clip(view, -1, 1)
    tokens, targets = drawn(13, 8, 3)
    assert np.isfinite(net.losses_and_gradient(tokens, targets, work)).all()
    for name, gradient in net.gradient.items():
        assert np.isfinite(gradient).all(), name
    work.carry()
    for name, view in work.state().items():
        assert np.isfinite(view).all(), name
        assert name.endswith(".c") or np.abs(view).max() <= 1, name


def test_relu_has_no_bound_and_a_dead_unit_no_gradient() -> None:
    config = ModelConfig(13, "rnn", hidden=9, embedding=4, activation="relu")
    net, work, _ = made(config, 8, 3)
    net.parameters["layers.0.b"][:] = 50
    net.parameters["layers.0.b"][4] = -1e4
    net.pack()
    net.losses_and_gradient(*drawn(13, 8, 3), work)
    work.carry()
    h = work.state()["0.h"]
    assert h.max() > 1
    assert not h[:, 4].any()
    assert net.gradient["layers.0.b"][4] == 0
    assert not net.gradient["layers.0.W_xh"][:, 4].any()
    assert not net.gradient["layers.0.W_hh"][:, 4].any()


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_are_pytorch_s_but_for_the_lstm_s_forget_bias(kind: str) -> None:
    """Uniform in +-1/sqrt(H); where PyTorch adds two biases, the sum of two such draws."""
    H, config = 64, ModelConfig(300, hidden=64, layers=2, embedding=100, **KINDS[kind])
    p = initial(config, 3)
    assert p.flat.tobytes() == initial(config, 3).flat.tobytes()
    assert p.flat.tobytes() != initial(config, 4).flat.tobytes()
    assert abs(p["embedding.E"].std() - 1) < 0.02
    one, two = 1 / 8 / math.sqrt(3), math.sqrt(2 / 3) / 8  # deviations of one uniform draw and of a sum of two
    for name in ("layers.0.W_xh", "layers.0.W_hh", "layers.1.W_xh", "layers.1.W_hh", "head.W_hy", "head.b_y"):
        assert np.abs(p[name]).max() <= 1 / 8, name
        assert abs(p[name].std() - one) < 0.01, name
    for n in range(2):
        blocks = p[f"layers.{n}.b"].reshape(-1, H)
        for k, block in enumerate(blocks):
            if (kind, k) == ("lstm", 1):
                assert (block == 1).all()
            else:
                expected = one if (kind, k) == ("gru", 2) else two
                assert abs(block.std() - expected) < 0.025, f"block {k} of layer {n}"
                assert np.abs(block).max() <= (1 if expected == one else 2) / 8
        if kind == "gru":
            b_hn = p[f"layers.{n}.b_hn"]
            assert abs(b_hn.std() - one) < 0.02
            assert np.abs(b_hn).max() <= 1 / 8
