"""How closely float32 must follow float64, and work on other numbers of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from seqcore import jit
from seqcore.records import F32

from tests.core.twin import F64

UNIT = 2.0**-24  # float32's relative rounding error


def normal(draw: np.random.Generator, *shape: int) -> F32:
    """Standard normal float32."""
    return draw.standard_normal(shape).astype(np.float32)


def pack(*layers: Any) -> None:
    """Pack the matrices of layers, both ways, as models do with all of theirs at once."""
    for layer in layers:
        layer.packed.pack()
        layer.packed_T.pack()


def assert_close(actual: Any, expected: Any, tolerance: float = 2e-6, name: str = "", terms: float = 0.0) -> None:
    """The largest difference is within `tolerance` of the largest magnitude; NaN exactly where it is expected.

    `terms`: the magnitude of what was added and subtracted on the way, where the result may be far below it.
    """
    assert actual.shape == expected.shape, f"{name}: {actual.shape}, not {expected.shape}"
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), err_msg=f"{name}: NaN elsewhere")
    if actual.size and not np.isnan(expected).all():
        most, error = max(terms, np.nanmax(np.abs(expected))), np.nanmax(np.abs(actual.astype(np.float64) - expected))
        assert error <= tolerance * most, f"{name}: off by {error:.2e} where values go to {most:.2e}"


def assert_product(actual: F32, A: Any, B: Any, plus: Any = 0.0) -> None:
    """actual = A @ B + plus within the rounding error that a float32 sum of so many products may have, per element."""
    A, B, plus = A.astype(np.float64), B.astype(np.float64), np.float64(plus)
    bound = (A.shape[1] + 3) * UNIT * (np.abs(A) @ np.abs(B) + np.abs(plus)) + 1e-44
    error: F64 = np.abs(actual - (A @ B + plus))
    assert actual.shape == bound.shape
    assert (error <= bound).all(), f"off by {error.max():.2e}, {(error / bound).max():.1f} times what rounding explains"


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run parallel kernels on so many threads."""
    before = int(jit.TEAM[1])
    jit.set_threads(count)
    try:
        yield
    finally:
        jit.set_threads(before)
