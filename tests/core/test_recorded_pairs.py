"""The encoder-decoder's twin matches PyTorch: losses and gradients, as recorded by recorded/record_pairs.py.

If torch is installed, it is also compared directly, in float64.
"""

import functools

import numpy as np
import pytest

from tests.core import twin, twin_pairs
from tests.core.compare import assert_close
from tests.core.recorded import record_pairs
from tests.core.recorded.record_pairs import CASES, Arrays, Case

RECORDED = 2e-7  # the recording is float32: any difference beyond its rounding is in the mathematics
LIVE = 1e-12


@functools.cache
def recording(label: str) -> Arrays:
    """The recorded arrays of one case."""
    return record_pairs.load(label)


def part(told: Arrays, prefix: str) -> Arrays:
    """The arrays whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in told.items() if name.startswith(prefix)}


def check(case: Case, told: Arrays, tolerance: float) -> None:
    p = twin.doubles(part(told, "weights/"))
    done = twin_pairs.step(p, case.config, told["inputs"], told["targets"])
    np.testing.assert_allclose(done.losses, told["losses"], rtol=tolerance)
    gradients = part(told, "gradient/")
    assert list(done.gradients) == list(gradients) == list(p)
    for name, expected in gradients.items():
        assert_close(done.gradients[name], expected, tolerance, name)


@pytest.mark.parametrize("label", CASES)
def test_the_twin_says_what_pytorch_said(label: str) -> None:
    check(CASES[label], recording(label), RECORDED)


@pytest.mark.parametrize("label", CASES)
def test_every_recorded_gradient_is_one(label: str) -> None:
    for name, value in part(recording(label), "gradient/").items():
        assert np.isfinite(value).all(), name
        assert np.abs(value).max() > 1e-4, name


@pytest.mark.parametrize("label", CASES)
def test_the_recording_s_numbers_are_what_the_script_draws(label: str) -> None:
    told, case = recording(label), CASES[label]
    drawn: Arrays = {f"weights/{name}": value for name, value in record_pairs.weights(case).items()}
    for name, value in (drawn | record_pairs.batch(case)).items():
        np.testing.assert_array_equal(told[name], value, err_msg=name)


def test_the_recording_is_small_and_plain() -> None:
    assert record_pairs.PATH.stat().st_size < 250_000
    for label in CASES:
        assert {str(value.dtype) for value in recording(label).values()} <= {"float32", "int32"}


@pytest.mark.parametrize("label", CASES)
def test_pytorch_says_the_same_today(label: str) -> None:
    pytest.importorskip("torch")
    told = record_pairs.record(CASES[label])
    check(CASES[label], told, LIVE)
    for name, value in recording(label).items():
        np.testing.assert_allclose(told[name], value, rtol=1e-6, atol=1e-7, err_msg=name)
