"""The encoder-decoder agrees with its float64 twin and with PyTorch; padding and threads change no bit."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.model import build, initial, parameter_count, shapes, workspace, workspace_bytes
from seqcore.parameters import Parameters
from seqcore.team import TEAM

from tests.core import twin_pairs
from tests.core.recorded import record_pairs
from tests.core.twin_pairs import ATTENTIONS

SOURCES, ANSWERS = (5, 1, 9, 3, 12), (4, 2, 6, 11, 1)


def config_of(family: str, attention: str, two: bool, layers: int, **more: Any) -> ModelConfig:
    values: dict[str, Any] = {"hidden": 24, "embedding": 7, "layers": layers} | more
    return ModelConfig(
        11, family=family, outputs=9, decodes=True, cross_attention=attention, bidirectional=two, **values
    )


CONFIGS = [
    config_of(family, attention, two, layers)
    for family in ("rnn", "gru", "lstm")
    for attention in ATTENTIONS
    for two in (False, True)
    for layers in (1, 2)
    if not (two and attention == "dot")
]
FED = [
    config_of(family, attention, two, layers, input_feeding=True)
    for family, attention, two, layers in (
        ("rnn", "dot", False, 2), ("rnn", "general", True, 1), ("rnn", "additive", True, 2), ("gru", "dot", False, 1),
        ("gru", "general", True, 2), ("gru", "additive", False, 2), ("lstm", "dot", False, 2),
        ("lstm", "general", False, 1), ("lstm", "additive", True, 2), ("lstm", "general", True, 2),
    )
]  # fmt: skip
FED += [
    config_of("gru", "general", True, 1, embedding=0, input_feeding=True),
    config_of("rnn", "additive", False, 1, activation="relu", hidden=17, input_feeding=True),
    config_of("lstm", "dot", False, 1, hidden=70, input_feeding=True),
]
CONFIGS += [
    *FED,
    config_of("lstm", "general", True, 1, embedding=0),
    config_of("rnn", "additive", False, 1, activation="relu", hidden=17),
    config_of("gru", "dot", False, 1, hidden=70),
]


def said(config: ModelConfig) -> str:
    ways = "two ways" if config.bidirectional else "one way"
    feeds = " fed" if config.input_feeding else ""
    return f"{config.family} {config.layers}x{config.hidden} {config.cross_attention} {ways} {config.embedding}{feeds}"


def weighted(config: ModelConfig) -> Parameters:
    parameters = Parameters(shapes(config))
    for name, value in twin_pairs.weights(config, 3).items():
        parameters[name][:] = value
    return parameters


def batch(config: ModelConfig, S: int = 0, U: int = 0) -> tuple[Any, Any]:
    inputs, targets = twin_pairs.drawn(config, SOURCES, ANSWERS, 1, S, U)
    return inputs.astype(np.int32), targets.astype(np.int32)


def scored(inputs: Any, targets: Any, V: int) -> Any:
    """The inputs as the engine numbers them: from V on, after the bar."""
    S = int(np.argmax((targets >= 0).any(axis=1)))
    return np.concatenate([inputs[:S], inputs[S:] + V]).astype(np.int32)


def stepped(config: ModelConfig, parameters: Parameters, inputs: Any, targets: Any) -> tuple[Any, Any]:
    """Losses and gradient of one step."""
    model, work = build(config, parameters), workspace(config, *inputs.shape)
    model.pack()
    losses = model.losses_and_gradient(scored(inputs, targets, config.vocabulary_size), targets, work).copy()
    return losses, model.gradient


def check(actual: Any, expected: Any, what: str) -> None:
    """Within float32 rounding, relative to the largest element."""
    scale = max(float(np.abs(expected).max()), 1e-3)
    assert np.abs(actual - expected).max() <= 2e-5 * scale, what


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_losses_and_gradients_match_the_twin(config: ModelConfig) -> None:
    parameters = weighted(config)
    inputs, targets = batch(config)
    losses, gradient = stepped(config, parameters, inputs, targets)
    expected = twin_pairs.step(
        {name: view.astype(np.float64) for name, view in parameters.items()}, config, inputs, targets
    )
    assert np.array_equal(np.isnan(losses), targets < 0)
    check(losses[targets >= 0], expected.losses[targets >= 0], "losses")
    assert {name for name, _ in gradient.items()} == expected.gradients.keys()
    for name, view in gradient.items():
        check(view, expected.gradients[name], name)


@pytest.mark.parametrize("label", record_pairs.CASES)
def test_losses_and_gradients_match_pytorch(label: str) -> None:
    told, case = record_pairs.load(label), record_pairs.CASES[label].config
    config = ModelConfig(
        case.vocabulary_size, family=case.family, hidden=case.hidden, layers=case.layers, embedding=case.embedding,
        activation=case.activation, outputs=case.outputs, decodes=True, cross_attention=case.cross_attention,
        bidirectional=case.bidirectional, input_feeding=case.input_feeding,
    )  # fmt: skip
    parameters = Parameters(shapes(config))
    for name, view in parameters.items():
        view[:] = told[f"weights/{name}"]
    inputs, targets = told["inputs"].astype(np.int32), told["targets"].astype(np.int32)
    losses, gradient = stepped(config, parameters, inputs, targets)
    check(losses[targets >= 0], told["losses"][targets >= 0], "losses")
    for name, view in gradient.items():
        check(view, told[f"gradient/{name}"], name)


@pytest.mark.parametrize("config", [c for c in CONFIGS if c.layers == 2], ids=said)
def test_padding_changes_no_bit(config: ModelConfig) -> None:
    parameters = weighted(config)
    inputs, targets = batch(config)
    S = int(np.argmax((targets >= 0).any(axis=1)))
    before = np.full((5, inputs.shape[1]), -1, np.int32)
    after = np.zeros((3, inputs.shape[1]), np.int32)
    wide = np.concatenate([before, inputs, after]), np.concatenate([before, targets, after - 1])
    losses, gradient = stepped(config, parameters, inputs, targets)
    more, same = stepped(config, parameters, *wide)
    assert more[5:-3].tobytes() == losses.tobytes()
    assert np.isnan(more[: 5 + S]).all()
    assert same.flat.tobytes() == gradient.flat.tobytes()


@pytest.mark.parametrize("config", [c for c in CONFIGS if c.layers == 2 and c.family != "rnn"], ids=said)
def test_the_number_of_threads_changes_no_bit(config: ModelConfig) -> None:
    parameters, (inputs, targets) = weighted(config), batch(config)
    found = []
    before = TEAM.threads
    try:
        for threads in (1, 2, 3, 5):
            TEAM.use(threads)
            losses, gradient = stepped(config, parameters, inputs, targets)
            found.append((losses.tobytes(), gradient.flat.tobytes()))
    finally:
        TEAM.use(before)
    assert found.count(found[0]) == len(found)


@pytest.mark.parametrize("config", CONFIGS[:4], ids=said)
def test_a_workspace_serves_every_place_of_the_bar(config: ModelConfig) -> None:
    parameters = weighted(config)
    model, work = build(config, parameters), workspace(config, 30, 5)
    model.pack()
    for S, U in ((12, 12), (13, 11), (12, 12), (18, 12), (13, 12)):
        inputs, targets = batch(config, S, U)
        losses = model.losses_and_gradient(scored(inputs, targets, 11), targets, work).tobytes()
        alone, gradient = stepped(config, parameters, inputs, targets)
        assert losses == alone.tobytes()
        assert model.gradient.flat.tobytes() == gradient.flat.tobytes()


def test_dropout_differs_by_step_and_is_absent_from_losses() -> None:
    config = config_of("gru", "general", True, 2, dropout=0.4)
    parameters, (inputs, targets) = weighted(config), batch(config)
    model, work = build(config, parameters), workspace(config, *inputs.shape)
    inputs = scored(inputs, targets, 11)
    model.pack()
    plain = model.losses(inputs, targets, work).copy()
    first, second, again = (model.losses_and_gradient(inputs, targets, work, 5, step).copy() for step in (0, 1, 0))
    assert first.tobytes() == again.tobytes() != second.tobytes()
    assert model.losses(inputs, targets, work).tobytes() == plain.tobytes()
    undropped = config_of("gru", "general", True, 2)
    assert stepped(undropped, parameters, *batch(config))[0].tobytes() == plain.tobytes()


@pytest.mark.parametrize("fed", [False, True])
def test_dropout_gradient_is_that_of_the_dropped_model(fed: bool) -> None:
    config = config_of("lstm", "additive", True, 2, dropout=0.3, input_feeding=fed)
    parameters, (inputs, targets) = weighted(config), batch(config)
    model, work = build(config, parameters), workspace(config, *inputs.shape)
    inputs = scored(inputs, targets, 11)

    def mean() -> float:
        model.pack()
        return float(np.nanmean(model.losses_and_gradient(inputs, targets, work, 5, 7).astype(np.float64)))

    mean()
    gradient = model.gradient.flat.copy()
    direction = np.random.default_rng(1).standard_normal(parameters.size).astype(np.float32)
    start = parameters.flat.copy()
    step = 1e-3 / float(np.linalg.norm(direction))
    sides = []
    for sign in (1, -1):
        parameters.flat[:] = start + sign * np.float32(step) * direction
        sides.append(mean())
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float(gradient @ direction), rel=2e-2)


@pytest.mark.parametrize("config", CONFIGS[::5] + FED[1:3], ids=said)
def test_memory_is_estimated(config: ModelConfig) -> None:
    def size(found: Any) -> int:
        if isinstance(found, np.ndarray):
            return int(found.nbytes)
        if isinstance(found, list | tuple):
            return sum(size(one) for one in found)
        return sum(size(one) for one in vars(found).values()) if hasattr(found, "__dict__") else 0

    for backward in (True, False):
        made = size(workspace(config, 24, 5, backward))
        assert made <= workspace_bytes(config, 24, 5, backward) <= 1.5 * made + 4096


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cross_attention": "dot", "bidirectional": True}, "as wide as the decoder"),
        ({"cross_attention": "cosine"}, "must be one of none, dot"),
        ({"family": "feedforward"}, "must be rnn, gru, lstm or attention"),
        ({"outputs": 0}, "needs symbols to write"),
        ({"decodes": False, "cross_attention": "dot"}, "only an encoder-decoder"),
        ({"decodes": False, "bidirectional": True}, "only an encoder-decoder"),
        ({"cross_attention": "none", "input_feeding": True}, "feeds attention back: needs cross attention"),
        ({"decodes": False, "input_feeding": True}, "feeds attention back: needs cross attention"),
        ({"input_feeding": 1}, "input_feeding 1: must be true or false"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SeqError, match=said):
        ModelConfig(11, **({"outputs": 9, "decodes": True} | values))


def test_initial_weights_follow_from_the_seed() -> None:
    config = config_of("lstm", "additive", True, 2)
    assert initial(config, 1).flat.tobytes() == initial(config, 1).flat.tobytes() != initial(config, 2).flat.tobytes()
    assert parameter_count(config) == initial(config, 1).size
    biases = initial(config, 1)["decoder.0.b"].reshape(4, -1)
    assert (biases[1] == 1).all()
