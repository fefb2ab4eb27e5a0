"""The transformer for pairs agrees with its float64 twin; padding, company and threads change no bit."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numba import typeof
from seqcore.config import POSITIONS, ModelConfig
from seqcore.errors import SeqError
from seqcore.layers.decoder import PAIR_ACTIVATIONS, PAIR_WEIGHTS
from seqcore.model import Model, Workspace, build, initial, parameter_count, shapes, workspace, workspace_bytes
from seqcore.models.pair_layout import PairLayout, most_chunks
from seqcore.models.pair_transformer import activations
from seqcore.parameters import Parameters
from seqcore.team import TEAM

from tests.core import twin_pair_transformer, twin_pairs
from tests.core.test_pairs import ANSWERS, SOURCES, scored
from tests.core.twin_pairs import PairConfig

pytestmark = pytest.mark.usefixtures("kernels")

V, K = 11, 9


def config_of(positions: str = "rotary", bias: bool = False, layers: int = 2, **more: Any) -> ModelConfig:
    values: dict[str, Any] = {"hidden": 24, "heads": 3, "context": 14} | more
    return ModelConfig(V, "attention", outputs=K, decodes=True, positions=positions, bias=bias, layers=layers, **values)


CONFIGS = [config_of(positions, bias, layers) for positions, bias, layers in product(POSITIONS, (False, True), (1, 2))]
CONFIGS += [config_of(hidden=70, heads=5), config_of("learned", hidden=24, heads=1, layers=3)]


def said(config: ModelConfig) -> str:
    bias = "bias" if config.bias else "no bias"
    return f"{config.layers}x{config.hidden} {config.heads} heads {config.positions} {bias}"


def weighted(config: ModelConfig) -> Parameters:
    parameters = Parameters(shapes(config))
    for name, value in twin_pair_transformer.weights(shapes(config), 3).items():
        parameters[name][:] = value
    return parameters


def batch(S: int = 0, U: int = 0, sources: Any = SOURCES, answers: Any = ANSWERS) -> tuple[Any, Any]:
    return twin_pairs.drawn(PairConfig(V, K), sources, answers, 1, S, U)


def made(config: ModelConfig, parameters: Parameters, T: int, B: int) -> tuple[Model, Workspace]:
    """A packed model whose gradient and workspace hold NaN."""
    model, work = build(config, parameters), workspace(config, T, B)
    model.pack()
    model.gradient.flat[:] = np.nan
    work.buffer[:] = np.nan  # type: ignore[attr-defined]  # of this model
    return model, work


def stepped(config: ModelConfig, parameters: Parameters, inputs: Any, targets: Any) -> tuple[Any, Any]:
    """Losses and gradient of one step."""
    model, work = made(config, parameters, *inputs.shape)
    read = scored(inputs, targets, config.vocabulary_size)
    return model.losses_and_gradient(read, targets, work).copy(), model.gradient


def check(actual: Any, expected: Any, what: str) -> None:
    """Within float32 rounding, relative to the largest element."""
    scale = max(float(np.abs(expected).max()), 1e-3)
    assert np.abs(actual - expected).max() <= 5e-5 * scale, what


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_losses_and_gradients_match_the_twin(config: ModelConfig) -> None:
    parameters, (inputs, targets) = weighted(config), batch()
    losses, gradient = stepped(config, parameters, inputs, targets)
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    expected = twin_pair_transformer.step(p, config, inputs, targets)
    assert np.array_equal(np.isnan(losses), targets < 0)
    check(losses[targets >= 0], expected.losses[targets >= 0], "losses")
    for name, view in gradient.items():
        check(view, expected.gradients[name], name)


def test_sequences_longer_than_a_block_of_queries_match_the_twin() -> None:
    config = config_of(context=90, layers=1)
    parameters = weighted(config)
    inputs, targets = batch(sources=(90, 33, 70), answers=(40, 91, 65))
    losses, gradient = stepped(config, parameters, inputs, targets)
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    expected = twin_pair_transformer.step(p, config, inputs, targets)
    check(losses[targets >= 0], expected.losses[targets >= 0], "losses")
    for name, view in gradient.items():
        check(view, expected.gradients[name], name)


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_padding_changes_no_bit(config: ModelConfig) -> None:
    parameters, (inputs, targets) = weighted(config), batch()
    S = int(np.argmax((targets >= 0).any(axis=1)))
    before, after = np.full((5, inputs.shape[1]), -1, np.int32), np.zeros((3, inputs.shape[1]), np.int32)
    wide = np.concatenate([before, inputs, after]), np.concatenate([before, targets, after - 1])
    losses, gradient = stepped(config, parameters, inputs, targets)
    more, same = stepped(config, parameters, *wide)
    assert more[5:-3].tobytes() == losses.tobytes()
    assert np.isnan(more[: 5 + S]).all()
    assert same.flat.tobytes() == gradient.flat.tobytes()


@pytest.mark.parametrize("config", CONFIGS[::3], ids=said)
def test_the_losses_of_a_pair_do_not_depend_on_the_others(config: ModelConfig) -> None:
    parameters, (inputs, targets) = weighted(config), batch()
    S, together = int(np.argmax((targets >= 0).any(axis=1))), stepped(config, parameters, inputs, targets)[0]
    for b, (n, m) in enumerate(zip(SOURCES, ANSWERS, strict=True)):
        rows = slice(S - n, S + m)
        alone, _ = stepped(config, parameters, inputs[rows, b : b + 1], targets[rows, b : b + 1])
        assert alone[:, 0].tobytes() == together[rows, b].tobytes()


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("config", CONFIGS[::3], ids=said)
def test_the_number_of_threads_changes_no_bit(config: ModelConfig, dropout: float) -> None:
    values = config.to_dict() | {"dropout": dropout}
    config, (inputs, targets) = ModelConfig(**values), batch(sources=SOURCES * 8, answers=ANSWERS * 8)
    parameters, found, before = weighted(config), [], TEAM.threads
    try:
        for threads in (1, 2, 3, 5):
            TEAM.use(threads)
            losses, gradient = stepped(config, parameters, inputs, targets)
            found.append((losses.tobytes(), gradient.flat.tobytes()))
    finally:
        TEAM.use(before)
    assert found.count(found[0]) == len(found)


@pytest.mark.parametrize("config", CONFIGS[::5], ids=said)
def test_a_workspace_serves_every_place_of_the_bar(config: ModelConfig) -> None:
    parameters = weighted(config)
    model, work = made(config, parameters, 30, 5)
    for S, U in ((12, 12), (13, 11), (12, 12), (18, 12), (13, 12)):
        inputs, targets = batch(S, U)
        losses = model.losses_and_gradient(scored(inputs, targets, V), targets, work).tobytes()
        alone, gradient = stepped(config, parameters, inputs, targets)
        assert losses == alone.tobytes()
        assert model.gradient.flat.tobytes() == gradient.flat.tobytes()


def test_evaluation_gives_the_same_losses_and_the_scores_behind_them() -> None:
    config, (inputs, targets) = CONFIGS[3], batch()
    parameters = weighted(config)
    model = build(config, parameters)
    model.pack(backward=False)
    work = workspace(config, 30, inputs.shape[1], False)
    losses = model.losses(scored(inputs, targets, V), targets, work)
    assert losses.tobytes() == stepped(config, parameters, inputs, targets)[0].tobytes()
    scores = work.scores(len(inputs))
    at = targets >= 0
    np.testing.assert_allclose(-np.log(scores[at, targets[at]] / scores[at, :K].sum(axis=1)), losses[at], rtol=1e-4)


def test_an_empty_source_and_a_pair_without_targets_count_for_nothing() -> None:
    config, (inputs, targets) = config_of("learned", True), batch()
    parameters = weighted(config)
    inputs[:12, 1] = -1
    losses, gradient = stepped(config, parameters, inputs, targets)
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    expected = twin_pair_transformer.step(p, config, inputs, targets)
    check(losses[targets >= 0], expected.losses[targets >= 0], "losses")
    for name, view in gradient.items():
        check(view, expected.gradients[name], name)
    targets[:, [0, 2]] = -1
    _, gradient = stepped(config, parameters, inputs, targets)
    expected = twin_pair_transformer.step(p, config, inputs, targets)
    for name, view in gradient.items():
        check(view, expected.gradients[name], name)


def test_a_batch_without_sources_or_without_targets_has_a_gradient() -> None:
    config, (inputs, targets) = config_of("learned", True), batch()
    parameters = weighted(config)
    inputs[:12] = -1
    losses, gradient = stepped(config, parameters, inputs, targets)
    assert np.isfinite(losses[targets >= 0]).all()
    assert not gradient["layers.0.W_qkv"].any()
    assert gradient["decoder.0.W_qkv"].any()
    model, work = made(config, parameters, *inputs.shape)
    losses = model.losses_and_gradient(scored(inputs, targets, V), np.full_like(targets, -1), work)
    assert np.isnan(losses).all()
    assert not model.gradient.flat.any()


def test_dropout_differs_by_step_and_is_absent_from_losses() -> None:
    config, (inputs, targets) = config_of(dropout=0.4), batch()
    parameters = weighted(config)
    model, work = made(config, parameters, *inputs.shape)
    evaluation = workspace(config, *inputs.shape, False)
    inputs = scored(inputs, targets, V)
    plain = model.losses(inputs, targets, evaluation).copy()
    first, second, again = (model.losses_and_gradient(inputs, targets, work, 5, step).copy() for step in (0, 1, 0))
    assert first.tobytes() == again.tobytes() != second.tobytes()
    assert model.losses(inputs, targets, evaluation).tobytes() == plain.tobytes()
    assert stepped(config_of(), parameters, *batch())[0].tobytes() == plain.tobytes()


def test_dropout_gradient_is_that_of_the_dropped_model() -> None:
    config, (inputs, targets) = config_of(dropout=0.3, bias=True), batch()
    parameters = weighted(config)
    model, work = made(config, parameters, *inputs.shape)
    inputs = scored(inputs, targets, V)

    def mean() -> float:
        model.pack()
        return float(np.nanmean(model.losses_and_gradient(inputs, targets, work, 5, 7).astype(np.float64)))

    mean()
    gradient = model.gradient.flat.copy()
    start, step = parameters.flat.copy(), 1e-3
    direction = gradient / np.linalg.norm(gradient)
    sides = []
    for sign in (1, -1):
        parameters.flat[:] = start + np.float32(sign * step) * direction
        sides.append(mean())
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float(np.linalg.norm(gradient)), rel=2e-2)


@pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[3], config_of(dropout=0.1)], ids=said)
def test_arrays_have_the_types_that_the_kernels_are_compiled_for(config: ModelConfig) -> None:
    model: Any = build(config, Parameters(shapes(config)))
    assert typeof(model.packed.weights) == PAIR_WEIGHTS
    inputs, targets = batch()
    for backward in (True, False):
        work: Any = workspace(config, *inputs.shape, backward)
        assert typeof(work.divide(PairLayout.of(inputs, targets, 12))) == PAIR_ACTIVATIONS
    assert typeof(activations(config, 3, 4)) == PAIR_ACTIVATIONS


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("config", CONFIGS[::5], ids=said)
def test_memory_is_known_exactly(config: ModelConfig, dropout: float) -> None:
    config = ModelConfig(**config.to_dict() | {"dropout": dropout})
    for backward in (True, False):
        work: Any = workspace(config, 24, 5, backward)
        assert work.buffer.nbytes + work.spread.nbytes == workspace_bytes(config, 24, 5, backward)


@pytest.mark.parametrize(("T", "B"), [(2, 70), (24, 5), (200, 3), (9, 64)])
def test_any_lengths_fit_the_memory_of_a_batch(T: int, B: int) -> None:
    config = config_of(context=200, dropout=0.1, layers=1)
    work: Any = workspace(config, T, B)
    draw = np.random.default_rng(0)
    for S in (0, 1, T // 2, T - 1):
        lengths, answers = draw.integers(0, S + 1, B), draw.integers(0, T - S + 1, B)
        if S % 2:
            lengths[:], answers[:] = S, T - S
        inputs, targets = np.full((2, T, B), -1, np.int32)
        for b in range(B):
            inputs[S - lengths[b] : S, b] = 1
            targets[S : S + answers[b], b] = 1
        layout = PairLayout.of(inputs, targets, S)
        assert layout.source.size == lengths.sum()
        assert layout.target.size == answers.sum()
        assert layout.chunks[0] == 0
        assert layout.chunks[-1] == B
        assert (np.diff(layout.chunks) > 0).all()
        assert layout.chunks.size - 1 <= most_chunks(T, B)
        arrays = work.divide(layout)
        whole = [array for part in arrays for array in part if array.size]
        assert sum(array.size for array in whole) <= work.buffer.size
        assert all(np.shares_memory(array, work.buffer) for array in whole)


def test_a_pair_longer_than_the_context_is_refused() -> None:
    for sources, answers, said in (((15,), (3,), "a source of 15"), ((3,), (16,), "a target of 15")):
        inputs, targets = batch(sources=sources, answers=answers)
        with pytest.raises(SeqError, match=f"{said} symbols: must not exceed the context length of the model, 14"):
            stepped(config_of(), weighted(config_of()), inputs, targets)
    stepped(config_of("learned"), weighted(config_of("learned")), *batch(sources=(14,), answers=(15,)))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cross_attention": "none"}, "cross attention 'none': attention always looks at the source"),
        ({"cross_attention": "general"}, "cross attention 'general': attention always looks at the source"),
        ({"bidirectional": True}, "bidirectional True: attention reads the source in both directions anyway"),
        ({"family": "feedforward"}, "an encoder-decoder must be rnn, gru, lstm or attention"),
        ({"outputs": 0}, "needs symbols to write"),
        ({"hidden": 25}, "must be a multiple"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SeqError, match=said):
        ModelConfig(V, **({"family": "attention", "outputs": K, "decodes": True} | values))


def test_initial_weights_follow_from_the_seed_and_shrink_with_the_branches() -> None:
    config = config_of("learned", True, 4, hidden=96)
    p = initial(config, 1)
    assert p.flat.tobytes() == initial(config, 1).flat.tobytes() != initial(config, 2).flat.tobytes()
    assert parameter_count(config) == p.size
    assert (p["decoder.norm.g"] == 1).all()
    assert not p["decoder.2.cross.b_kv"].any()
    for name, branches in (("layers.1.W_o", 8), ("decoder.1.W_o", 12), ("decoder.1.cross.W_o", 12)):
        assert p[name].std() == pytest.approx(0.02 / np.sqrt(branches), rel=0.05)
    assert p["decoder.1.cross.W_kv"].std() == pytest.approx(0.02, rel=0.05)
