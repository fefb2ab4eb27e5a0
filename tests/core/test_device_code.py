"""Device functions are compiled into kernels only, and are refused from Python."""

import numpy as np
import pytest
from numba import njit
from seqcore.jit import device


@device
def halve(x):
    """Halve every element."""
    for i in range(x.size):
        x[i] *= np.float32(0.5)


@device
def quarter(x):
    """Call another device function twice."""
    halve(x)
    halve(x)


def test_compiled_functions_call_device_functions():
    x = np.array([4, 8], np.float32)
    njit(lambda x: quarter(x))(x)
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize("function", [halve, quarter])
def test_a_device_function_has_no_machine_code(function):
    function.compile("void(float32[::1])")
    library = function.overloads[function.signatures[0]].library
    assert library._compiled_object is None
    assert "vector.body" not in str(library._final_module)  # LLVM has not optimised it yet


def test_python_cannot_call_a_device_function():
    with pytest.raises(SystemError):
        halve(np.ones(2, np.float32))
