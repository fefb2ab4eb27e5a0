"""The whole model matches the float64 twin: one to four layers, embedded and one-hot inputs, dropout, carried state."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import ModelConfig
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.model import initial, shapes
from seqcore.models.recurrent import RecurrentModel
from seqcore.models.recurrent import RecurrentWorkspace as Workspace
from seqcore.optimizer import AdamW
from seqcore.records import I32

from tests.core import twin
from tests.core.compare import assert_close, normal, threads

pytestmark = pytest.mark.usefixtures("kernels")

SEED, STEP = 11, 4  # dropout key


def made(config: ModelConfig, T: int, B: int, seed: int = 0) -> tuple[RecurrentModel, Workspace]:
    """A model with random weights and NaN gradients, and a workspace with a random initial state."""
    net = RecurrentModel(config, initial(config, seed))
    net.gradient.flat[:] = np.nan
    net.pack()
    work, draw = Workspace.of(config, T, B), np.random.default_rng(seed)
    for layer in work.layers:
        layer.h[0], layer.c[0] = normal(draw, B, config.hidden) * np.float32(0.5), normal(draw, B, config.hidden)
    return net, work


def drawn(V: int, T: int, B: int, masked: float = 0.0, seed: int = 0) -> tuple[I32, I32]:
    """Tokens and targets (T, B); about the share `masked` of the targets is -1."""
    draw = np.random.default_rng(seed)
    tokens, targets = (draw.integers(0, V, (T, B)).astype(np.int32) for _ in range(2))
    targets[draw.random((T, B)) < masked] = -1
    return tokens, targets


def mask(config: ModelConfig, T: int, B: int, layer: int) -> twin.F64:
    """Dropout mask (T, B, H) of a layer's output, obtained by applying the kernel to an array of ones."""
    kept = np.ones((T * B, config.hidden), np.float32)
    if config.dropout:
        dropout(kept, kept, config.hidden, config.dropout, dropout_key(SEED, STEP, layer))
    return kept.astype(np.float64).reshape(T, B, config.hidden)


def check(config: ModelConfig, T: int, B: int, masked: float) -> None:
    """Compare every loss, gradient and state of one step with the twin."""
    net, work = made(config, T, B)
    tokens, targets = drawn(config.vocabulary_size, T, B, masked)
    p = twin.doubles(dict(net.parameters.items()))
    states = [(layer.h[0].astype(np.float64), layer.c[0].astype(np.float64)) for layer in work.layers]
    kept = [mask(config, T, B, n) for n in range(config.layers)]
    done = twin.model(p, tokens, targets, states, kept)
    grads, dstates = twin.model_backward(p, done, tokens, targets, kept)

    losses = net.losses_and_gradient(tokens, targets, work, SEED, STEP)
    assert_close(losses, done.losses, 1e-5, "losses")
    assert {name for name, _ in net.gradient.items()} == grads.keys()
    for name, gradient in net.gradient.items():
        assert_close(gradient, grads[name], 5e-5, name)
    for n, (layer, trace, (_, dc0)) in enumerate(zip(work.layers, done.traces, dstates, strict=True)):
        assert_close(layer.h, trace.h, 1e-5, f"h of layer {n}")
        assert_close(layer.c, trace.c, 1e-5, f"c of layer {n}")
        terms = float(np.abs(layer.gates).max())  # the gradients that add up to dc_0, and may cancel
        assert_close(layer.direct[0], dc0, 5e-5, f"dc_0 of layer {n}", terms)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("embedding", [0, 6])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_losses_and_every_gradient(layers: int, embedding: int, rate: float) -> None:
    config = ModelConfig(13, hidden=10, layers=layers, embedding=embedding, dropout=rate)
    check(config, 7, 5, 0.3)
    check(config, 1, 1, 0.0)


@settings(deadline=None, max_examples=50)
@given(
    V=st.integers(2, 120), H=st.integers(1, 45), layers=st.integers(1, 3), embedding=st.integers(0, 40),
    rate=st.sampled_from([0.0, 0.3]), T=st.integers(1, 12), B=st.integers(1, 20),
    masked=st.sampled_from([0.0, 0.5, 1.0]),
)  # fmt: skip
def test_losses_and_every_gradient_at_any_size(
    V: int, H: int, layers: int, embedding: int, rate: float, T: int, B: int, masked: float
) -> None:
    check(ModelConfig(V, hidden=H, layers=layers, embedding=embedding, dropout=rate), T, B, masked)


