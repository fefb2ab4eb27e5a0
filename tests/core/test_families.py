"""Properties of every family: reproducible bytes, masks, carried state, dropout, serial reading."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from seqcore.arrays import LINE
from seqcore.config import ModelConfig
from seqcore.model import build, workspace, workspace_bytes
from seqcore.optimizer import AdamW
from seqcore.records import Inputs
from seqcore.serial import serial_model

from tests.core import twin, twin_families
from tests.core.cases import ATTENTION, CELLS, EVERY, FEEDFORWARD
from tests.core.compare import assert_close, threads
from tests.core.families import SEED, check, drawn, made, named, parameters, put
from tests.core.twin_families import Carried

pytestmark = pytest.mark.usefixtures("kernels")

CARRYING = CELLS | FEEDFORWARD


def having(config: ModelConfig, **changes: Any) -> ModelConfig:
    """A copy of `config` with these fields changed."""
    return dataclasses.replace(config, **changes)


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("label", EVERY)
def test_losses_every_gradient_and_what_is_carried(label: str, rate: float) -> None:
    config = having(EVERY[label], dropout=rate)
    check(config, 7, 5, 0.3)
    check(config, 1, 1)


@pytest.mark.parametrize("label", [label for label, config in EVERY.items() if not config.inputs])
def test_a_vocabulary_far_larger_than_the_batch(label: str) -> None:
    check(having(EVERY[label], vocabulary_size=2000), 3, 4)


def train(count: int, config: ModelConfig, T: int, B: int) -> bytes:
    """Weights, moments, gradients, losses and carried state of four steps on `count` threads, as bytes."""
    net, work, _ = made(config, T, B)
    optimizer, kept = AdamW(net.parameters.size, (0.9, 0.99)), b""
    with threads(count):
        for step in range(4):
            tokens, targets = drawn(config, T, B, 0.1 if T * B > 1 else 0.0, step)
            losses = net.losses_and_gradient(tokens, targets, work, SEED, step)
            scale = min(1.0, 0.5 / optimizer.norm(net.gradient.flat))
            optimizer.update(net.parameters.flat, net.gradient.flat, 0.01, scale, 0.1, net.parameters.decayed)
            net.pack()
            work.carry()
            kept += losses.tobytes() + net.gradient.flat.tobytes() + net.parameters.flat.tobytes()
            kept += b"".join(view.tobytes() for view in work.state().values())
    assert np.isfinite(net.parameters.flat).all()
    return kept + optimizer.m.tobytes() + optimizer.v.tobytes()


@pytest.mark.parametrize("label", EVERY)
def test_training_on_many_threads_has_the_bytes_of_one(label: str) -> None:
    config = having(EVERY[label], dropout=0.3, vocabulary_size=0 if EVERY[label].inputs else 71)
    wide = config if config.family == "attention" else having(config, hidden=67)
    for sized, T, B in ((wide, 11, 29), (config, 1, 1)):
        once = train(1, sized, T, B)
        for count in (2, 2, 3, 5, 16):  # twice the same: whoever claims which item
            assert train(count, sized, T, B) == once, f"{count} threads"


@pytest.mark.parametrize("label", EVERY)
def test_a_row_of_the_batch_has_the_same_bits_in_a_batch_of_one(label: str) -> None:
    config, T, B = EVERY[label], 6, 11
    net, work, carried = made(config, T, B)
    tokens, targets = drawn(config, T, B)
    losses = net.losses(tokens, targets, work).copy()
    work.carry()
    for row in range(B):
        alone, only = workspace(config, T, 1), slice(row, row + 1)
        put(config, alone, of_rows(carried, only))
        here = net.losses(tokens[:, only].copy(), targets[:, only].copy(), alone)
        assert here[:, 0].tobytes() == losses[:, row].tobytes()
        alone.carry()
        for name, view in alone.state().items():
            assert view.tobytes() == work.state()[name][only].tobytes(), name


def each(inputs: Inputs) -> list[Any]:
    """The inputs of one sequence, as a serial model reads them: tokens, or vectors (D,)."""
    return list(inputs) if inputs.ndim == 2 else inputs.tolist()


def of_rows(carried: Carried, rows: slice) -> Carried:
    """The carried state of these rows of the batch."""
    if isinstance(carried, list):
        return [tuple(part[rows] for part in state) for state in carried]
    return carried[:, rows] if carried is not None else None


@pytest.mark.parametrize("label", EVERY)
def test_without_targets_there_is_no_loss_and_no_gradient(label: str) -> None:
    net, work, _ = made(EVERY[label], 3, 2)
    tokens, targets = drawn(EVERY[label], 3, 2, 1.0)
    assert np.isnan(net.losses_and_gradient(tokens, targets, work)).all()
    assert not net.gradient.flat.any()


@pytest.mark.parametrize("label", EVERY)
def test_losses_alone_leave_dropout_out_and_need_no_room_to_go_back(label: str) -> None:
    config = having(EVERY[label], dropout=0.5)
    net, work, carried = made(config, 6, 3)
    tokens, targets = drawn(config, 6, 3, 0.2)
    expected = twin_families.forward(config, named(net.parameters), tokens, targets, carried).losses
    losses = net.losses(tokens, targets, work).copy()
    assert_close(losses, expected, 2e-5)
    forward = workspace(config, 6, 3, backward=False)
    put(config, forward, carried)
    assert net.losses(tokens, targets, forward).tobytes() == losses.tobytes()


@pytest.mark.parametrize("label", EVERY)
def test_dropout_is_a_function_of_seed_and_step(label: str) -> None:
    config = having(EVERY[label], dropout=0.5)
    tokens, targets = drawn(config, 5, 4)

    def gradient(seed: int, step: int) -> bytes:
        net, work, _ = made(config, 5, 4)
        net.losses_and_gradient(tokens, targets, work, seed, step)
        return net.gradient.flat.tobytes()

    assert gradient(1, 2) == gradient(1, 2)
    assert len({gradient(1, 2), gradient(1, 3), gradient(2, 2)}) == 3


@pytest.mark.parametrize("label", CARRYING)
def test_two_halves_with_carried_state_are_one_sequence(label: str) -> None:
    config = CARRYING[label]
    net, whole, carried = made(config, 12, 4)
    tokens, targets = drawn(13, 12, 4)
    expected = net.losses(tokens, targets, whole).copy()
    parts = []
    for first, last in ((0, 1), (1, 3), (3, 12)):  # the first is shorter than the feed-forward model's window
        work = workspace(config, last - first, 4)
        put(config, work, carried)
        parts.append(net.losses(tokens[first:last], targets[first:last], work).copy())
        work.carry()
        carried = twin_families.carried_on(
            config,
            twin_families.forward(config, named(net.parameters), tokens[first:last], targets[first:last], carried),
        )
        for name, view in work.state().items():
            assert_close(view, expected_view(config, carried, name), 1e-5, name)
        carried = as_engine(config, work, carried)
    assert np.concatenate(parts).tobytes() == expected.tobytes()


def expected_view(config: ModelConfig, carried: Carried, name: str) -> Any:
    """The twin's carried state under the engine's name for it."""
    if isinstance(carried, list):
        layer, state = name.split(".")
        return carried[int(layer)][twin_families.cell(config).states.index(state)]
    assert carried is not None
    return carried.swapaxes(0, 1)


def as_engine(config: ModelConfig, work: Any, carried: Carried) -> Carried:
    """`carried` with the engine's exact values, as the start of the next piece."""
    if not isinstance(carried, list):
        return carried
    names = twin_families.cell(config).states
    return [tuple(work.state()[f"{n}.{name}"].astype(np.float64) for name in names) for n in range(config.layers)]


