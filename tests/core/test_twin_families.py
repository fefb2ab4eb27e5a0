"""The other families' twins match central finite differences: parameters, inputs, states, and reach."""

from collections.abc import Callable

import numpy as np
import pytest
from seqcore.config import RECURRENT, ModelConfig

from tests.core import cases, twin, twin_attention, twin_families, twin_gru, twin_rnn
from tests.core.test_twin import check, differences
from tests.core.twin import F64, Ints, Named

OTHERS = {"rnn tanh": twin_rnn.TANH, "rnn relu": twin_rnn.RELU, "gru": twin_gru.GRU, "lstm": twin.LSTM}
COLUMNS = {"rnn tanh": 1, "rnn relu": 1, "gru": 3, "lstm": 4}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("T", "B", "inputs", "H"), [(1, 1, 1, 1), (1, 3, 2, 2), (5, 1, 3, 2), (4, 2, 2, 3)])
def test_cell_gradients_are_the_finite_differences(name: str, T: int, B: int, inputs: int, H: int) -> None:
    draw, cell, n = np.random.default_rng(1), OTHERS[name], COLUMNS[name]
    p = {"W_xh": draw.normal(size=(inputs, n * H)), "W_hh": draw.normal(size=(H, n * H)), "b": draw.normal(size=n * H)}
    if name == "gru":
        p["b_hn"] = draw.normal(size=H)
    x, state = draw.normal(size=(T, B, inputs)), [draw.normal(size=(B, H)) for _ in cell.states]
    weight = draw.normal(size=(T, B, H))  # of a random loss that is linear in h

    def loss() -> float:
        return float((cell.forward(x, p, state).h[1:] * weight).sum())

    d = cell.backward(cell.forward(x, p, state), p, weight)
    assert d.parameters.keys() == p.keys()
    for key, value in p.items():
        check(loss, value, d.parameters[key], key)
    check(loss, x, d.x, "x")
    for key, value, gradient in zip(cell.states, state, d.state, strict=True):
        check(loss, value, gradient, f"{key}0")


def small(config: ModelConfig, T: int = 4, B: int = 2) -> tuple[Named, Ints, Ints, twin_families.Carried, list[F64]]:
    """Weights, inputs, partly masked targets, a random carried state, and dropout masks."""
    draw, p = np.random.default_rng(7), twin_families.weights(config, 3)
    most = config.vocabulary_size or 1, config.outputs or config.vocabulary_size or 1
    tokens, targets = (draw.integers(0, count, (T, B)).astype(np.int32) for count in most)
    targets[0, -1] = -1
    if config.inputs:
        tokens = draw.normal(size=(T, B, config.inputs))
    if config.values:
        targets = draw.normal(size=(T, B, config.values))
        targets[0, -1] = np.nan
    carried = twin_families.nothing(config, B)
    if isinstance(carried, list):
        carried = [tuple(draw.normal(size=part.shape) for part in state) for state in carried]
    elif config.inputs and carried is not None:
        carried = draw.normal(size=carried.shape)
    elif carried is not None and carried.size:
        carried[-1] = draw.integers(0, config.vocabulary_size, B)
    masks = [(draw.random((T, B, config.hidden)) > 0.3) / 0.7 for _ in range(twin_families.sites(config))]
    return p, tokens, targets, carried, masks


def smaller(config: ModelConfig) -> ModelConfig:
    """`config` with a vocabulary of 5, because every parameter needs a finite difference."""
    return ModelConfig(**(config.to_dict() | {"vocabulary_size": 0 if config.inputs else 5}))


@pytest.mark.parametrize("name", cases.EVERY)
def test_model_gradients_are_the_finite_differences(name: str) -> None:
    config = smaller(cases.EVERY[name])
    p, tokens, targets, carried, masks = small(config)

    def loss() -> float:
        return twin.mean_loss(twin_families.forward(config, p, tokens, targets, carried, masks))

    told = twin_families.step(config, p, tokens, targets, carried, masks).gradients
    assert told.parameters.keys() == p.keys()
    draw = np.random.default_rng(0)
    for key, value in p.items():
        assert told.parameters[key].shape == value.shape
        for _ in range(2):  # along random directions: each tests the whole gradient with two forward passes
            direction = draw.normal(size=value.shape)
            check_along(loss, value, told.parameters[key], direction, key)
        if key == "embedding.P":
            assert not told.parameters[key][len(tokens) :].any(), "places that were not reached"
    if isinstance(carried, list):
        for state, gradient in zip(carried, told.states, strict=True):
            for value, d in zip(state, gradient, strict=True):
                check(loss, value, d, "carried state")


