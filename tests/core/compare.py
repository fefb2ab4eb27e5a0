"""Tolerances for comparing float32 with float64, and a context manager that sets the number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from seqcore.records import F32
from seqcore.team import TEAM

from tests.core.twin import F64

UNIT = 2.0**-24  # float32's relative rounding error


def normal(draw: np.random.Generator, *shape: int) -> F32:
    """Standard normal float32 array."""
    return draw.standard_normal(shape).astype(np.float32)


def pack(*layers: Any) -> None:
    """Pack the layers' matrices, plain and transposed, as a model does for all of its layers."""
    for layer in layers:
        layer.packed.pack()
        layer.packed_T.pack()


def assert_close(actual: Any, expected: Any, tolerance: float = 2e-6, name: str = "", terms: float = 0.0) -> None:
    """Assert that the largest difference is within `tolerance` times the largest magnitude, and that NaNs match.

    `terms`: magnitude of the intermediate terms, for results that may be much smaller through cancellation.
    """
    assert actual.shape == expected.shape, f"{name}: {actual.shape}, not {expected.shape}"
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), err_msg=f"{name}: NaN elsewhere")
    if actual.size and not np.isnan(expected).all():
        most, error = max(terms, np.nanmax(np.abs(expected))), np.nanmax(np.abs(actual.astype(np.float64) - expected))
        assert error <= tolerance * most, f"{name}: off by {error:.2e} where values go to {most:.2e}"


def assert_product(actual: F32, A: Any, B: Any, plus: Any = 0.0) -> None:
    """Assert actual = A @ B + plus per element, within the error bound of float32 dot products of that length."""
    A, B, plus = A.astype(np.float64), B.astype(np.float64), np.float64(plus)
    bound = (A.shape[1] + 3) * UNIT * (np.abs(A) @ np.abs(B) + np.abs(plus)) + 1e-44
    error: F64 = np.abs(actual - (A @ B + plus))
    assert actual.shape == bound.shape
    assert (error <= bound).all(), f"off by {error.max():.2e}, {(error / bound).max():.1f} times what rounding explains"


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run parallel kernels on `count` threads, which may be more than there are cores."""
    before = TEAM.threads
    TEAM.use(count)
    try:
        yield
    finally:
        TEAM.use(before)