@pytest.mark.parametrize("label", EVERY)
def test_reset_starts_those_rows_from_nothing_and_leaves_the_others(label: str) -> None:
    config = EVERY[label]
    _, work, carried = made(config, 3, 6)
    nothing = twin_families.nothing(config, 6)
    before = {name: view.copy() for name, view in work.state().items()}
    work.reset(slice(1, 3))
    for name, view in work.state().items():
        np.testing.assert_array_equal(view[1:3], expected_view(config, nothing, name)[1:3])
        np.testing.assert_array_equal(np.delete(view, [1, 2], axis=0), np.delete(before[name], [1, 2], axis=0))
    work.reset()
    for name, view in work.state().items():
        np.testing.assert_array_equal(view, expected_view(config, nothing, name))
    assert carried is None or work.state(), "what is carried can be kept in a checkpoint"


@pytest.mark.parametrize("label", EVERY)
def test_a_new_workspace_starts_from_nothing(label: str) -> None:
    config = EVERY[label]
    for name, view in workspace(config, 3, 6).state().items():
        np.testing.assert_array_equal(view, expected_view(config, twin_families.nothing(config, 6), name))


@pytest.mark.parametrize("label", EVERY)
def test_nan_in_any_parameter_shows_in_the_losses_and_in_the_norm(label: str) -> None:
    config = EVERY[label]
    tokens, targets = drawn(config, 4, 3)
    for name in twin_families.shapes(config):
        net, work, _ = made(config, 4, 3)
        net.parameters[name].reshape(-1)[:] = np.nan
        net.pack()
        assert np.isnan(net.losses_and_gradient(tokens, targets, work)).all(), name
        assert math.isnan(AdamW(net.gradient.size).norm(net.gradient.flat)), name