def check_along(f: Callable[[], float], x: F64, gradient: F64, direction: F64, name: str) -> None:
    """Check the derivative along a direction: it sums over all elements, so an error in any of them shows."""
    at, before = np.zeros(1), x.copy()

    def moved() -> float:
        x[:] = before + at[0] * direction
        return f()

    expected = differences(moved, at)
    x[:] = before
    np.testing.assert_allclose((gradient * direction).sum(), expected[0], rtol=2e-6, atol=1e-8, err_msg=name)


def test_gelu_and_norm_gradients_are_the_finite_differences() -> None:
    draw = np.random.default_rng(4)
    x, g, b, weight = (draw.normal(size=shape) for shape in ((2, 3, 5), 5, 5, (2, 3, 5)))
    check(lambda: float((twin_attention.gelu(x) * weight).sum()), x, twin_attention.gelu_backward(x, weight), "gelu")
    gradients = twin_attention.norm_backward(x, g, weight)
    for value, gradient in zip((x, g, b), gradients, strict=True):
        check(lambda: float((twin_attention.norm(x, g, b) * weight).sum()), value, gradient, "norm")


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_attention_gradients_are_the_finite_differences(positions: str) -> None:
    config = ModelConfig(5, "attention", hidden=8, heads=2, positions=positions)
    draw = np.random.default_rng(5)
    qkv, weight = draw.normal(size=(5, 2, 24)), draw.normal(size=(5, 2, 8))
    done = twin_attention.attend(qkv, config)
    check(
        lambda: float((twin_attention.attend(qkv, config).y * weight).sum()),
        qkv, twin_attention.attend_backward(done, weight, config), positions,
    )  # fmt: skip
    np.testing.assert_allclose(done.A.sum(axis=-1), 1)
    for t in range(5):
        assert not done.A[t, :, :, t + 1 :].any(), "nothing is taken from what comes later"


def test_rotation_makes_scores_depend_on_distance_alone() -> None:
    draw = np.random.default_rng(6)
    q, k = draw.normal(size=8), draw.normal(size=8)
    scores = [twin_attention.rotated(q, t) @ twin_attention.rotated(k, t - 3) for t in (3, 9, 40)]
    np.testing.assert_allclose(scores, scores[0])
    assert abs(twin_attention.rotated(q, 9) @ twin_attention.rotated(k, 9) - scores[0]) > 1e-3


def test_sinusoids_are_those_of_the_paper() -> None:
    np.testing.assert_allclose(twin_attention.sinusoid(0, 4), [0, 1, 0, 1])
    np.testing.assert_allclose(twin_attention.sinusoid(3, 4), [np.sin(3), np.cos(3), np.sin(0.03), np.cos(0.03)])


def pushed(config: ModelConfig, p: Named, tokens: Ints, layer: int, s: int, push: F64) -> F64:
    """Losses (T,) with `push` added to h of `layer` at timestep s (layer -1: to the embedded token)."""

    def at(n: int, t: int) -> F64:
        return push if (n, t) == (layer, s) else np.zeros(())

    T, E = len(tokens), p.get("embedding.E", np.eye(config.vocabulary_size))
    if config.family == "attention":
        x = twin_attention.embed(p, tokens[:, None], config)
        x = np.stack([x[t] + at(-1, t) for t in range(T)])
        for n in range(config.layers):
            x = twin_attention.block(x, twin.layer_of(p, n), config, (np.ones(()), np.ones(()))).out
            x = np.stack([x[t] + at(n, t) for t in range(T)])
        logits = twin_attention.read_out(p, x)[:, 0]
    elif config.family == "feedforward":
        row_of = [E[config.vocabulary_size]] * (config.context - 1) + [
            E[token] + at(-1, t) for t, token in enumerate(tokens)
        ]
        rows = [np.concatenate(row_of[t : t + config.context]) for t in range(T)]
        h = [np.tanh(row @ p["layers.0.W_xh"] + p["layers.0.b"]) + at(0, t) for t, row in enumerate(rows)]
        logits = np.stack(h) @ p["head.W_hy"] + p["head.b_y"]
    else:
        cell, tops = twin_families.cell(config), []
        states = twin_families.nothing(config, 1)
        assert isinstance(states, list)
        for t in range(T):  # one timestep at a time through every layer, so that `push` can be added in between
            x = (E[tokens[t]] + at(-1, t))[None, None]
            for n in range(config.layers):
                trace = cell.forward(x, twin.layer_of(p, n), states[n])
                h, *others = (getattr(trace, name)[1] for name in cell.states)
                states[n] = (h + at(n, t), *others)
                x = states[n][0][None]
            tops.append(x[0, 0])
        logits = np.stack(tops) @ p["head.W_hy"] + p["head.b_y"]
    losses = np.full(T, np.nan)
    losses[1:] = twin.cross_entropy(logits[:-1], tokens[1:])
    return losses