@pytest.mark.parametrize("embedding", [0, 8])
def test_a_vocabulary_far_larger_than_the_batch(embedding: int) -> None:
    check(ModelConfig(2000, hidden=9, embedding=embedding), 3, 4, 0.0)


def test_without_targets_there_is_no_loss_and_no_gradient() -> None:
    net, work = made(ModelConfig(5, hidden=4, layers=2), 3, 2)
    tokens, targets = drawn(5, 3, 2, 1.0)
    assert np.isnan(net.losses_and_gradient(tokens, targets, work)).all()
    assert not net.gradient.flat.any()


def test_losses_alone_leave_dropout_out() -> None:
    config = ModelConfig(17, hidden=12, layers=2, embedding=5, dropout=0.5)
    net, work = made(config, 6, 3)
    tokens, targets = drawn(17, 6, 3, 0.2)
    states = [(layer.h[0].astype(np.float64), layer.c[0].astype(np.float64)) for layer in work.layers]
    ones = [np.ones((6, 3, 12))] * 2
    expected = twin.model(twin.doubles(dict(net.parameters.items())), tokens, targets, states, ones).losses
    assert_close(net.losses(tokens, targets, work), expected, 1e-5)
    forward = Workspace.of(config, 6, 3, backward=False)
    for here, there in zip(forward.layers, work.layers, strict=True):
        here.h[0], here.c[0] = there.h[0], there.c[0]
    assert net.losses(tokens, targets, forward).tobytes() == net.losses(tokens, targets, work).tobytes()


def test_two_halves_with_carried_state_are_one_sequence() -> None:
    config = ModelConfig(9, hidden=11, layers=3)
    net, whole = made(config, 12, 4)
    tokens, targets = drawn(9, 12, 4)
    expected = net.losses(tokens, targets, whole).copy()
    work = Workspace.of(config, 6, 4)
    for here, there in zip(work.layers, whole.layers, strict=True):
        here.h[0], here.c[0] = there.h[0], there.c[0]
    first = net.losses(tokens[:6], targets[:6], work).copy()
    work.carry()
    second = net.losses(tokens[6:], targets[6:], work)
    assert np.concatenate((first, second)).tobytes() == expected.tobytes()


def test_reset_starts_those_rows_from_nothing_and_leaves_the_others() -> None:
    _, work = made(ModelConfig(5, hidden=4, layers=2), 3, 6)
    before = [(layer.h[0].copy(), layer.c[0].copy()) for layer in work.layers]
    work.reset(slice(1, 3))
    for layer, (h, c) in zip(work.layers, before, strict=True):
        for now, was in ((layer.h[0], h), (layer.c[0], c)):
            assert not now[1:3].any()
            np.testing.assert_array_equal(np.delete(now, [1, 2], axis=0), np.delete(was, [1, 2], axis=0))
    work.reset()
    assert not any(layer.h[0].any() or layer.c[0].any() for layer in work.layers)


def train(count: int, config: ModelConfig, T: int, B: int) -> bytes:
    """Weights, moments, gradients and losses after five steps on `count` threads, as bytes."""
    net, work = made(config, T, B)
    optimizer, kept = AdamW(net.parameters.size, (0.9, 0.99)), b""
    with threads(count):
        for step in range(5):
            tokens, targets = drawn(config.vocabulary_size, T, B, 0.1, step)
            losses = net.losses_and_gradient(tokens, targets, work, SEED, step)
            scale = min(1.0, 0.5 / optimizer.norm(net.gradient.flat))
            optimizer.update(net.parameters.flat, net.gradient.flat, 0.01, scale, 0.1, net.parameters.decayed)
            net.pack()
            work.carry()
            kept += losses.tobytes() + net.gradient.flat.tobytes() + net.parameters.flat.tobytes()
    return kept + optimizer.m.tobytes() + optimizer.v.tobytes()


