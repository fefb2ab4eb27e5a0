"""The lectures' experiments with one setting: dropped gates of the LSTM."""

import numpy as np
import pytest
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.layers.cell import ALWAYS_OPEN
from seqcore.model import initial
from seqcore.serial import serial_model
from seqcore.tasks.language import TokenData
from seqcore.trainer import Trainer

from tests.core.twin import F64, sigmoid

pytestmark = pytest.mark.usefixtures("kernels")

GATES = ("input", "forget", "cell", "output")
TOKENS = np.random.default_rng(0).integers(0, 9, 800).astype(np.int32)


def trained(gate: str, layers: int = 2, embedding: int = 5, steps: int = 40) -> Trainer:
    config = ModelConfig(9, hidden=7, layers=layers, embedding=embedding, drop_gate=gate)
    training = TrainingConfig(batch=4, length=9, learning_rate=0.02, weight_decay=0.1)
    run = Trainer(config, training, TokenData(TOKENS, TOKENS[:80]))
    for _ in range(steps):
        assert run.step().finite
    return run


def without(gate: str, p: dict[str, F64], tokens: np.ndarray) -> F64:
    """h (T, H) of one layer whose gate is 1, in float64: the weights of that gate are not read."""
    H = len(p["layers.0.W_hh"])
    h, c, found = np.zeros(H), np.zeros(H), []
    for token in tokens:
        x = p["embedding.E"][token]
        at = {
            name: x @ p["layers.0.W_xh"][:, k * H : (k + 1) * H]
            + h @ p["layers.0.W_hh"][:, k * H : (k + 1) * H]
            + p["layers.0.b"][k * H : (k + 1) * H]
            for k, name in enumerate(GATES)
            if name != gate
        }
        i, f, o = (sigmoid(at[name]) if name in at else np.ones(H) for name in ("input", "forget", "output"))
        c = f * c + i * np.tanh(at["cell"])
        h = o * np.tanh(c)
        found.append(h)
    return np.stack(found)


@pytest.mark.parametrize("gate", ["input", "forget", "output"])
def test_a_dropped_gate_stays_open_while_the_model_learns(gate: str) -> None:
    first, run = trained(gate, steps=1), trained(gate)
    k = GATES.index(gate)
    block = slice(7 * k, 7 * (k + 1))
    for layer in range(2):
        for name in ("W_xh", "W_hh"):
            W = run.parameters[f"layers.{layer}.{name}"]
            assert not W[:, block].any()
            assert (np.delete(W, np.s_[block], axis=1) != 0).all()
        assert (run.parameters[f"layers.{layer}.b"][block] == ALWAYS_OPEN).all()
    assert (first.parameters.flat != run.parameters.flat).any()
    for stave in serial_model(run.config, run.parameters).look(TOKENS[:30]).staves:
        if stave.name in ("input", "forget", "output"):
            assert (stave.values == 1).all() == (stave.name == gate)


@pytest.mark.parametrize("gate", ["input", "forget", "output"])
def test_the_model_is_the_lstm_without_that_gate(gate: str) -> None:
    run = trained(gate, layers=1)
    p = {name: view.astype(np.float64) for name, view in run.parameters.items()}
    look = serial_model(run.config, run.parameters).look(TOKENS[:40])
    (h,) = [stave.values for stave in look.staves if stave.name == "h"]
    np.testing.assert_allclose(h, without(gate, p, TOKENS[:40]), atol=2e-5)


def test_the_other_weights_start_as_they_do_with_all_gates() -> None:
    one, all_gates = (initial(ModelConfig(9, hidden=7, embedding=0, drop_gate=gate), 3) for gate in ("forget", "none"))
    for name, view in one.items():
        same = view == all_gates[name]
        if name in ("layers.0.W_xh", "layers.0.W_hh", "layers.0.b"):
            kept = np.delete(same, np.s_[7:14], axis=-1)
            assert kept.all()
            assert not same[..., 7:14].any()
        else:
            assert same.all()


@pytest.mark.parametrize(("family", "gate"), [("gru", "input"), ("rnn", "forget"), ("lstm", "cell")])
def test_a_gate_that_is_not_there_cannot_be_dropped(family: str, gate: str) -> None:
    with pytest.raises(SeqError, match="drop gate"):
        ModelConfig(9, family, drop_gate=gate)


@pytest.mark.parametrize(("family", "block"), [("lstm", 1), ("gru", 1)])
def test_a_number_is_the_bias_of_the_gate_that_keeps_the_state(family: str, block: int) -> None:
    p = initial(ModelConfig(9, family, hidden=7, layers=2, forget_bias="2.5"), 3)
    for layer in range(2):
        b = p[f"layers.{layer}.b"]
        np.testing.assert_allclose(b[7 * block : 7 * (block + 1)], 2.5, rtol=1e-6)
        assert np.abs(np.delete(b, np.s_[7 * block : 7 * (block + 1)])).max() < 1


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_chrono_biases_keep_the_state_for_up_to_that_many_timesteps(family: str) -> None:
    p = initial(ModelConfig(9, family, hidden=2000, forget_bias="chrono:50"), 3)
    blocks = p["layers.0.b"].reshape(-1, 2000)
    spans = np.exp(blocks[1])
    assert 1 <= spans.min() < 1.3
    assert 48.5 < spans.max() <= 49
    assert spans.mean() == pytest.approx(25, abs=1)
    if family == "lstm":
        np.testing.assert_array_equal(blocks[0], -blocks[1])


def test_identity_starts_with_every_unit_keeping_its_own_value() -> None:
    p = initial(ModelConfig(9, "rnn", hidden=7, layers=2, init="identity", activation="relu"), 3)
    for layer in range(2):
        np.testing.assert_array_equal(p[f"layers.{layer}.W_hh"], np.eye(7))
        assert not p[f"layers.{layer}.b"].any()
        assert p[f"layers.{layer}.W_xh"].any()


@pytest.mark.parametrize("text", ["nan", "21", "chrono:2", "chrono:x", "chrono", "much"])
def test_a_forget_bias_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SeqError, match="forget bias"):
        ModelConfig(9, forget_bias=text)
