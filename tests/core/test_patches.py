"""A model that reads pictures: twin, finite differences, PyTorch, threads, memory, and the one that looks."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.model import build, shapes, workspace, workspace_bytes
from seqcore.models.pairs_serial import SerialPairs
from seqcore.parameters import Parameters
from seqcore.team import TEAM

from tests.core import twin, twin_pictures
from tests.core.compare import assert_close
from tests.core.recorded import record_pictures
from tests.core.test_pairs import check
from tests.core.test_twin_families import check_along
from tests.core.twin_pairs import ATTENTIONS
from tests.core.twin_pictures import PictureConfig

TWINS = {
    f"{family} {attention} {layers}": twin_pictures.config_of(family, attention, layers)
    for family in ("rnn", "gru", "lstm")
    for attention in ATTENTIONS
    for layers in (1, 2)
}
TWINS["lstm general one-hot"] = twin_pictures.config_of("lstm", "general", embedding=0)
TWINS["rnn relu additive"] = twin_pictures.config_of("rnn", "additive", activation="relu")
ANSWERS = (3, 1, 5, 2)


def engine(config: PictureConfig, **more: Any) -> ModelConfig:
    return ModelConfig(
        0, family=config.family, hidden=config.hidden, layers=config.layers, embedding=config.embedding,
        activation=config.activation, outputs=config.outputs, inputs=config.inputs, patches=config.patches,
        decodes=True, cross_attention=config.cross_attention, **more,
    )  # fmt: skip


def weighted(twin_config: PictureConfig, seed: int = 3) -> Parameters:
    parameters = Parameters(shapes(engine(twin_config)))
    for name, value in twin_pictures.weights(twin_config, seed).items():
        parameters[name][:] = value
    return parameters


def stepped(config: ModelConfig, parameters: Parameters, inputs: Any, targets: Any) -> tuple[Any, Any]:
    """Losses and gradient of one step."""
    model, work = build(config, parameters), workspace(config, *targets.shape)
    model.pack()
    return model.losses_and_gradient(inputs.astype(np.float32), targets, work).copy(), model.gradient


@pytest.mark.parametrize("label", TWINS)
def test_the_gradients_of_the_twin_are_the_finite_differences(label: str) -> None:
    config, draw = TWINS[label], np.random.default_rng(0)
    p, (inputs, targets) = twin_pictures.weights(config, 0), twin_pictures.drawn(config, ANSWERS, 3, 6)
    told = twin_pictures.step(p, config, inputs, targets).gradients

    def loss() -> float:
        return float(np.nanmean(twin_pictures.step(p, config, inputs, targets).losses))

    for name, value in p.items():
        assert told[name].any(), f"{name} has an effect"
        check_along(loss, value, told[name], draw.normal(size=value.shape), name)


@pytest.mark.parametrize("label", record_pictures.CASES)
def test_the_twin_and_the_engine_say_what_pytorch_said(label: str) -> None:
    told, config = record_pictures.load(label), record_pictures.CASES[label].config
    p = twin.doubles({name: told[f"weights/{name}"] for name in twin_pictures.shapes(config)})
    done = twin_pictures.step(p, config, told["inputs"].astype(np.float64), told["targets"])
    np.testing.assert_allclose(done.losses, told["losses"], rtol=2e-7)
    parameters = Parameters(shapes(engine(config)))
    for name, view in parameters.items():
        view[:] = told[f"weights/{name}"]
    losses, gradient = stepped(engine(config), parameters, told["inputs"], told["targets"])
    asked = told["targets"] >= 0
    check(losses[asked], told["losses"][asked], "losses")
    for name, view in gradient.items():
        expected = told[f"gradient/{name}"]
        assert np.abs(expected).max() > 1e-4, name
        assert_close(done.gradients[name], expected, 2e-7, name)
        check(view, expected, name)


@pytest.mark.parametrize("label", TWINS)
def test_losses_and_gradients_match_the_twin(label: str) -> None:
    config, parameters = TWINS[label], weighted(TWINS[label])
    inputs, targets = twin_pictures.drawn(config, ANSWERS, 1, 7)
    losses, gradient = stepped(engine(config), parameters, inputs, targets)
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    expected = twin_pictures.step(p, config, inputs, targets)
    assert np.array_equal(np.isnan(losses), targets < 0)
    check(losses[targets >= 0], expected.losses[targets >= 0], "losses")
    assert {name for name, _ in gradient.items()} == expected.gradients.keys()
    for name, view in gradient.items():
        check(view, expected.gradients[name], name)


@pytest.mark.parametrize("label", ["gru none 1", "lstm general 2", "lstm additive 1"])
def test_threads_and_padding_change_no_bit(label: str) -> None:
    config, parameters = TWINS[label], weighted(TWINS[label])
    inputs, targets = twin_pictures.drawn(config, ANSWERS, 1, 7)
    found, before = [], TEAM.threads
    try:
        for threads in (1, 2, 3):
            TEAM.use(threads)
            losses, gradient = stepped(engine(config), parameters, inputs, targets)
            found.append((losses.tobytes(), gradient.flat.tobytes()))
    finally:
        TEAM.use(before)
    assert found.count(found[0]) == 3
    inputs, targets = twin_pictures.drawn(config, ANSWERS, 1, 9)
    losses, gradient = stepped(engine(config), parameters, inputs, targets)
    assert (losses[:-2].tobytes(), gradient.flat.tobytes()) == found[0]


def test_dropout_gradient_is_that_of_the_dropped_model() -> None:
    twin_config = TWINS["lstm general 2"]
    config, parameters = engine(twin_config, dropout=0.3), weighted(twin_config)
    inputs, targets = twin_pictures.drawn(twin_config, ANSWERS, 1)
    model, work = build(config, parameters), workspace(config, *targets.shape)

    def mean() -> float:
        model.pack()
        losses = model.losses_and_gradient(inputs.astype(np.float32), targets, work, 5, 7)
        return float(np.nanmean(losses.astype(np.float64)))

    mean()
    for name, view in parameters.items():
        gradient, start = model.gradient[name].copy(), view.copy()
        direction = np.random.default_rng(1).standard_normal(view.shape).astype(np.float32)
        direction /= np.linalg.norm(direction)
        sides = []
        for sign in (1, -1):
            view[:] = start + np.float32(sign * 5e-3) * direction
            sides.append(mean())
        view[:] = start
        mean()
        expected = float((gradient * direction).sum())
        assert (sides[0] - sides[1]) / 1e-2 == pytest.approx(expected, rel=2e-2, abs=2e-4), name


def test_memory_is_estimated() -> None:
    def size(found: Any) -> int:
        if isinstance(found, np.ndarray):
            return int(found.nbytes)
        if isinstance(found, list | tuple):
            return sum(size(one) for one in found)
        return sum(size(one) for one in vars(found).values()) if hasattr(found, "__dict__") else 0

    for dropout in (0.0, 0.2):
        config = engine(TWINS["lstm additive 2"], dropout=dropout)
        for backward in (True, False):
            made = size(workspace(config, 12, 5, backward))
            assert made <= workspace_bytes(config, 12, 5, backward) <= 1.5 * made + 4096


def score(inputs: Any) -> Any:
    return inputs[:, 2].astype(np.float32)


@pytest.mark.parametrize("label", TWINS)
def test_the_model_that_looks_says_the_same_and_reads_symbol_by_symbol(label: str) -> None:
    config, parameters = TWINS[label], weighted(TWINS[label])
    inputs, targets = twin_pictures.drawn(config, ANSWERS, 1)
    losses, _ = stepped(engine(config), parameters, inputs, targets)
    model, P = SerialPairs(engine(config), parameters), config.patches
    look, state = model.look(score(inputs)), model.begin(score(inputs)[:P])
    assert look.bar == P
    logits = look.logits[P:].astype(np.float64)
    shares = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
    np.testing.assert_allclose(shares - logits[np.arange(5), targets[P:, 2]], losses[P:, 2], rtol=2e-5, atol=1e-6)
    for at, symbol in enumerate(inputs[P:, 2, -1].astype(int).tolist()):
        np.testing.assert_allclose(model.read(symbol, state), look.logits[P + at], rtol=1e-4, atol=1e-5)
        if look.attention is not None:
            assert state.weights.shape == (P,)
            np.testing.assert_allclose(state.weights, look.attention[0, 0, P + at, :P], rtol=1e-4, atol=1e-6)
    for stave in look.staves:
        assert stave.values.shape == (P + 5, config.hidden)
        assert np.isnan(stave.values[:P]).all() == (stave.name != "h" or stave.layer > 0)
        assert np.isfinite(stave.values[P:]).all()


@pytest.mark.parametrize("label", TWINS)
def test_reach_is_the_length_of_each_gradient_at_each_patch(label: str) -> None:
    config, parameters = TWINS[label], weighted(TWINS[label])
    inputs, targets = twin_pictures.drawn(config, ANSWERS, 1)
    P, K, symbols = config.patches, config.outputs, targets[config.patches :, 2]
    look = SerialPairs(engine(config), parameters).look(score(inputs))
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    done = twin_pictures.seen(p, config, inputs[:P, 2, :-1], inputs[P:, 2, -1].astype(int))
    share = np.exp(done.logits - done.logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    dlogits = np.zeros((P + 6, K), np.float32)
    dlogits[P + 1 :] = share - np.eye(K)[symbols]
    hidden, reached = look.reach(dlogits)
    for t in range(5):
        own = np.zeros((5, K))
        own[t] = share[t] - np.eye(K)[symbols[t]]
        _, dx = twin_pictures.seen_backward(p, config, done, own)
        np.testing.assert_allclose(reached[P + 1 + t, :P], np.linalg.norm(dx, axis=1), rtol=2e-3, atol=2e-6)
        assert (hidden[:, P + 1 + t, : P + 1 + t] > 0).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bidirectional": True}, "a picture has no order"),
        ({"patches": 0}, "a picture has patches of numbers"),
        ({"inputs": 0, "vocabulary_size": 7}, "a picture has patches of numbers"),
        ({"decodes": False}, "only an encoder-decoder reads a picture"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SeqError, match=said):
        ModelConfig(**({"vocabulary_size": 0, "outputs": 9, "decodes": True, "inputs": 5, "patches": 4} | values))
