"""The nonlinearity of a dense layer: h = tanh(z), dz = dh (1 - h^2).

Shapes: z and dh (M, padded H), h (M, H).
"""

import numpy as np

from seqcore.elementwise import tanh
from seqcore.jit import device, f2, i8_1, kernel, void
from seqcore.team import shared

f4 = np.float32
ROWS = 64  # rows per work item


@device
def tanh_of_rows(z, h, first, last):
    """h = tanh(z) for rows [first, last)."""
    H = h.shape[1]
    for m in range(first, last):
        z_m, h_m = z[m, :H], h[m]
        for j in range(H):
            h_m[j] = tanh(z_m[j])


@shared
def tanh_chunk(chunk, worker, z, h):
    """h = tanh(z) for ROWS rows."""
    tanh_of_rows(z, h, chunk * ROWS, min((chunk + 1) * ROWS, h.shape[0]))


@kernel("tanh", "train-feedforward train-pairs", void(f2, f2, i8_1))
def tanh_forward(z, h, team):
    """h (M, H) = tanh(z), z (M, padded H)."""
    tanh_chunk(team, (h.shape[0] + ROWS - 1) // ROWS, (z, h))


@kernel("tanh, one thread", "look-feedforward look-pairs", void(f2, f2))
def tanh_forward_serial(z, h):
    """As `tanh_forward`, for threads that may not run parallel kernels."""
    tanh_of_rows(z, h, 0, h.shape[0])


@shared
def tanh_backward_chunk(chunk, worker, h, dh):
    """Turn ROWS rows of dh into dz."""
    M, H = h.shape
    for m in range(chunk * ROWS, min((chunk + 1) * ROWS, M)):
        h_m, dh_m = h[m], dh[m, :H]
        for j in range(H):
            dh_m[j] *= f4(1) - h_m[j] * h_m[j]


@kernel("tanh backward", "train-feedforward train-pairs", void(f2, f2, i8_1))
def tanh_backward(h, dh, team):
    """Turn dh (M, padded H) into dz = dh (1 - h^2)."""
    tanh_backward_chunk(team, (h.shape[0] + ROWS - 1) // ROWS, (h, dh))
