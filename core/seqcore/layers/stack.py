"""The kernels of a transformer in training: pack every matrix, all blocks forward, all blocks back, the embedding.

Each is one parallel region. Shapes and the rest: `layers.block`.
"""

import numpy as np
from numba import prange, types

from seqcore.gemm import NR, pack_panel
from seqcore.jit import boolean, claim, device, f1, f2, f3, i1, i8, i8_1, kernel, void
from seqcore.layers.block import ROWS, backward_rows, forward_rows

f8, u4_1, i8_2 = types.float64, types.uint32[::1], types.int64[:, ::1]


@device
def pack_one(flat, matrices, n, p, panels):
    """Panel p of matrix n; see `pack_all`."""
    at, rows, columns, transposed, to = matrices[n, 0], matrices[n, 1], matrices[n, 2], matrices[n, 3], matrices[n, 4]
    K = columns if transposed else rows
    panel = panels[to + p * K * NR : to + (p + 1) * K * NR].reshape((K, NR))
    pack_panel(flat[at : at + rows * columns].reshape((rows, columns)), transposed != 0, panel, p)


@kernel("pack all weights", "train-attention", void(f1, i8_2, f1, i8_1), parallel=True)
def pack_all(flat, matrices, panels, team):
    """Panels of many matrices in flat (P,). A row of `matrices` (n, 6): where in flat, rows, columns, whether
    transposed, where in panels, how many panels it and the rows before it have."""
    total = matrices[-1, 5]
    team[0] = 0
    for _ in prange(team[1]):
        n, before = 0, np.int64(0)
        while True:
            p = claim(team)
            if p >= total:
                break
            while p >= matrices[n, 5]:
                before = matrices[n, 5]
                n += 1
            pack_one(flat, matrices, n, p - before, panels)


@kernel("pack all weights, one thread", "look-attention", void(f1, i8_2, f1))
def pack_all_serial(flat, matrices, panels):
    """As `pack_all`, for threads that may not run parallel kernels."""
    before = np.int64(0)
    for n in range(matrices.shape[0]):
        for p in range(matrices[n, 5] - before):
            pack_one(flat, matrices, n, p, panels)
        before = matrices[n, 5]


@device
def chunk_rows(T):
    """Rows of a chunk: whole sequences, ROWS or more."""
    return max(1, ROWS // T) * T


@kernel(
    "transformer forward",
    "train-attention",
    void(i1, f2, f2, f2, f3, f2, f2, f3, f3, f3, f3, f3, f3, f3, f3, i8, i8, u4_1, f8, i8_1),
    parallel=True,
)
def blocks_forward(
    tokens, E, P, packed, scales, biases, turns, x, normed, stats, qkv, peaks, y, slope, u, T, heads, masks, rate, team
):
    """tokens (M,) through the embedding, all blocks and the last norm."""
    M, size = tokens.size, chunk_rows(T)
    chunks = (M + size - 1) // size
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            forward_rows(
                chunk * size, min((chunk + 1) * size, M), tokens, E, P, packed, scales, biases, turns, x, normed, stats,
                qkv, peaks, y, slope, u, T, heads, masks, rate,
            )  # fmt: skip


@kernel(
    "transformer backward",
    "train-attention",
    void(f2, f3, f2, f2, f3, f3, f3, f3, f3, f3, f2, i8, i8, u4_1, f8, i8_1),
    parallel=True,
)
def blocks_backward(
    packed_T, scales, turns, dtop, x, stats, qkv, peaks, slope, dropped, dscales, T, heads, masks, rate, team
):
    """From dtop (M, padded C) all the way down; dscales (chunks, (2L+1) 2 C), each chunk's sums."""
    M, size = dtop.shape[0], chunk_rows(T)
    chunks = (M + size - 1) // size
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            backward_rows(
                chunk * size, min((chunk + 1) * size, M), packed_T, scales, turns, dtop, x, stats, qkv, peaks, slope,
                dropped, dscales[chunk].reshape(scales.shape), T, heads, masks, rate,
            )  # fmt: skip


@kernel("embedding gradient", "train-attention", void(i1, f2, f2, f2, i8, boolean, i8_1), parallel=True)
def embedding_backward(tokens, dx, dE, dP, T, clear, team):
    """dE[token] += rows of dx (M, padded C) (from zero where `clear`), dP[t] = theirs; dP may be empty.

    Workers own columns, so that every sum has one order.
    """
    C = dE.shape[1]
    groups = (C + NR - 1) // NR
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            group = claim(team)
            if group >= groups:
                break
            first, last = group * NR, min((group + 1) * NR, C)
            if clear:
                dE[:, first:last] = np.float32(0)
            if dP.size:
                dP[:, first:last] = np.float32(0)
            for m in range(tokens.size):
                row, to = dx[m, first:last], dE[tokens[m], first:last]
                for j in range(row.size):
                    to[j] += row[j]
                if dP.size:
                    place = dP[m % T, first:last]
                    for j in range(row.size):
                        place[j] += row[j]