@pytest.mark.parametrize(
    ("config", "T", "B"),
    [
        (ModelConfig(41, hidden=37, layers=2, embedding=19, dropout=0.3), 13, 21),
        (ModelConfig(300, hidden=67, layers=1, embedding=0), 9, 33),
        (ModelConfig(7, hidden=5, layers=4, embedding=3, dropout=0.1), 1, 1),
    ],
)
def test_training_on_many_threads_has_the_bytes_of_one(config: ModelConfig, T: int, B: int) -> None:
    once = train(1, config, T, B)
    for count in (2, 2, 3, 5, 16):  # twice the same: whoever claims which item
        assert train(count, config, T, B) == once, f"{count} threads"


def test_another_step_draws_another_dropout_and_the_same_step_the_same() -> None:
    config = ModelConfig(7, hidden=20, dropout=0.5)
    tokens, targets = drawn(7, 5, 4)

    def gradient(seed: int, step: int) -> bytes:
        net, work = made(config, 5, 4)
        net.losses_and_gradient(tokens, targets, work, seed, step)
        return net.gradient.flat.tobytes()

    assert gradient(1, 2) == gradient(1, 2)
    assert len({gradient(1, 2), gradient(1, 3), gradient(2, 2)}) == 3


@pytest.mark.parametrize(
    "name", ["embedding.E", "layers.0.W_xh", "layers.1.W_hh", "layers.1.b", "head.W_hy", "head.b_y"]
)
def test_nan_in_any_parameter_shows_in_the_losses_and_in_the_norm(name: str) -> None:
    net, work = made(ModelConfig(6, hidden=5, layers=2, embedding=3), 4, 3)
    net.parameters[name].reshape(-1)[:] = np.nan
    net.pack()
    tokens, targets = drawn(6, 4, 3)
    assert np.isnan(net.losses_and_gradient(tokens, targets, work)).all()
    assert math.isnan(AdamW(net.gradient.size).norm(net.gradient.flat))


def test_matrices_come_first_and_every_parameter_has_its_place() -> None:
    config = ModelConfig(6, hidden=5, layers=2, embedding=3)
    parameters = initial(config, 0)
    matrices = sum(math.prod(shape) for shape in shapes(config).values() if len(shape) == 2)
    assert parameters.decayed == matrices
    assert parameters.size == matrices + 2 * 20 + 6
    marked = parameters.copy()
    for n, (name, view) in enumerate(marked.items()):
        assert view.shape == shapes(config)[name]
        view[:] = n
    assert (np.diff(marked.flat) >= 0).all(), "views neither overlap nor leave gaps"
    assert set(np.unique(marked.flat)) == set(range(len(shapes(config))))
    assert (marked.flat != parameters.flat).any(), "a copy has a buffer of its own"


def test_initial_weights_are_pytorch_s_but_for_a_forget_bias_of_one() -> None:
    config = ModelConfig(500, hidden=64, layers=2, embedding=100)
    p = initial(config, 3)
    assert p.flat.tobytes() == initial(config, 3).flat.tobytes()
    assert p.flat.tobytes() != initial(config, 4).flat.tobytes()
    assert abs(p["embedding.E"].std() - 1) < 0.02
    for name in ("layers.0.W_xh", "layers.1.W_hh", "head.W_hy", "head.b_y"):
        assert np.abs(p[name]).max() <= 1 / 8
        assert abs(p[name].std() - 1 / 8 / math.sqrt(3)) < 0.01
    for n in range(2):
        b = p[f"layers.{n}.b"]
        assert (b[64:128] == 1).all()
        assert np.abs(np.delete(b, np.s_[64:128])).max() <= 2 / 8
        assert abs(np.delete(b, np.s_[64:128]).std() - math.sqrt(2 / 3) / 8) < 0.02


@settings(max_examples=40)
@given(
    st.integers(2, 70), st.integers(1, 40), st.integers(1, 4), st.sampled_from([0.0, 0.5]), st.booleans(),
    st.integers(1, 9), st.integers(1, 9),
)  # fmt: skip
def test_the_workspace_takes_the_bytes_it_announces(
    V: int, H: int, layers: int, rate: float, backward: bool, T: int, B: int
) -> None:
    config = ModelConfig(V, hidden=H, layers=layers, dropout=rate)
    work = Workspace.of(config, T, B, backward)
    arrays = [work.stack.index, work.logits, work.losses, *work.stack.inputs, *work.stack.dropped]
    for layer in work.layers:
        arrays += [layer.gates, layer.c, layer.h, layer.dh, layer.direct]
    assert Workspace.bytes_needed(config, T, B, backward) == sum(array.nbytes for array in arrays)
