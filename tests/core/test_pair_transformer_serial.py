"""The transformer for pairs on one thread says what the one that trains says, symbol by symbol and all together."""

import itertools
from typing import Any

import numpy as np
import pytest
from seqcore.beam import decoded
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.model import build, workspace
from seqcore.models.pair_transformer_serial import SerialPairTransformer
from seqcore.serial import SerialEncoderDecoder, serial_model

from tests.core import twin_pair_transformer
from tests.core.test_pair_transformer import CONFIGS, K, V, config_of, said, weighted
from tests.core.twin import Named
from tests.core.twin_pair_transformer import Pair

pytestmark = pytest.mark.usefixtures("kernels")

SOURCE, ANSWER = np.array([3, 1, 4, 1, 5], np.int32), np.array([2, 7, 1, 8], np.int32)
S, U, END = len(SOURCE), len(ANSWER) + 1, K - 1
READ, WRITTEN = np.array([END, *ANSWER], np.int32), [*ANSWER.tolist(), END]
SCORE = np.concatenate([SOURCE, V + READ]).astype(np.int32)


def twin_of(config: ModelConfig) -> tuple[Named, Pair]:
    """The twin's parameters and its pass over the pair."""
    p = {name: view.astype(np.float64) for name, view in weighted(config).items()}
    return p, twin_pair_transformer.pair(p, config, SOURCE, READ)


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_it_says_what_the_training_model_says(config: ModelConfig) -> None:
    parameters, inputs = weighted(config), SCORE[:, None]
    targets = np.full_like(inputs, -1)
    targets[S:, 0] = WRITTEN
    model, work = build(config, parameters), workspace(config, *inputs.shape)
    model.pack()
    losses = model.losses(inputs, targets, work)[S:, 0]
    look = serial_model(config, parameters).look(SCORE)
    logits = look.logits[S:].astype(np.float64)
    shares = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    np.testing.assert_allclose(shares - logits[np.arange(U), WRITTEN], losses, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(logits, twin_of(config)[1].logits, rtol=2e-4, atol=2e-4)
    assert not look.logits[:S].any()


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_reading_symbol_by_symbol_is_looking_at_all(config: ModelConfig) -> None:
    model = SerialPairTransformer(config, weighted(config))
    assert isinstance(model, SerialEncoderDecoder)
    look, state = model.look(SCORE), model.begin(SOURCE)
    assert look.attention is not None
    for at, symbol in enumerate(READ.tolist()):
        copy = model.fork(state)
        logits = model.read(symbol, state).copy()
        np.testing.assert_allclose(logits, look.logits[S + at], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            state.weights, look.attention[:, :, S + at, :S].mean(axis=(0, 1)), rtol=1e-4, atol=1e-6
        )
        assert state.weights.sum() == pytest.approx(1, abs=1e-5)
        assert np.array_equal(model.read(symbol, copy), logits)
        model.read(0, copy)  # another symbol, which the state that was copied does not see


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_attention_is_the_twin_s_in_its_place(config: ModelConfig) -> None:
    attention, done = serial_model(config, weighted(config)).look(SCORE).attention, twin_of(config)[1]
    assert attention is not None
    assert attention.shape == (config.layers, config.heads, S + U, S + U)
    expected = np.full(attention.shape, np.nan)
    for n in range(config.layers):
        (own, _), (before, over, _) = done.encoder[n], done.decoder[n]
        assert own.attended is not None
        assert before.attended is not None
        assert over.attended is not None
        expected[n, :, :S, :S], expected[n, :, S:, :S] = own.attended.A, over.attended.A
        expected[n, :, S:, S:] = np.where(np.tri(U, dtype=bool), before.attended.A, np.nan)
    np.testing.assert_allclose(attention, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_reach_is_the_gradient_of_each_loss(config: ModelConfig) -> None:
    look, (p, done) = serial_model(config, weighted(config)).look(SCORE), twin_of(config)
    T = S + U
    probability = np.exp(done.logits - done.logits.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    probability[np.arange(U), WRITTEN] -= 1
    dlogits = np.zeros((T + 1, K), np.float32)
    dlogits[S + 1 :] = probability
    hidden, inputs = look.reach(dlogits)
    assert hidden.shape == (config.layers, T + 1, T + 1)
    assert np.isnan(inputs[: S + 1]).all()
    for u in range(U):
        only = np.where(np.arange(U)[:, None] == u, probability, 0)
        _, dsource, dtarget = twin_pair_transformer.pair_backward(p, config, done, only)
        t = S + u + 1
        assert np.isnan(inputs[t, t:]).all()
        expected = np.linalg.norm(np.concatenate([dsource, dtarget[: u + 1]]), axis=1)
        np.testing.assert_allclose(inputs[t, :t], expected, rtol=5e-3, atol=1e-4 * expected.max())
        assert np.isfinite(hidden[:, t, :t]).all()
        assert not hidden[-1, t, S : t - 1].any(), "above the last block, a loss meets its own timestep only"
        assert (hidden[-1, t, :S] > 0).all()
        assert np.isnan(hidden[:, t, t:]).all()


def test_staves_cross_the_bar() -> None:
    config = config_of(layers=2)
    staves = serial_model(config, weighted(config)).look(SCORE).staves
    assert [stave.name for stave in staves] == ["q", "k", "v", "source q", "source k", "source v", "stream"] * 2
    done = twin_of(config)[1]
    for stave in staves:
        assert stave.values.shape == (S + U, 3 if stave.name == "stream" else config.heads)
        known = np.isfinite(stave.values).all(axis=1)
        sides = {"source q": (False, True), "source k": (True, False), "source v": (True, False)}
        source, target = sides.get(stave.name, (True, True))
        assert known.tolist() == [source] * S + [target] * U
    attended = done.decoder[1][1].attended
    assert attended
    heads = twin_pair_transformer.heads_of(attended.q, config.heads)
    np.testing.assert_allclose(staves[10].values[S:], np.linalg.norm(heads, axis=2).T, rtol=1e-3)


def test_the_context_limits_each_side_by_itself() -> None:
    config = config_of("learned", context=5)
    model = SerialPairTransformer(config, weighted(config))
    state = model.begin(SOURCE)
    for _ in range(6):
        model.read(0, state)
    with pytest.raises(SeqError, match="a target of 6 symbols: must not exceed the context length of the model, 5"):
        model.read(0, state)
    with pytest.raises(SeqError, match="a source of 6 symbols"):
        model.begin(np.zeros(6, np.int32))
    with pytest.raises(SeqError, match="a target of 6 symbols"):
        model.look(np.concatenate([SCORE, [V, V]]).astype(np.int32))
    assert model.most == 6
    found = decoded(model, model.begin(SOURCE), END, model.most, 4)
    assert found.finished


def test_an_empty_source_is_read() -> None:
    for config in CONFIGS[::5]:
        model = SerialPairTransformer(config, weighted(config))
        logits = model.read(END, model.initial_state()).copy()
        look = model.look(np.array([V + END], np.int32))
        np.testing.assert_allclose(logits, look.logits[0], rtol=1e-4, atol=1e-5)
        assert look.attention is not None
        assert look.attention.shape[2:] == (1, 1)
        assert look.bar == 0


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_a_beam_that_is_wide_enough_is_an_exhaustive_search(penalty: float) -> None:
    config = ModelConfig(6, "attention", hidden=8, heads=2, layers=2, context=4, outputs=4, decodes=True)
    source, end, most = np.array([2, 0, 5], np.int32), 3, 4
    model = SerialPairTransformer(config, weighted(config))

    def score(symbols: Any) -> float:
        inputs = np.concatenate([source, 6 + np.array([end, *symbols[:-1]])]).astype(np.int32)
        logits = model.look(inputs).logits[3:].astype(np.float64)
        shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(shares[np.arange(len(symbols)), list(symbols)].sum()) / ((5 + len(symbols)) / 6) ** penalty

    bodies = (body for n in range(most) for body in itertools.product(range(end), repeat=n))
    expected = sorted(((score([*body, end]), [*body]) for body in bodies), reverse=True)
    found = decoded(model, model.begin(source), end, most, 64, penalty)
    assert len(found.finished) == len(expected)
    assert [found.symbols(rank) for rank in range(3)] == [symbols for _, symbols in expected[:3]]
    assert found.scores[0] == pytest.approx(expected[0][0], rel=1e-4)
