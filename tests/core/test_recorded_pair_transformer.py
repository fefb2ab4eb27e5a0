"""The twin and the engine match PyTorch on pairs, as recorded by recorded/record_pair_transformer.py.

If torch is installed, the twin is also compared directly, in float64.
"""

import functools

import numpy as np
import pytest
from seqcore.models.pair_transformer_weights import shapes
from seqcore.parameters import Parameters

from tests.core import twin, twin_pair_transformer
from tests.core.compare import assert_close
from tests.core.recorded import record_pair_transformer as recorder
from tests.core.recorded.record_pair_transformer import CASES, Arrays, Case
from tests.core.test_pair_transformer import stepped
from tests.core.test_recorded_pairs import LIVE, RECORDED, part

pytestmark = pytest.mark.usefixtures("kernels")


@functools.cache
def recording(label: str) -> Arrays:
    """The recorded arrays of one case."""
    return recorder.load(label)


def check(case: Case, told: Arrays, tolerance: float) -> None:
    p = twin.doubles(part(told, "weights/"))
    done = twin_pair_transformer.step(p, case.config, told["inputs"], told["targets"])
    np.testing.assert_allclose(done.losses, told["losses"], rtol=tolerance)
    for name, expected in part(told, "gradient/").items():
        assert_close(done.gradients[name], expected, tolerance, name)


@pytest.mark.parametrize("label", CASES)
def test_the_twin_says_what_pytorch_said(label: str) -> None:
    check(CASES[label], recording(label), RECORDED)


@pytest.mark.parametrize("label", CASES)
def test_the_engine_says_what_pytorch_said(label: str) -> None:
    told, config = recording(label), CASES[label].config
    parameters = Parameters(shapes(config))
    for name, view in parameters.items():
        view[:] = told[f"weights/{name}"]
    inputs, targets = told["inputs"].astype(np.int32), told["targets"].astype(np.int32)
    losses, gradient = stepped(config, parameters, inputs, targets)
    np.testing.assert_allclose(losses, told["losses"], rtol=2e-5)
    for name, view in gradient.items():
        assert_close(view, told[f"gradient/{name}"], 5e-5, name)


@pytest.mark.parametrize("label", CASES)
def test_every_recorded_gradient_is_one(label: str) -> None:
    for name, value in part(recording(label), "gradient/").items():
        assert np.isfinite(value).all(), name
        assert np.abs(value).max() > 1e-4, name


@pytest.mark.parametrize("label", CASES)
def test_the_recording_s_numbers_are_what_the_script_draws(label: str) -> None:
    told, case = recording(label), CASES[label]
    drawn: Arrays = {f"weights/{name}": value for name, value in recorder.weights(case).items()}
    for name, value in (drawn | recorder.batch(case)).items():
        np.testing.assert_array_equal(told[name], value, err_msg=name)


def test_the_recording_is_small_and_plain() -> None:
    assert recorder.PATH.stat().st_size < 150_000
    for label in CASES:
        assert {str(value.dtype) for value in recording(label).values()} <= {"float32", "int32"}


@pytest.mark.parametrize("label", CASES)
def test_pytorch_says_the_same_today(label: str) -> None:
    pytest.importorskip("torch")
    told = recorder.record(CASES[label])
    check(CASES[label], told, LIVE)
    for name, value in recording(label).items():
        np.testing.assert_allclose(told[name], value, rtol=1e-6, atol=1e-7, err_msg=name)
