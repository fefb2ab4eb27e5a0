"""The feed-forward model matches its float64 twin: any window, any size, and no influence from outside the window."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.model import initial
from seqcore.serial import serial_model
from seqcore.tasks.language import TokenData
from seqcore.trainer import Trainer

from tests.core import twin_families
from tests.core.cases import FEEDFORWARD
from tests.core.compare import assert_close
from tests.core.families import check, drawn, made, named, parameters

pytestmark = pytest.mark.usefixtures("kernels")


def model(V: int = 13, **options: Any) -> ModelConfig:
    return ModelConfig(V, "feedforward", **({"hidden": 9, "embedding": 5, "context": 4} | options))


@pytest.mark.parametrize("T", [1, 2, 17])
@pytest.mark.parametrize("B", [1, 8, 33])
@pytest.mark.parametrize("context", [1, 2, 8, 20])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 9), (16, 64), (17, 31)])
def test_losses_and_every_gradient(T: int, B: int, context: int, sizes: tuple[int, int]) -> None:
    check(model(embedding=sizes[0], hidden=sizes[1], context=context), T, B)


@settings(deadline=None, max_examples=25)
@given(
    V=st.integers(2, 120), hidden=st.integers(1, 70), embedding=st.integers(1, 40), context=st.integers(1, 12),
    dropout=st.sampled_from([0.0, 0.3]), T=st.integers(1, 12), B=st.integers(1, 20),
    masked=st.sampled_from([0.0, 0.5]),
)  # fmt: skip
def test_any_size(V: int, T: int, B: int, masked: float, **options: Any) -> None:
    check(model(V, **options), T, B, masked)


def test_only_the_window_is_seen() -> None:
    config = model(context=3)
    serial, tokens = serial_model(config, parameters(config)), np.arange(8, dtype=np.int32)
    logits = serial.look(tokens).logits
    other = tokens.copy()
    other[2] = 12
    changed = (serial.look(other).logits != logits).any(axis=1)
    assert changed.tolist() == [False, False, True, True, True, False, False, False]
    reach = serial.look(tokens).reach(np.ones((8, 13), np.float32))[1]
    for t in range(1, 8):
        seen = np.arange(t) >= t - 3
        assert (reach[t, :t][seen] > 0).all()
        assert not reach[t, :t][~seen].any()


def test_nothing_before_has_a_row_of_its_own_that_is_learned() -> None:
    config = model(context=4)
    net, work, _ = made(config, 6, 3)
    tokens, targets = drawn(13, 6, 3)
    work.reset()
    net.losses_and_gradient(tokens, targets, work)
    assert net.gradient["embedding.E"][13].any()
    work.carry()
    assert not (work.state()["context"] == 13).any()
    net.losses_and_gradient(tokens, targets, work)
    assert not net.gradient["embedding.E"][13].any()


@pytest.mark.parametrize("label", FEEDFORWARD)
def test_the_stave_is_the_hidden_layer(label: str) -> None:
    config = FEEDFORWARD[label]
    given_, tokens = parameters(config), drawn(13, 7, 1)[0]
    look = serial_model(config, given_).look(tokens[:, 0].copy())
    (stave,) = look.staves
    assert (stave.name, stave.layer, stave.signed, stave.limit) == ("h", 0, True, 1)
    assert_close(stave.values, twin_families.forward(config, named(given_), tokens, tokens).h[:, 0], 1e-5)
    assert look.attention is None


def test_nan_stays_in_its_row_of_the_batch() -> None:
    config = model()
    net, work, _ = made(config, 6, 10)
    net.parameters["embedding.E"][12] = np.nan
    net.pack()
    tokens, targets = drawn(12, 6, 10)
    work.reset()
    tokens[2, 3] = 12
    bad = np.isnan(net.losses_and_gradient(tokens, targets, work))
    assert bad[2:6, 3].all(), "the window is 4 tokens long"
    bad[2:6, 3] = False
    assert not bad.any()


def test_saturated_units_stay_finite() -> None:
    net, work, _ = made(model(), 8, 3)
    net.parameters.flat *= np.float32(1e4)
    net.pack()
    assert np.isfinite(net.losses_and_gradient(*drawn(13, 8, 3), work)).all()
    for name, gradient in net.gradient.items():
        assert np.isfinite(gradient).all(), name


def test_initial_weights_are_pytorch_s() -> None:
    config = model(300, hidden=64, embedding=25, context=4)
    p = initial(config, 3)
    assert p.flat.tobytes() == initial(config, 3).flat.tobytes()
    assert p.flat.tobytes() != initial(config, 4).flat.tobytes()
    assert abs(p["embedding.E"].std() - 1) < 0.03
    for name, inputs in (("layers.0.W_xh", 100), ("layers.0.b", 100), ("head.W_hy", 64), ("head.b_y", 64)):
        assert np.abs(p[name]).max() <= 1 / math.sqrt(inputs), name
        assert p[name].std() == pytest.approx(1 / math.sqrt(3 * inputs), rel=0.25 if p[name].ndim == 1 else 0.03)


def test_validation_sees_the_whole_window_however_wide() -> None:
    """The held-out part is evaluated in parallel pieces, each of which must be preceded by a full window of tokens."""
    config = ModelConfig(11, family="feedforward", hidden=8, embedding=4, context=300)
    p = parameters(config)
    text = np.random.default_rng(0).integers(0, 11, 2600).astype(np.int32)
    trainer = Trainer(config, TrainingConfig(batch=1, length=4), TokenData(text, text), p)
    scores = serial_model(config, p).look(text[:-1]).logits.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    assert trainer.validate()["loss"] == pytest.approx(-scores[np.arange(text.size - 1), text[1:]].mean(), rel=1e-5)
