"""The transformer matches its float64 twin: every option, any size, serial reading and the probe's look."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import ModelConfig
from seqcore.model import build, initial, shapes, workspace
from seqcore.serial import serial_model

from tests.core import twin_attention, twin_families
from tests.core.cases import ATTENTION
from tests.core.compare import assert_close
from tests.core.families import check, drawn, made, named, parameters

pytestmark = pytest.mark.usefixtures("kernels")

POSITIONS = ("learned", "sinusoidal", "rotary")


def model(V: int = 13, **options: Any) -> ModelConfig:
    return ModelConfig(V, "attention", **({"hidden": 12, "heads": 2, "context": 20} | options))


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("layers", [1, 3])
def test_every_option(positions: str, bias: bool, tied: bool, rate: float, layers: int) -> None:
    config = model(positions=positions, bias=bias, tied=tied, dropout=rate, layers=layers)
    check(config, 7, 5, 0.3)
    check(config, 20, 2)  # the full context


@pytest.mark.parametrize("T", [1, 2, 17, 33])
@pytest.mark.parametrize("B", [1, 3, 8])
@pytest.mark.parametrize(("hidden", "heads"), [(2, 1), (6, 3), (8, 1), (20, 2), (33, 3), (64, 4)])
def test_losses_and_every_gradient(T: int, B: int, hidden: int, heads: int) -> None:
    for positions in POSITIONS if hidden // heads % 2 == 0 else ("learned",):
        check(model(hidden=hidden, heads=heads, context=33, positions=positions, bias=True), T, B)


@st.composite
def any_model(draw: st.DrawFn) -> tuple[ModelConfig, int, int, float]:
    # Normalising two numbers gives 1 and -1 up to eps: where dropout leaves only their mean over time, they cancel and
    # the float32 result is rounding error. A width of 2 is tested above, without dropout.
    heads = draw(st.integers(1, 5))
    pairs = draw(st.integers(2 if heads == 1 else 1, 9))
    context = draw(st.integers(1, 40))
    options = {name: draw(st.booleans()) for name in ("bias", "tied")}
    config = model(
        draw(st.integers(2, 120)), heads=heads, hidden=2 * heads * pairs, context=context,
        layers=draw(st.integers(1, 2)), positions=draw(st.sampled_from(POSITIONS)),
        dropout=draw(st.sampled_from([0.0, 0.3])), **options,
    )  # fmt: skip
    return config, draw(st.integers(1, context)), draw(st.integers(1, 12)), draw(st.sampled_from([0.0, 0.5]))


@settings(deadline=None, max_examples=30)
@given(any_model())
def test_any_size(given_: tuple[ModelConfig, int, int, float]) -> None:
    check(*given_)


@pytest.mark.parametrize("positions", POSITIONS)
def test_the_narrowest_heads(positions: str) -> None:
    check(model(hidden=10, heads=10 if positions == "learned" else 5, positions=positions), 6, 3)


def test_a_stream_of_one_unit_says_nothing_and_stays_finite() -> None:
    """A single number minus its mean is 0, so every token is equally likely."""
    net, work, _ = made(model(hidden=1, heads=1), 6, 3)
    losses = net.losses_and_gradient(*drawn(13, 6, 3), work)
    np.testing.assert_allclose(losses, math.log(13), rtol=1e-6)
    assert np.isfinite(net.gradient.flat).all()


@pytest.mark.parametrize("label", ATTENTION)
def test_the_weights_of_every_head_are_seen(label: str) -> None:
    config, T = ATTENTION[label], 9
    given_, tokens = parameters(config), drawn(13, T, 1)[0]
    seen = serial_model(config, given_).look(tokens[:, 0].copy()).attention
    assert seen is not None
    assert seen.shape == (config.layers, config.heads, T, T)
    truth = twin_families.forward(config, named(given_), tokens, tokens)
    later = np.triu(np.ones((T, T), bool), 1)
    assert np.isnan(seen[:, :, later]).all()
    np.testing.assert_allclose(np.nansum(seen, axis=3), 1, rtol=1e-5)
    for n, block in enumerate(truth.blocks):
        A = np.moveaxis(block.attended.A[:, 0], 0, 1)  # (heads, T, T)
        np.testing.assert_allclose(seen[n][:, ~later], A[:, ~later], rtol=1e-4, atol=2e-6)
    assert (seen[:, :, 0, 0] == 1).all(), "the first place has nothing but itself"


@pytest.mark.parametrize("label", ATTENTION)
def test_staves_are_norms_of_q_k_v_and_of_the_stream(label: str) -> None:
    config, T = ATTENTION[label], 9
    given_, tokens = parameters(config), drawn(13, T, 1)[0]
    staves = serial_model(config, given_).look(tokens[:, 0].copy()).staves
    wanted = {(name, n) for name in ("q", "k", "v", "stream") for n in range(config.layers)}
    assert {(stave.name, stave.layer) for stave in staves} == wanted
    assert len(staves) == len(wanted)
    truth = twin_families.forward(config, named(given_), tokens, tokens)
    stream = np.stack([truth.inputs, *(block.out for block in truth.blocks)], axis=-1)[:, 0]  # (T, C, layers + 1)
    for stave in staves:
        assert (stave.signed, stave.gate, stave.limit) == (False, False, math.inf)
        if stave.name == "stream":
            assert_close(stave.values, np.linalg.norm(stream, axis=1), 1e-5, "stream")
        else:
            vectors = getattr(truth.blocks[stave.layer].attended, stave.name)[:, 0]  # (T, heads, d)
            assert_close(stave.values, np.linalg.norm(vectors, axis=2), 1e-5, f"{stave.name} of layer {stave.layer}")


@pytest.mark.parametrize("label", ATTENTION)
def test_nothing_is_seen_of_what_comes_later(label: str) -> None:
    config, T = ATTENTION[label], 9
    net, work, _ = made(config, T, 2)
    serial, tokens = serial_model(config, net.parameters), drawn(13, T, 2)[0]
    targets = np.ones_like(tokens)
    losses, logits = net.losses(tokens, targets, work).copy(), serial.look(tokens[:, 0].copy()).logits.copy()
    other = tokens.copy()
    other[6] = (other[6] + 1) % 13
    changed = net.losses(other, targets, work) != losses
    assert not changed[:6].any()
    assert changed[6:].all()
    changed = (serial.look(other[:, 0].copy()).logits != logits).any(axis=1)
    assert changed.tolist() == [False] * 6 + [True] * 3


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_long_context_leaves_short_batches_as_they_are(positions: str) -> None:
    """With the same weights and a longer context, unused positions do not matter."""
    short, long = (model(positions=positions, context=context) for context in (6, 50))
    tokens, targets = drawn(13, 6, 3)
    found = []
    for config in (short, long):
        given_ = initial(config, 1)
        for name, values in twin_families.weights(short, 1).items():
            given_[name][: len(values)] = values
        net = build(config, given_)
        net.pack()
        work = workspace(config, 6, 3)
        losses = net.losses_and_gradient(tokens, targets, work)
        parts = [net.gradient[name][: len(view)].tobytes() for name, view in parameters(short).items()]
        found.append((losses.tobytes(), parts))
        if positions == "learned":
            assert not net.gradient["embedding.P"][6:].any(), "places that were not reached"
    assert found[0] == found[1]


def test_order_counts_through_positions_alone() -> None:
    """Two texts whose earlier tokens are swapped differ at the last position, with every kind of position encoding."""
    for positions in POSITIONS:
        config = model(positions=positions)
        serial = serial_model(config, parameters(config))
        one, two = (serial.look(np.array(text, np.int32)).logits[-1].copy() for text in ([1, 2, 3], [2, 1, 3]))
        assert np.abs(one - two).max() > 1e-3


def test_nan_stays_in_its_row_of_the_batch_and_goes_through_all_of_its_future() -> None:
    config = model(tied=False, layers=2)
    net, work, _ = made(config, 6, 10)
    net.parameters["embedding.E"][12] = np.nan
    net.pack()
    tokens, targets = drawn(12, 6, 10)
    tokens[2, 3] = 12
    bad = np.isnan(net.losses_and_gradient(tokens, targets, work))
    assert bad[2:, 3].all()
    assert not np.delete(bad, 3, axis=1).any()
    assert np.isnan(net.gradient["layers.0.W_qkv"]).all(), "the weights' gradient sums over rows"


@pytest.mark.parametrize("positions", POSITIONS)
def test_saturated_attention_stays_finite(positions: str) -> None:
    """With scores in the millions all weight is on one position, and nothing overflows."""
    config = model(positions=positions, layers=2, bias=True)
    net, work, _ = made(config, 8, 3)
    for n in range(2):
        net.parameters[f"layers.{n}.W_qkv"][:] *= 1e4
        net.parameters[f"layers.{n}.W_fc"][:] *= 1e4
    net.pack()
    assert np.isfinite(net.losses_and_gradient(*drawn(13, 8, 3), work)).all()
    for name, gradient in net.gradient.items():
        assert np.isfinite(gradient).all(), name
    seen = serial_model(config, net.parameters).look(drawn(13, 8, 1)[0][:, 0].copy()).attention
    assert seen is not None
    np.testing.assert_allclose(np.nansum(seen, axis=3), 1, rtol=1e-5)


@pytest.mark.parametrize("factor", [10, 30, 100])
@pytest.mark.parametrize("positions", POSITIONS)
def test_gradients_stay_right_when_attention_is_sharp(positions: str, factor: int) -> None:
    """Scores in the thousands leave no spare digits: the backward pass must use exactly the forward pass's weights.

    Two nearly equal scores differ only in their last digits, and where one weight is almost 1, the gradient is a
    difference of nearly equal numbers times large keys: hence `terms`. (With a factor of 1000 and scores in the
    millions, no accuracy would be left.)
    """
    config = model(positions=positions, layers=2)
    net, work, _ = made(config, 8, 3)
    net.parameters["layers.0.W_qkv"][:] *= factor
    net.pack()
    tokens, targets = drawn(13, 8, 3)
    losses = net.losses_and_gradient(tokens, targets, work)
    truth = twin_families.step(config, named(net.parameters), tokens, targets)
    assert_close(losses, truth.losses, 2e-5)
    for name, expected in truth.gradients.parameters.items():
        assert_close(net.gradient[name], expected, 2e-3, name, terms=0.05)


def test_a_stream_without_any_spread_is_normalised_to_nothing() -> None:
    """All units equal: the deviation is 0, and eps prevents a division by zero."""
    config = model(positions="rotary", tied=False)
    net, work, _ = made(config, 4, 2)
    net.parameters["embedding.E"][:] = 3
    net.pack()
    assert np.isfinite(net.losses_and_gradient(*drawn(13, 4, 2), work)).all()
    assert np.isfinite(net.gradient.flat).all()


@pytest.mark.parametrize(("positions", "bias", "tied"), list(product(POSITIONS, [False, True], [False, True])))
def test_initial_weights_are_nanogpt_s(positions: str, bias: bool, tied: bool) -> None:
    config = model(200, hidden=64, heads=4, layers=3, context=50, positions=positions, bias=bias, tied=tied)
    p = initial(config, 3)
    assert p.flat.tobytes() == initial(config, 3).flat.tobytes()
    assert p.flat.tobytes() != initial(config, 4).flat.tobytes()
    for name, view in p.items():
        if name.endswith(".g"):
            assert (view == 1).all(), name
        elif view.ndim == 1:
            assert not view.any(), name
        else:
            narrow = name.endswith(("W_o", "W_proj"))
            assert view.std() == pytest.approx(0.02 / math.sqrt(6) if narrow else 0.02, rel=0.05), name
            assert np.abs(view).max() > 2.9 * view.std(), "normal, not uniform"


def test_the_cpu_recipe_of_nanogpt_has_its_parameters_and_its_groups() -> None:
    """4 layers, 4 heads, width 128, context 64, no bias, tied: 0.80 M parameters except positions; matrices decay."""
    config = ModelConfig(65, "attention", hidden=128, layers=4, heads=4, context=64)
    p = initial(config, 0)
    assert p.size - 64 * 128 == 795_904
    assert p.decayed == p.size - 9 * 128  # all but the norms' gains
    assert config.bias is False
    assert config.tied is True
    assert shapes(config)["embedding.P"] == (64, 128)


@pytest.mark.parametrize("label", ATTENTION)
def test_generation_goes_on_beyond_the_context(label: str) -> None:
    """Past the context, logits are those of a suffix of the text read alone; within it, those of the whole text."""
    config = ATTENTION[label]
    given_, text = parameters(config), drawn(13, 3 * config.context + 2, 1)[0]
    serial, p = serial_model(config, given_), named(given_)
    state, least = serial.initial_state(), config.context
    for count, token in enumerate(text[:, 0], start=1):
        logits = serial.read(int(token), state).copy()
        known = [
            length
            for length in range(1, min(count, config.context) + 1)
            if same(config, p, text[:count], length, logits)
        ]
        assert known, f"after {count} tokens"
        if count <= config.context:
            assert known[-1] == count
        else:
            least = min(least, known[-1])
    assert least >= config.context // 2, "most of the context is kept"
    assert serial.longest == config.context


def same(config: ModelConfig, p: Any, text: Any, length: int, logits: Any) -> bool:
    """Whether `logits` are the twin's logits after only the last `length` tokens of the text."""
    tokens = text[-length:]
    truth = twin_attention.model(p, tokens, tokens, twin_families.no_dropout(config, length, 1), config).logits[-1, 0]
    return bool(np.abs(logits - truth).max() <= 1e-4 * np.abs(truth).max())
