"""Device functions are compiled into kernels only, and are refused from Python."""

import numpy as np
import pytest
from llvmlite.binding import Linkage
from numba import njit
from seqcore.device_code import KernelCompiler
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


@device
def fill(x, n):
    """Fill x[:n] by halves: a function that calls itself is not inlined."""
    if n > 1:
        fill(x[: n // 2], n // 2)
        fill(x[n // 2 :], n - n // 2)
    elif n == 1:
        x[0] = np.float32(3)


def test_a_kernel_shares_no_function_with_other_kernels():
    """One of the same name in another kernel, compiled by another process, may be different code."""
    kernel = njit("void(float32[::1])", pipeline_class=KernelCompiler)(lambda x: fill(x, x.size))
    x = np.zeros(5, np.float32)
    kernel(x)
    assert x.tolist() == [3] * 5
    module = kernel.overloads[kernel.signatures[0]].library._final_module
    linked = {one.name: one.linkage for one in module.functions if not one.is_declaration}
    assert any("fill" in name for name in linked)
    assert not {Linkage.linkonce_odr, Linkage.linkonce_any, Linkage.weak_odr, Linkage.weak_any} & set(linked.values())


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
