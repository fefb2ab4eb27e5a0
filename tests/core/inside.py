"""Tests that test_environments.py runs in processes set up for other machine code. Not collected by pytest itself."""

import os

import numpy as np
import pytest
from seqcore import gemm, jit
from seqcore.layers import embedding
from seqcore.layers.lstm import LSTM


def assembly() -> str:
    """The assembly of the LSTM's forward scan, compiled in this process."""
    entry = next(kernel for kernel in jit.KERNELS if kernel.dispatcher is LSTM.scan.forward_serial)
    scan = jit.device(LSTM.scan.forward_serial.py_func)
    scan.compile(entry.signature)
    text: str = scan.inspect_asm(entry.signature.args)
    return text


def test_indices_are_checked() -> None:
    assert os.environ["NUMBA_BOUNDSCHECK"] == "1"
    rows, out = np.array([9], np.int32), np.zeros((1, 8), np.float32)
    with pytest.raises(IndexError):
        embedding.gather_rows(np.zeros((3, 8), np.float32), rows, np.zeros(0, np.float32), out)
    with pytest.raises(IndexError):
        embedding.distinct(np.array([7], np.int32), np.zeros(3, np.int32), rows, rows)


def test_the_tile_and_the_code_are_avx2() -> None:
    assert (gemm.SHAPE.name, gemm.NR, gemm.MR) == ("AVX2", 24, 4)
    code = assembly()
    assert "zmm" not in code
    assert "ymm" in code
    assert "vfmadd" in code
    assert code.count("vfmadd231ps") >= 12, "the tile's sums stay in registers"


def test_the_tile_and_the_code_are_sse2() -> None:
    assert (gemm.SHAPE.name, gemm.NR, gemm.MR) == ("SSE2", 8, 4)
    code = assembly()
    assert "ymm" not in code
    assert "zmm" not in code
    assert "vfmadd" not in code
    assert "mulps" in code


def test_the_tile_is_neon_s() -> None:
    assert (gemm.SHAPE.name, gemm.NR, gemm.MR) == ("NEON", 12, 8)
