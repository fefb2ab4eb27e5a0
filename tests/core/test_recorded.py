"""The engine against PyTorch: recorded losses and gradients, ten AdamW steps with clipping, decay and carried state.

Recorded by tests/core/recorded/record.py. Where torch is installed, the comparison is made with it too, so that the
recording cannot grow stale.
"""

from typing import Any

import numpy as np
import pytest
from seqcore.model import RecurrentModel, Workspace
from seqcore.optimizer import AdamW
from seqcore.parameters import Parameters

from tests.core.compare import assert_close
from tests.core.recorded import record
from tests.core.recorded.record import CASES, Arrays, Case

pytestmark = pytest.mark.usefixtures("kernels")

TOLERANCE = 1e-5


def recording(label: str) -> Arrays:
    """The recorded arrays of one case."""
    with np.load(record.PATH, allow_pickle=False) as archive:
        return {name.removeprefix(f"{label}/"): archive[name] for name in archive.files if name.startswith(f"{label}/")}


def part(told: Arrays, prefix: str) -> Arrays:
    """The arrays below that name."""
    return {name.removeprefix(prefix): value for name, value in told.items() if name.startswith(prefix)}


def made(case: Case, told: Arrays) -> tuple[RecurrentModel, Workspace]:
    """The model with the recorded weights, about to start from the recorded state."""
    given = part(told, "weights/")
    parameters = Parameters({name: value.shape for name, value in given.items()})
    for name, view in parameters.items():
        view[:] = given[name]
    net, work = RecurrentModel(case.config, parameters), Workspace.of(case.config, record.T, record.B)
    for n, layer in enumerate(work.layers):
        layer.h[0], layer.c[0] = told["h0"][n], told["c0"][n]
    return net, work


def check_gradients(case: Case, told: Arrays) -> None:
    net, work = made(case, told)
    net.pack()
    losses = net.losses_and_gradient(told["tokens"], told["targets"], work)
    assert_close(losses, told["losses"], TOLERANCE, "losses")
    for n, layer in enumerate(work.layers):
        assert_close(layer.h[-1], told["h"][n], TOLERANCE, f"h of layer {n}")
        assert_close(layer.c[-1], told["c"][n], TOLERANCE, f"c of layer {n}")
    gradients = part(told, "gradient/")
    assert gradients.keys() == {name for name, _ in net.gradient.items()}
    for name, expected in gradients.items():
        assert_close(net.gradient[name], expected, TOLERANCE, name)


def check_steps(case: Case, told: Arrays) -> None:
    net, work = made(case, told)
    optimizer = AdamW(net.parameters.size, record.BETAS, record.EPS)
    for step in range(record.STEPS):
        net.pack()
        losses = net.losses_and_gradient(told[f"step {step}/tokens"], told[f"step {step}/targets"], work)
        assert_close(losses, told["training/losses"][step], TOLERANCE, f"losses of step {step}")
        norm = optimizer.norm(net.gradient.flat)
        assert norm == pytest.approx(told["training/norms"][step], rel=TOLERANCE)
        scale = min(1.0, record.CLIP / norm)
        decayed = net.parameters.decayed
        optimizer.update(net.parameters.flat, net.gradient.flat, record.RATE, scale, record.DECAY, decayed)
        work.carry()
    for name, expected in part(told, "after/").items():
        assert_close(net.parameters[name], expected, TOLERANCE, name)


@pytest.mark.parametrize("label", CASES)
def test_losses_states_and_gradients_are_those_pytorch_had(label: str) -> None:
    check_gradients(CASES[label], recording(label))


@pytest.mark.parametrize("label", CASES)
def test_ten_steps_lead_where_pytorch_s_led(label: str) -> None:
    told = recording(label)
    assert (told["training/norms"] > record.CLIP).any(), "some steps are clipped"
    check_steps(CASES[label], told)


@pytest.mark.parametrize("label", CASES)
def test_the_recording_s_numbers_are_what_the_script_draws(label: str) -> None:
    told, case = recording(label), CASES[label]
    drawn: dict[str, Any] = {f"weights/{name}": value for name, value in record.weights(case).items()}
    for name, value in (drawn | record.batch(case, 0)).items():
        np.testing.assert_array_equal(told[name], value, err_msg=name)


def test_the_recording_is_small_and_plain() -> None:
    assert record.PATH.stat().st_size < 300_000
    for label in CASES:
        assert {str(value.dtype) for value in recording(label).values()} == {"float32", "int32"}


@pytest.mark.parametrize("label", CASES)
def test_pytorch_says_the_same_today(label: str) -> None:
    pytest.importorskip("torch")
    told = record.record(CASES[label])
    check_gradients(CASES[label], told)
    check_steps(CASES[label], told)
    for name, value in recording(label).items():
        np.testing.assert_allclose(told[name], value, rtol=1e-6, atol=1e-7, err_msg=name)
