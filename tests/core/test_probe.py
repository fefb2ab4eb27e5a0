"""A probe shows what the model computed: losses, gates, predictions, and how far back each loss reaches."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.model import initial
from seqcore.probe import probe
from seqcore.serial import SerialModel, serial_model

pytestmark = pytest.mark.usefixtures("kernels")
VOCABULARY = Vocabulary.build("char", Corpus("abc", "-", b"abcdefg\n", "utf-8"))


def slow(p: dict[str, np.ndarray], config: ModelConfig, tokens: np.ndarray, push: Any = None) -> dict[str, np.ndarray]:
    """The forward pass in plain float64; `push(layer, s)` is added to h at timestep s (layer -1: to x)."""
    T, L, H = len(tokens), config.layers, config.hidden
    push = push or (lambda layer, s: 0.0)
    h, c = np.zeros((L, H)), np.zeros((L, H))
    seen: dict[str, list[np.ndarray]] = {name: [] for name in ("input", "forget", "cell", "output", "c", "h")}
    losses = np.full(T, np.nan)
    logits = np.zeros(config.vocabulary_size)
    for s in range(T):
        if s:
            losses[s] = np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[tokens[s]]
        one_hot = np.eye(config.vocabulary_size)[tokens[s]]
        x = (one_hot @ p["embedding.E"] if config.embedding else one_hot) + push(-1, s)
        rows: dict[str, list[np.ndarray]] = {name: [] for name in seen}
        for n in range(L):
            z = x @ p[f"layers.{n}.W_xh"] + h[n] @ p[f"layers.{n}.W_hh"] + p[f"layers.{n}.b"]
            i, f, o = (1 / (1 + np.exp(-z[k * H : (k + 1) * H])) for k in (0, 1, 3))
            g = np.tanh(z[2 * H : 3 * H])
            c[n] = f * c[n] + i * g
            h[n] = o * np.tanh(c[n]) + push(n, s)
            x = h[n]
            for name, value in (("input", i), ("forget", f), ("cell", g), ("output", o), ("c", c[n]), ("h", h[n])):
                rows[name].append(value.copy())
        for name, values in rows.items():
            seen[name].append(np.stack(values))
        logits = x @ p["head.W_hy"] + p["head.b_y"]
    return {name: np.stack(values) for name, values in seen.items()} | {"loss": losses}


@pytest.fixture(params=[(1, 0, 5), (1, 3, 33), (2, 4, 7), (3, 2, 4)])
def case(request: pytest.FixtureRequest) -> tuple[ModelConfig, SerialModel, dict[str, np.ndarray], np.ndarray]:
    """(config, model, float64 weights, tokens); params are layers, embedding size (0: one-hot) and hidden size.

    Weights are scaled up so that the gates move.
    """
    layers, embedding, hidden = request.param
    config = ModelConfig(VOCABULARY.size, hidden=hidden, layers=layers, embedding=embedding)
    parameters = initial(config, 5)
    parameters.flat *= 1.5
    named = {name: view.astype(np.float64) for name, view in parameters.items()}
    tokens = np.random.default_rng(1).integers(0, VOCABULARY.size, 9).astype(np.int32)
    return config, serial_model(config, parameters), named, tokens


def test_losses_gates_and_states_are_the_models(case: Any) -> None:
    config, model, named, tokens = case
    seen, truth = probe(model, VOCABULARY, tokens, 12), slow(named, config, tokens)
    assert seen.step == 12
    np.testing.assert_allclose(seen.loss, truth["loss"], rtol=1e-4, atol=1e-5)
    for layer in range(config.layers):
        for name in ("input", "forget", "cell", "output", "c", "h"):
            stave = seen.stave(name, layer)
            np.testing.assert_allclose(stave.values, truth[name][:, layer], rtol=1e-4, atol=2e-6)
            assert stave.signed == (name in ("cell", "c", "h"))
    assert "".join(seen.symbols) == VOCABULARY.decode(tokens)


def test_reach_is_the_derivative_of_every_loss_by_every_earlier_state(case: Any) -> None:
    config, model, named, tokens = case
    seen, T, eps = probe(model, VOCABULARY, tokens, 0), len(tokens), 1e-5

    def norms(layer: int, s: int, width: int) -> np.ndarray:
        columns = []
        for unit in range(width):
            step = np.zeros(width)
            step[unit] = eps
            sides = [
                slow(named, config, tokens, lambda n, t, d=sign * step: d if (n, t) == (layer, s) else 0.0)["loss"]
                for sign in (1, -1)
            ]
            columns.append((sides[0] - sides[1]) / (2 * eps))
        return np.linalg.norm(np.stack(columns), axis=0)  # (T,) over the losses

    for s in (0, 3, T - 2):
        for layer in range(config.layers):
            expected = norms(layer, s, config.hidden)
            np.testing.assert_allclose(seen.reach_hidden[layer, s + 1 :, s], expected[s + 1 :], rtol=2e-3, atol=1e-6)
        expected = norms(-1, s, config.embedding or config.vocabulary_size)
        np.testing.assert_allclose(seen.reach_input[s + 1 :, s], expected[s + 1 :], rtol=2e-3, atol=1e-6)
    for matrix in (*seen.reach_hidden, seen.reach_input):
        assert np.isnan(matrix[np.triu_indices(T)]).all(), "a loss was said to look at what comes after it"
        assert np.isfinite(matrix[np.tril_indices(T, -1)]).all()


def test_predictions_are_sorted_shares_of_one(case: Any) -> None:
    _, model, _, tokens = case
    seen = probe(model, VOCABULARY, tokens, 0)
    assert (seen.top_tokens[0] == -1).all()
    assert seen.top_symbols[0] == ()
    assert (np.diff(seen.top_probability[1:], axis=1) <= 0).all()
    for t in range(1, len(tokens)):
        hit = np.flatnonzero(seen.top_tokens[t] == tokens[t])
        if hit.size:
            assert seen.top_probability[t, hit[0]] == pytest.approx(np.exp(-seen.loss[t]), rel=1e-4)
        assert [VOCABULARY.symbol(int(token)) for token in seen.top_tokens[t]] == list(seen.top_symbols[t])


def test_a_text_of_one_token_has_no_loss_and_no_reach(case: Any) -> None:
    config, model, _, tokens = case
    seen = probe(model, VOCABULARY, tokens[:1], 0)
    assert np.isnan(seen.loss).all()
    assert seen.reach_hidden.shape == (config.layers, 1, 1)
    assert np.isnan(seen.reach_hidden).all()
    assert seen.stave("c", 0).values.shape == (1, config.hidden)


def test_a_diverged_model_is_shown_as_it_is(case: Any) -> None:
    _, model, _, tokens = case
    broken = model.parameters.flat.copy()
    broken[:] = np.nan
    model.load(broken)
    seen = probe(model, VOCABULARY, tokens, 0)
    assert np.isnan(seen.loss).all()
    assert np.isnan(seen.stave("h", 0).values).all()


def test_a_loss_of_a_thousand_nats_is_told_as_such(case: Any) -> None:
    _, model, _, tokens = case
    ruined = model.parameters.copy()
    ruined["head.b_y"][:] = 0
    ruined["head.b_y"][tokens[0]] = 1000
    model.load(ruined.flat)
    seen = probe(model, VOCABULARY, tokens, 0)
    other = np.flatnonzero(tokens[1:] != tokens[0]) + 1
    assert other.size
    np.testing.assert_allclose(seen.loss[other], 1000, rtol=0.05)


@pytest.mark.parametrize("family", ["lstm", "gru", "rnn", "attention", "feedforward"])
def test_a_verdict_has_a_loss_where_the_target_is_known_and_reads_a_whole_context(family: str) -> None:
    from seqcore.probe import verdicts
    from seqcore.records import Example

    shape = {"heads": 2, "context": 6} if family == "attention" else {"embedding": 3}
    config = ModelConfig(VOCABULARY.size, family=family, hidden=8, outputs=3, **shape)  # type: ignore[arg-type]  # mixed
    model = serial_model(config, initial(config, 2))
    tokens = np.array([1, 2, 3, 1, 4, 5], np.int32)
    targets = np.array([-1, -1, 2, -1, -1, 0], np.int32)
    found = verdicts(model, VOCABULARY, ("a", "b", "c"), tokens, 7, known=Example(tokens, targets, targets >= 0))
    verdict = found.verdict
    assert verdict is not None
    assert verdict.probability.shape == (6, 3)
    assert np.allclose(verdict.probability.sum(axis=1), 1, atol=1e-6)
    assert np.isnan(found.loss[[0, 1, 3, 4]]).all()
    for t in (2, 5):
        assert found.loss[t] == pytest.approx(-np.log(verdict.probability[t, targets[t]]), rel=1e-5)
    assert np.isfinite(found.reach_input[np.tri(6, dtype=bool)]).all()
    state = model.initial_state()
    for t, token in enumerate(tokens.tolist()):
        scores = model.read(token, state).astype(np.float64)
        shares = np.exp(scores - scores.max())
        assert np.allclose(verdict.probability[t], shares / shares.sum(), atol=1e-5)
    right, asked = verdict.right
    assert asked == 2
    assert right == sum(verdict.probability[t].argmax() == targets[t] for t in (2, 5))
    assert verdicts(model, VOCABULARY, ("a", "b", "c"), tokens, 7).verdict.right == (0, 0)  # type: ignore[union-attr]
