"""Compiled kernels for the tests that run them."""

import os

import pytest
from seqcore import jit, model, optimizer, serial  # noqa: F401  # the last three register the kernels


@pytest.fixture(scope="session")
def kernels() -> None:
    """Compile all kernels before the first test that uses them, as the program does.

    When the environment asks for different machine code (an older CPU, bounds checking), kernels are compiled on first
    call instead, because such a run uses only a few of them.
    """
    if not (os.environ.get("NUMBA_BOUNDSCHECK") or os.environ.get("NUMBA_CPU_NAME")):
        jit.compile_kernels()
