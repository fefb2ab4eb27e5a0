"""Compiled kernels for the tests that run them."""

import os

import pytest
from seqcore import jit, model, optimizer, serial  # noqa: F401  # the last three register the kernels


@pytest.fixture(scope="session")
def kernels() -> None:
    """All kernels, compiled before the first test that uses them, as the program does.

    Where a run asks for other machine code than this host's (an older CPU, checked indices), each kernel is compiled
    when it is first called instead: such a run uses a few of them.
    """
    if not (os.environ.get("NUMBA_BOUNDSCHECK") or os.environ.get("NUMBA_CPU_NAME")):
        jit.compile_kernels()
