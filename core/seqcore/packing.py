"""Weights packed for the matrix products: panels of NR columns, repacked after every update; see `gemm`.

One kernel packs all matrices of a model, panel by panel on whichever worker is free.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from seqcore.arrays import zeros
from seqcore.gemm import NR, address
from seqcore.jit import device, f1, i8, i8_1, kernel, void
from seqcore.records import F32
from seqcore.team import shared, team

SMALL = 32_768  # elements below which one thread packs faster than a second one starts
i8_2 = types.int64[:, ::1]


@intrinsic
def transpose8(typingctx, source, source_row, to, to_row):
    """to[j * to_row + i] = source[i * source_row + j] for 8 x 8 elements, in three rounds of register shuffles."""
    pointer, n = types.CPointer(types.float32), types.intp

    def codegen(context, build, signature, args):
        source, source_row, to, to_row = args
        i32, i64 = ir.IntType(32), ir.IntType(64)
        vector = ir.VectorType(ir.FloatType(), 8)

        def row(base, length, r):
            return build.bitcast(build.gep(base, [build.mul(length, i64(r))]), vector.as_pointer())

        def mixed(a, b, lanes):
            return build.shuffle_vector(a, b, ir.Constant(ir.VectorType(i32, 8), lanes))

        rows = [build.load(row(source, source_row, r), align=4) for r in range(8)]
        for distance in (4, 2, 1):  # swap blocks of that size across the diagonal
            low = [lane if not lane & distance else lane - distance + 8 for lane in range(8)]
            high = [lane + distance if not lane & distance else lane + 8 for lane in range(8)]
            for r in range(8):
                if not r & distance:
                    a, b = rows[r], rows[r + distance]
                    rows[r], rows[r + distance] = mixed(a, b, low), mixed(a, b, high)
        for r, values in enumerate(rows):
            build.store(values, row(to, to_row, r), align=4)
        return context.get_dummy_value()

    return types.void(pointer, n, pointer, n), codegen


@device
def pack_panel(B, transposed, panel, at, width):
    """panel[k, j] = B[k, at + j], or B[at + j, k] if `transposed`, for j < width, and zero from there on."""
    K = panel.shape[0]
    if width < NR:
        panel[:] = np.float32(0)
    if not transposed:
        for k in range(K):
            source, row = B[k, at : at + width], panel[k]
            for j in range(width):
                row[j] = source[j]
        return
    whole, rows = (width // 8 * 8, K // 8 * 8)
    for j in range(0, whole, 8):
        for k in range(0, rows, 8):
            transpose8(address(B, (at + j) * K + k), K, address(panel, k * NR + j), NR)
    for j in range(width):
        source = B[at + j]
        for k in range(rows if j < whole else 0, K):
            panel[k, j] = source[k]


@device
def pack_one(flat, matrices, n, p, panels):
    """Pack panel p of matrix n; see `pack_all`."""
    at, rows, columns, transposed, to = matrices[n, 0], matrices[n, 1], matrices[n, 2], matrices[n, 3], matrices[n, 4]
    parts = matrices[n, 6]
    K, N = (columns, rows) if transposed else (rows, columns // parts)
    panel, first = panels[to + p * K * NR : to + (p + 1) * K * NR].reshape((K, NR)), p // parts * NR
    B = flat[at : at + rows * columns].reshape((rows, columns))
    pack_panel(B, transposed != 0, panel, p % parts * N + first, min(NR, N - first))


@device
def panels_before(matrices, n):
    """Return the number of panels of all matrices before matrix n."""
    return matrices[n - 1, 5] if n > 0 else np.int64(0)


@shared
def pack_item(item, worker, flat, matrices, first, begin, panels):
    """Pack panel begin + item of all panels, which is in matrix `first` or a later one."""
    p, n = begin + item, first
    while p >= matrices[n, 5]:
        n += 1
    pack_one(flat, matrices, n, p - panels_before(matrices, n), panels)


@kernel("pack weights", "train", void(f1, i8_2, i8, i8, f1, i8_1))
def pack_all(flat, matrices, first, last, panels, team):
    """Pack the panels of the matrices [first, last) in flat (P,). A row of `matrices` (n, 7): offset in flat, rows,
    columns, whether transposed, offset in panels, number of panels up to and including this matrix, parts."""
    begin, end = panels_before(matrices, first), panels_before(matrices, last)
    pack_item(team, end - begin, (flat, matrices, first, begin, panels))


@kernel("pack weights, one thread", "train look", void(f1, i8_2, i8, i8, f1))
def pack_all_serial(flat, matrices, first, last, panels):
    """As `pack_all`, for threads that may not run parallel kernels."""
    for n in range(first, last):
        for p in range(matrices[n, 5] - panels_before(matrices, n)):
            pack_one(flat, matrices, n, p, panels)


class Packed:
    """Panels (ceil(N / NR), K, NR) of a matrix (K, N), or of the transpose of one (N, K).

    With `parts`, the matrix (K, parts N) is that many side by side: panel n * parts + part holds columns n * NR to
    (n + 1) * NR of the part.
    """

    def __init__(self, matrix: F32, transposed: bool = False, parts: int = 1) -> None:
        self.matrix = matrix
        self.transposed, self.parts = transposed, parts
        K, N = matrix.shape[::-1] if transposed else (len(matrix), matrix.shape[1] // parts)
        self.panels = zeros(-(-N // NR) * parts, K, NR)

    def pack(self, parallel: bool = True) -> None:
        """Pack the current values of the matrix on its own; see `Packs` for several."""
        Packs(self.matrix.reshape(-1), [self]).pack(parallel=parallel)


class Packs:
    """The panels of several matrices that are views into `flat` (P,); those of the backward pass come last."""

    def __init__(self, flat: F32, forward: Sequence[Packed], back: Sequence[Packed] = ()) -> None:
        self._flat, self._forward = flat, len(forward)
        rows: list[tuple[int, ...]] = []
        size, count = 0, 0
        for one in (*forward, *back):
            count += len(one.panels)
            at = (one.matrix.ctypes.data - flat.ctypes.data) // flat.itemsize
            rows.append((at, *one.matrix.shape, one.transposed, size, count, one.parts))
            size += one.panels.size
        self._matrices = np.array(rows, np.int64)
        self.panels = zeros(size)  # of all matrices, concatenated
        for one, row in zip((*forward, *back), rows, strict=True):
            one.panels = self.panels[row[4] : row[4] + one.panels.size].reshape(one.panels.shape)

    def pack(self, forward: bool = True, back: bool = True, parallel: bool = True) -> None:
        """Pack the current values of the matrices: those of the forward pass, the backward pass, or both."""
        first, last = 0 if forward else self._forward, len(self._matrices) if back else self._forward
        if parallel and self._flat.size >= SMALL:
            pack_all(self._flat, self._matrices, first, last, self.panels, team())
        else:
            pack_all_serial(self._flat, self._matrices, first, last, self.panels)


class BothWays(Protocol):
    """A layer that multiplies by its matrix in the forward pass and by the transpose in the backward pass."""

    packed: Packed
    packed_T: Packed  # noqa: N815


def packs(flat: F32, *layers: BothWays) -> Packs:
    """Return the panels of `layers`, whose matrices are views into flat (P,)."""
    return Packs(flat, [layer.packed for layer in layers], [layer.packed_T for layer in layers])