@pytest.mark.parametrize("label", EVERY)
@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize(("T", "B"), [(1, 1), (5, 3), (11, 8)])
def test_the_workspace_takes_the_bytes_it_announces(label: str, backward: bool, T: int, B: int) -> None:
    for rate in (0.0, 0.5):
        config = having(EVERY[label], dropout=rate)
        owned = arrays(workspace(config, T, B, backward))
        begun = {id(array.base): array.base.nbytes - LINE for array in owned if array.base is not None}  # aligned
        whole = {id(array): array.nbytes for array in owned if array.base is None}
        assert workspace_bytes(config, T, B, backward) == sum(begun.values()) + sum(whole.values())


def arrays(thing: Any) -> list[Any]:
    """Every array in `thing`, recursively through dataclasses, lists and objects."""
    if isinstance(thing, np.ndarray):
        return [thing]
    if isinstance(thing, list | tuple):
        return [array for item in thing for array in arrays(item)]
    if isinstance(thing, dict):
        return arrays(list(thing.values()))
    return arrays(list(vars(thing).values())) if hasattr(thing, "__dict__") else []


@pytest.mark.parametrize("label", EVERY)
def test_what_a_step_runs_over_begins_on_a_cache_line(label: str) -> None:
    net, work, _ = made(EVERY[label], 5, 3)
    optimizer = AdamW(net.parameters.size)
    for array in (net.parameters.flat, net.gradient.flat, optimizer.m, optimizer.v, *arrays(work)):
        assert array.dtype != np.float32 or not array.size or array.ctypes.data % LINE == 0


@pytest.mark.parametrize("label", EVERY)
def test_reading_token_by_token_is_reading_at_once_and_what_training_computes(label: str) -> None:
    config, T = EVERY[label], 10
    given = parameters(config, 2)
    tokens, targets = drawn(config, T, 1, seed=5)
    serial = serial_model(config, given)
    state = serial.initial_state()
    one_by_one = np.stack([serial.read(one, state).copy() for one in each(tokens[:, 0])])
    truth = twin_families.forward(config, named(given), tokens, targets)
    assert_close(one_by_one, truth.logits[:, 0], 2e-5, "logits of reading")
    assert_close(serial.look(tokens[:, 0].copy()).logits, truth.logits[:, 0], 2e-5, "logits of looking")
    parallel = build(config, given)
    parallel.pack()
    losses = parallel.losses(tokens, targets, workspace(config, T, 1))[:, 0]
    results = one_by_one[:, None].astype(np.float64)
    assert_close(twin.losses_of(results, targets)[:, 0], losses, 2e-5, "losses")
    again = serial.initial_state()
    assert serial.read(each(tokens[:, 0])[0], again).tobytes() == one_by_one[0].tobytes(), "a state of its own"


@pytest.mark.parametrize("label", EVERY)
def test_new_weights_forget_the_old_ones(label: str) -> None:
    config = EVERY[label]
    serial, tokens = serial_model(config, parameters(config, 1)), drawn(config, 5, 1)[0]
    one = each(tokens[:, 0])[3]
    serial.look(tokens[:, 0].copy()).reach(np.ones((5, config.logits), np.float32))  # fills every cache
    serial.read(one, serial.initial_state())
    serial.load(parameters(config, 2).flat)
    fresh = serial_model(config, parameters(config, 2))
    assert serial.read(one, serial.initial_state()).tobytes() == fresh.read(one, fresh.initial_state()).tobytes()
    d = np.ones((5, config.logits), np.float32)
    for here, there in zip(*(model.look(tokens[:, 0].copy()).reach(d) for model in (serial, fresh)), strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("label", ATTENTION)
def test_attention_carries_nothing(label: str) -> None:
    assert workspace(ATTENTION[label], 4, 2).state() == {}
