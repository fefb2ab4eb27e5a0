"""The encoder-decoder on one thread says the same as the one that trains, one symbol at a time and all together."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.model import build, workspace
from seqcore.models.pairs_serial import SerialPairs
from seqcore.serial import serial_model

from tests.core import twin_pairs
from tests.core.test_pairs import CONFIGS, said, weighted

SOURCE, ANSWER, V, K = np.array([3, 1, 4, 1, 5], np.int32), np.array([2, 7, 1, 8], np.int32), 11, 9


def score(answer: Any = ANSWER) -> Any:
    """The source, then what the decoder reads: the end symbol and the answer."""
    return np.concatenate([SOURCE, [V + K - 1], V + answer]).astype(np.int32)


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_it_says_what_the_training_model_says(config: ModelConfig) -> None:
    parameters = weighted(config)
    model, inputs = build(config, parameters), score()[:, None]
    targets = np.full_like(inputs, -1)
    targets[len(SOURCE) :, 0] = [*ANSWER, K - 1]
    work = workspace(config, *inputs.shape)
    model.pack()
    losses = model.losses(inputs, targets, work)[len(SOURCE) :, 0]
    look = serial_model(config, parameters).look(score())
    logits = look.logits[len(SOURCE) :].astype(np.float64)
    shares = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    np.testing.assert_allclose(shares - logits[np.arange(5), targets[5:, 0]], losses, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_reading_symbol_by_symbol_is_looking_at_all(config: ModelConfig) -> None:
    model = SerialPairs(config, weighted(config))
    look, state = model.look(score()), model.begin(SOURCE)
    for at, symbol in enumerate([K - 1, *ANSWER.tolist()]):
        copy = model.fork(state)
        logits = model.read(symbol, state).copy()
        np.testing.assert_allclose(logits, look.logits[len(SOURCE) + at], rtol=1e-4, atol=1e-5)
        if look.attention is not None:
            np.testing.assert_allclose(state.weights, look.attention[0, 0, 5 + at, :5], rtol=1e-4, atol=1e-6)
            assert state.weights.sum() == pytest.approx(1, abs=1e-5)
        assert np.array_equal(model.read(symbol, copy), logits)


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_reach_is_the_gradient_of_each_loss(config: ModelConfig) -> None:
    parameters = weighted(config)
    look = serial_model(config, parameters).look(score())
    T, S = len(score()), len(SOURCE)
    symbols = [*ANSWER.tolist(), K - 1]
    logits = look.logits[S:].astype(np.float64)
    probability = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    dlogits = np.zeros((T + 1, K), np.float32)
    dlogits[S + 1 :] = probability
    dlogits[np.arange(S + 1, T + 1), symbols] -= 1
    hidden, inputs = look.reach(dlogits)
    assert hidden.shape == (config.layers, T + 1, T + 1)
    assert np.isnan(inputs[: S + 1]).all()
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    expected = embedded_gradients(p, config, symbols)
    for t in range(S + 1, T + 1):
        assert np.isnan(inputs[t, t:]).all()
        np.testing.assert_allclose(inputs[t, :t], expected[t - S - 1, :t], rtol=2e-3, atol=2e-6)
        assert (hidden[:, t, :t] > 0).all()


def embedded_gradients(p: Any, config: ModelConfig, symbols: list[int]) -> Any:
    """|d loss_t / d x_s| by the twin, for every loss: its model with an embedding of its own for every timestep."""
    S, U = len(SOURCE), len(symbols)
    one_hot = config.embedding == 0
    wide = ModelConfig(
        S, family=config.family, hidden=config.hidden, layers=config.layers, outputs=K, decodes=True,
        embedding=config.embedding or V, cross_attention=config.cross_attention, bidirectional=config.bidirectional,
        activation=config.activation, input_feeding=config.input_feeding,
    )  # fmt: skip
    found = np.zeros((U, S + U))
    read = [K - 1, *ANSWER.tolist()]
    E = np.eye(V) if one_hot else p["embedding.E"]
    E_decoder = np.eye(K) if one_hot else p["decoder.embedding.E"]
    if one_hot:
        pytest.skip("the twin has one width for both embeddings")
    for t in range(U):
        after = np.zeros((K, E.shape[1]))
        after[:U] = E_decoder[read]
        own = dict(p) | {"embedding.E": E[SOURCE], "decoder.embedding.E": after}
        own = {name: own[name] for name in twin_pairs.shapes(wide)}
        inputs = np.concatenate([np.arange(S), np.arange(U)])[:, None]
        targets = np.full((S + U, 1), -1)
        targets[S:, 0] = symbols
        done = twin_pairs.model(own, wide, inputs, targets)
        logits = done.logits[S:, 0]
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        dlogits = np.zeros_like(done.logits)
        dlogits[S + t, 0] = share[t]
        dlogits[S + t, 0, symbols[t]] -= 1
        grads = twin_pairs.model_backward(own, wide, done, dlogits)
        found[t, :S] = np.linalg.norm(grads["embedding.E"], axis=1)
        found[t, S:] = np.linalg.norm(grads["decoder.embedding.E"][:U], axis=1)
    return found


def test_staves_cross_the_bar() -> None:
    config = CONFIGS[-6]
    model = SerialPairs(config, weighted(config))
    look = model.look(score())
    for stave in look.staves:
        assert stave.values.shape == (len(score()), config.hidden)
    back = [stave for stave in look.staves if stave.name.endswith("←")]
    assert bool(back) == config.bidirectional
    for stave in back:
        assert np.isnan(stave.values[len(SOURCE) :]).all()
        assert np.isfinite(stave.values[: len(SOURCE)]).all()


def test_an_empty_source_is_read() -> None:
    for config in CONFIGS[::7]:
        model = SerialPairs(config, weighted(config))
        assert np.isfinite(model.read(0, model.initial_state())).all()


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_the_states_handed_over_are_those_before_the_decoders_first_symbol(config: ModelConfig) -> None:
    model = SerialPairs(config, weighted(config))
    state, handed = model.begin(SOURCE), model.look(score()).handed
    expected = [(name, n, values) for n, work in enumerate(state.layers) for name, values in work.state().items()]
    assert [(stave.name, stave.layer) for stave in handed] == [(name, n) for name, n, _ in expected]
    for stave, (_, _, values) in zip(handed, expected, strict=True):
        assert stave.values.shape == (1, config.hidden)
        assert stave.values.any()
        np.testing.assert_array_equal(stave.values, values)
