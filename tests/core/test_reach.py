"""Reach and staves of every family match the twin, which differentiates one loss at a time."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.probe import probe
from seqcore.serial import serial_model

from tests.core import twin, twin_families
from tests.core.cases import ALL, CELLS, CLASSES, EVERY, VALUES
from tests.core.compare import assert_close
from tests.core.families import drawn, named, parameters
from tests.core.twin import F64, Ints

pytestmark = pytest.mark.usefixtures("kernels")

VOCABULARY = Vocabulary.build("char", Corpus("abc", "-", b"abcdefghijklm", "utf-8"))  # the cases' vocabulary size


def of_losses(logits: Any, tokens: Ints) -> F64:
    """(T, V): row t is the gradient of loss t at the logits after token t - 1."""
    d = np.zeros(logits.shape)
    d[1:] = twin.cross_entropy_backward(logits[:-1].astype(np.float64), tokens[1:], 1.0)
    return d


def check(config: ModelConfig, T: int, seed: int = 0) -> None:
    given, tokens = parameters(config, seed), drawn(config, T, 1, seed=seed)[0][:, 0].copy()
    look = serial_model(config, given).look(tokens)
    hidden, inputs = look.reach(of_losses(look.logits, tokens).astype(np.float32))
    expected = twin_families.reach(config, named(given), tokens)
    assert hidden.dtype == inputs.dtype == np.float32
    for layer in range(config.layers):
        check_matrix(hidden[layer], expected[0][layer], f"layer {layer}")
    check_matrix(inputs, expected[1], "inputs")


def check_matrix(told: Any, expected: F64, name: str) -> None:
    """Compare element by element: entries that have vanished are tiny next to the others but must be correct too."""
    assert told.shape == expected.shape, name
    np.testing.assert_array_equal(np.isnan(told), np.isnan(expected), err_msg=name)
    np.testing.assert_allclose(
        told, expected, rtol=2e-4, atol=2e-6 * max(1.0, np.nan_to_num(expected).max()), err_msg=name
    )


@pytest.mark.parametrize("label", ALL)
def test_reach_is_what_each_loss_alone_sends_back(label: str) -> None:
    check(ALL[label], 11)


@pytest.mark.parametrize("label", VALUES | CLASSES)
@pytest.mark.parametrize("T", [1, 2, 9])
def test_reach_of_what_is_said_after_each_timestep(label: str, T: int) -> None:
    config = EVERY[label]
    given, inputs = parameters(config, 2), drawn(config, T, 1, seed=T)[0][:, 0].copy()
    rows = np.random.default_rng(T).standard_normal((T + 1, config.logits)).astype(np.float32)
    hidden, reached = serial_model(config, given).look(inputs).reach(rows)
    expected = twin_families.reach_of(
        config, named(given), inputs.astype(np.float64) if config.inputs else inputs, rows
    )
    for layer in range(config.layers):
        check_matrix(hidden[layer][:, :T], expected[0][layer], f"layer {layer}")
    check_matrix(reached[:, :T], expected[1], "inputs")


@pytest.mark.parametrize("label", ALL)
@pytest.mark.parametrize("T", [1, 2, 3])
def test_reach_in_the_shortest_texts(label: str, T: int) -> None:
    check(ALL[label], T, seed=1)


@pytest.mark.parametrize("label", CELLS)
def test_reach_of_a_wide_stack(label: str) -> None:
    config = ALL[label]
    given = {"hidden": 33, "layers": 3, "embedding": config.embedding and 18}
    check(ModelConfig(**(config.to_dict() | given)), 20)


@pytest.mark.parametrize("label", ALL)
def test_a_probe_tells_the_losses_and_the_reach_of_its_text(label: str) -> None:
    config = ALL[label]
    given, tokens = parameters(config, 3), drawn(13, 9, 1, seed=3)[0][:, 0].copy()
    seen = probe(serial_model(config, given), VOCABULARY, tokens, 12)
    hidden, inputs = twin_families.reach(config, named(given), tokens)
    for layer in range(config.layers):
        check_matrix(seen.reach_hidden[layer], hidden[layer], f"layer {layer}")
    check_matrix(seen.reach_input, inputs, "inputs")
    logits = twin_families.forward(config, named(given), tokens[:, None], tokens[:, None]).logits[:, 0]
    assert np.isnan(seen.loss[0])
    assert_close(seen.loss[1:], twin.cross_entropy(logits[:-1], tokens[1:]), 2e-5, "losses")


SHOWN = {
    "rnn": ("h",),
    "gru": ("reset", "update", "candidate", "h"),
    "lstm": ("input", "forget", "cell", "output", "c", "h"),
}
IN_TWIN = {"reset": "r", "update": "z", "candidate": "n", "input": "i", "forget": "f", "cell": "g", "output": "o"}


@pytest.mark.parametrize("label", CELLS)
def test_staves_are_the_gates_and_states_of_the_twin(label: str) -> None:
    config, T = CELLS[label], 9
    given, tokens = parameters(config, 4), drawn(13, T, 1, seed=4)[0]
    staves = serial_model(config, given).look(tokens[:, 0].copy()).staves
    names = SHOWN[config.family]
    assert [(stave.name, stave.layer) for stave in staves] == [(s, n) for n in range(config.layers) for s in names]
    traces = twin_families.forward(config, named(given), tokens, tokens).traces
    for stave in staves:
        truth = getattr(traces[stave.layer], IN_TWIN.get(stave.name, stave.name))
        truth = truth[1:] if stave.name in ("c", "h") else truth
        assert_close(stave.values, truth[:, 0], 1e-5, stave.name)
        assert stave.signed == (stave.name in ("candidate", "cell", "c", "h"))
        bounded = stave.name != "c" and config.activation == "tanh"
        assert stave.limit == (1 if bounded else np.inf)
        assert np.abs(stave.values).max() <= stave.limit


@pytest.mark.parametrize("label", ALL)
def test_a_diverged_model_is_shown_as_it_is(label: str) -> None:
    given = parameters(ALL[label])
    given.flat[:] = np.nan
    seen = probe(serial_model(ALL[label], given), VOCABULARY, drawn(13, 6, 1)[0][:, 0].copy(), 0)
    assert np.isnan(seen.loss).all()
    assert all(np.isnan(stave.values).all() for stave in seen.staves)