@pytest.mark.parametrize("name", cases.ALL)
def test_reach_is_the_derivative_of_every_loss_by_every_earlier_state(name: str) -> None:
    config, T, eps = smaller(cases.ALL[name]), 6, 1e-5
    p = twin_families.weights(config, 8)
    tokens = np.random.default_rng(9).integers(0, config.vocabulary_size, T).astype(np.int32)
    hidden, inputs = twin_families.reach(config, p, tokens)
    assert hidden.shape == (config.layers, T, T)
    width = config.embedding or config.vocabulary_size
    for s in range(T - 1):
        for layer in range(-1, config.layers):
            rows = [
                (pushed(config, p, tokens, layer, s, eps * unit) - pushed(config, p, tokens, layer, s, -eps * unit))
                for unit in np.eye(width if layer < 0 else config.hidden)
            ]
            expected = np.linalg.norm(np.stack(rows), axis=0)[s + 1 :] / (2 * eps)
            told = inputs[s + 1 :, s] if layer < 0 else hidden[layer, s + 1 :, s]
            np.testing.assert_allclose(told, expected, rtol=1e-6, atol=1e-9, err_msg=f"layer {layer}, s {s}")
    for matrix in (*hidden, inputs):
        assert np.isnan(matrix[np.triu_indices(T)]).all()
        assert np.isfinite(matrix[np.tril_indices(T, -1)]).all()
    if config.family in RECURRENT:
        assert (inputs[np.tril_indices(T, -1)] > 0).any()


@pytest.mark.parametrize("name", cases.CELLS | cases.FEEDFORWARD)
def test_two_halves_with_what_is_carried_are_one_sequence(name: str) -> None:
    config = cases.ALL[name]
    p, tokens, targets, carried, _ = small(config, T=8)
    whole = twin_families.forward(config, p, tokens, targets, carried)
    first = twin_families.forward(config, p, tokens[:5], targets[:5], carried)
    carried = twin_families.carried_on(config, first)
    second = twin_families.forward(config, p, tokens[5:], targets[5:], carried)
    np.testing.assert_allclose(np.concatenate((first.losses, second.losses)), whole.losses, rtol=1e-12)


@pytest.mark.parametrize("name", cases.VALUES)
def test_the_reach_of_real_inputs_is_the_derivative_by_them(name: str) -> None:
    config, T = cases.VALUES[name], 5
    if not config.inputs:
        return
    p, draw = twin_families.weights(config, 8), np.random.default_rng(9)
    inputs, rows = draw.normal(size=(T, config.inputs)), draw.normal(size=(T + 1, config.logits))
    targets = twin_families.drawn_nothing(config, T)
    reached = twin_families.reach_of(config, p, inputs, rows)[1]
    for t in range(1, T + 1):

        def said(t: int = t) -> float:
            return float(twin_families.forward(config, p, inputs[:, None], targets).logits[t - 1, 0] @ rows[t])

        slopes = differences(said, inputs)
        np.testing.assert_allclose(reached[t, :t], np.linalg.norm(slopes[:t], axis=1), rtol=1e-5, atol=1e-8)
        assert not slopes[t:].any(), "what comes later does not matter"
