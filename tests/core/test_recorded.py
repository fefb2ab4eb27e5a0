"""Engine and twins match PyTorch: losses, gradients, carried state, and ten AdamW steps with clipping and decay.

Recorded by tests/core/recorded/record.py. If torch is installed, it is also compared directly, so that the recording
cannot go stale.
"""

import functools
from typing import Any

import numpy as np
import pytest
from seqcore.config import RECURRENT
from seqcore.model import Model, Workspace, build, shapes, workspace
from seqcore.optimizer import AdamW
from seqcore.parameters import Parameters

from tests.core import twin, twin_families
from tests.core.compare import assert_close
from tests.core.families import carried_in, put
from tests.core.recorded import record
from tests.core.recorded.record import CASES, Arrays, Case

TOLERANCE = 1e-5


@functools.cache
def recording(label: str) -> Arrays:
    """The recorded arrays of one case."""
    with np.load(record.PATH, allow_pickle=False) as archive:
        return {name.removeprefix(f"{label}/"): archive[name] for name in archive.files if name.startswith(f"{label}/")}


def part(told: Arrays, prefix: str) -> Arrays:
    """The arrays whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in told.items() if name.startswith(prefix)}


def carried(case: Case, told: Arrays, when: str) -> twin_families.Carried:
    """The state "carried" in or "left" after the step, in the twins' layout."""
    given = part(told, f"{when}/")
    if case.config.family in RECURRENT:
        names = twin_families.cell(case.config).states
        return [tuple(given[name][n].astype(np.float64) for name in names) for n in range(case.config.layers)]
    return given.get("before")


def made(case: Case, told: Arrays) -> tuple[Model, Workspace]:
    """A model with the recorded weights, and a workspace with the recorded carried state."""
    given = part(told, "weights/")
    parameters = Parameters(shapes(case.config))
    assert {name for name, _ in parameters.items()} == given.keys()
    for name, view in parameters.items():
        view[:] = given[name]
    net, work = build(case.config, parameters), workspace(case.config, record.T, record.B)
    put(case.config, work, carried(case, told, "carried"))
    return net, work


def check_carried(actual: twin_families.Carried, expected: twin_families.Carried) -> None:
    if isinstance(expected, list):
        assert isinstance(actual, list)
        for n, (here, there) in enumerate(zip(actual, expected, strict=True)):
            for k, (value, truth) in enumerate(zip(here, there, strict=True)):
                assert_close(value, truth, TOLERANCE, f"state {k} of layer {n}")
    else:
        np.testing.assert_array_equal(actual, expected)  # tokens, or None


def check_gradients(case: Case, told: Arrays) -> None:
    net, work = made(case, told)
    net.pack()
    losses = net.losses_and_gradient(told["tokens"], told["targets"], work)
    assert_close(losses, told["losses"], TOLERANCE, "losses")
    work.carry()
    check_carried(carried_in(case.config, work), carried(case, told, "left"))
    gradients = part(told, "gradient/")
    assert gradients.keys() == {name for name, _ in net.gradient.items()}
    for name, expected in gradients.items():
        assert_close(net.gradient[name], expected, TOLERANCE, name)


def check_steps(case: Case, told: Arrays) -> None:
    net, work = made(case, told)
    optimizer = AdamW(net.parameters.size, record.BETAS, case.eps)
    for step in range(record.STEPS):
        net.pack()
        losses = net.losses_and_gradient(told["steps/tokens"][step], told["steps/targets"][step], work)
        assert_close(losses, told["training/losses"][step], TOLERANCE, f"losses of step {step}")
        norm = optimizer.norm(net.gradient.flat)
        assert norm == pytest.approx(told["training/norms"][step], rel=TOLERANCE)
        scale = min(1.0, record.CLIP / norm)
        decayed = net.parameters.decayed
        optimizer.update(net.parameters.flat, net.gradient.flat, record.RATE, scale, record.DECAY, decayed)
        work.carry()
    for name, expected in part(told, "after/").items():
        assert_close(net.parameters[name], expected, TOLERANCE, name)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("label", CASES)
def test_losses_states_and_gradients_are_those_pytorch_had(label: str) -> None:
    check_gradients(CASES[label], recording(label))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("label", CASES)
def test_ten_steps_lead_where_pytorch_s_led(label: str) -> None:
    told = recording(label)
    assert (told["training/norms"] > record.CLIP).any(), "some steps are clipped"
    check_steps(CASES[label], told)


@pytest.mark.parametrize("label", CASES)
def test_the_twin_says_what_pytorch_said(label: str) -> None:
    """To the last bits of the recording's float32: any difference beyond them is in the mathematics."""
    case, told = CASES[label], recording(label)
    p, now = twin.doubles(part(told, "weights/")), carried(case, told, "carried")
    first = twin_families.step(case.config, p, told["tokens"], told["targets"], now)
    np.testing.assert_allclose(first.losses, told["losses"], rtol=2e-7)
    check_carried(first.carried, carried(case, told, "left"))
    gradients = part(told, "gradient/")
    assert first.gradients.parameters.keys() == gradients.keys()
    for name, expected in gradients.items():
        assert_close(first.gradients.parameters[name], expected, 2e-7, name)
    optimizer = twin.AdamW(p, record.BETAS, case.eps, record.DECAY)
    for step in range(record.STEPS):
        done = twin_families.step(case.config, p, told["steps/tokens"][step], told["steps/targets"][step], now)
        now = done.carried
        norm = optimizer.update(p, done.gradients.parameters, record.RATE, record.CLIP)
        assert norm == pytest.approx(told["training/norms"][step], rel=1e-5)  # PyTorch's clipping adds 1e-6 to the norm
    for name, expected in part(told, "after/").items():
        assert_close(p[name], expected, 1e-5, name)


@pytest.mark.parametrize("label", CASES)
def test_the_recording_s_numbers_are_what_the_script_draws(label: str) -> None:
    told, case = recording(label), CASES[label]
    drawn: dict[str, Any] = {f"weights/{name}": value for name, value in record.weights(case).items()}
    for name, value in (drawn | record.batch(case, 0)).items():
        np.testing.assert_array_equal(told[name], value, err_msg=name)


def test_the_recording_is_small_and_plain() -> None:
    assert record.PATH.stat().st_size < 650_000
    for label in CASES:
        assert {str(value.dtype) for value in recording(label).values()} <= {"float32", "int32"}


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("label", CASES)
def test_pytorch_says_the_same_today(label: str) -> None:
    pytest.importorskip("torch")
    told = record.record(CASES[label])
    check_gradients(CASES[label], told)
    check_steps(CASES[label], told)
    for name, value in recording(label).items():
        np.testing.assert_allclose(told[name], value, rtol=1e-6, atol=1e-7, err_msg=name)
