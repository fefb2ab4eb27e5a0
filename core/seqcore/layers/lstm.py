"""The LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), gates in PyTorch's order.

    z_t = x_t W_xh + h_{t-1} W_hh + b          (B, 4H): input, forget, cell, output
    i = sigmoid(z_i)   f = sigmoid(z_f)   g = tanh(z_g)   o = sigmoid(z_o)
    c_t = f c_{t-1} + i g                      no nonlinearity between c_{t-1} and c_t
    h_t = o tanh(c_t)

Backward, from dh_t (from above and from t+1) and dc_t (only from t+1):

    dc += dh o (1 - tanh(c_t)^2)
    dz_i = dc g i (1 - i)    dz_f = dc c_{t-1} f (1 - f)    dz_g = dc i (1 - g^2)    dz_o = dh tanh(c_t) o (1 - o)
    dc_{t-1} = dc f          dh_{t-1} += dz W_hh^T          dW_hh = sum over t of h_{t-1}^T dz_t

Shapes: inputs (rows, padded 4H) holds x W_xh + b, hoisted out of the recurrence; index (T * B,) maps each timestep
of each sequence to its row of inputs. gates (T, B, padded 4H) holds h_{t-1} W_hh, then the gates, and dz after the
backward pass; c, h (T+1, B, H), row 0 is the state carried in; dh (T, B, padded H) holds the gradient from above on
entry.

The scan is parallel over the batch: a chunk of rows runs all T timesteps without a barrier, on whichever worker claims
it.
"""

import numpy as np
from numba import prange

from seqcore.arrays import NO_INDEX, NO_MATRIX, NO_VECTOR
from seqcore.elementwise import sigmoid, tanh
from seqcore.gemm import matmul, row_norms
from seqcore.jit import TEAM, claim, device, f1, f2, f3, i1, i8_1, kernel, void
from seqcore.layers.cell import Cell, CellWorkspace, Shown
from seqcore.outer import NO_SECOND, Second, outer_sum
from seqcore.records import F32, I32

f4 = np.float32
CHUNK = 8  # sequences per work item of a scan


# Loops that LLVM should vectorise index slices from 0: in `gates[2*H + j]` Numba must allow for a negative index, and
# its wrap-around test blocks vectorisation (1.5 ns per gate; 0.4 ns with the slices below).
@device
def cell_forward(gates, inputs, index, c_prev, c, h):
    """Turn gates (R, 4H) from h W_hh into the gates; row r adds inputs[index[r]]. c_prev, c, h (R, H)."""
    H = c.shape[1]
    for r in range(c.shape[0]):
        row, x, c_in, c_out, h_out = gates[r], inputs[index[r]], c_prev[r], c[r], h[r]
        z_i, z_f, z_g, z_o = row[:H], row[H : 2 * H], row[2 * H : 3 * H], row[3 * H : 4 * H]
        x_i, x_f, x_g, x_o = x[:H], x[H : 2 * H], x[2 * H : 3 * H], x[3 * H : 4 * H]
        for j in range(H):
            i, f = sigmoid(z_i[j] + x_i[j]), sigmoid(z_f[j] + x_f[j])
            g, o = tanh(z_g[j] + x_g[j]), sigmoid(z_o[j] + x_o[j])
            cell = f * c_in[j] + i * g
            z_i[j], z_f[j], z_g[j], z_o[j] = i, f, g, o
            c_out[j] = cell
            h_out[j] = o * tanh(cell)


@device
def cell_backward(gates, c_prev, c, dh, dc):
    """Forward: c = f c_prev + i g, h = o tanh(c). Turn gates (R, 4H) into dz, and dc (R, H) into that of c_prev."""
    H = c.shape[1]
    for r in range(c.shape[0]):
        row, c_in, c_out, dh_r, dc_r = gates[r], c_prev[r], c[r], dh[r], dc[r]
        z_i, z_f, z_g, z_o = row[:H], row[H : 2 * H], row[2 * H : 3 * H], row[3 * H : 4 * H]
        for j in range(H):
            i, f, g, o, t = z_i[j], z_f[j], z_g[j], z_o[j], tanh(c_out[j])
            d = dc_r[j] + dh_r[j] * o * (f4(1) - t * t)
            z_i[j] = d * g * i * (f4(1) - i)
            z_f[j] = d * c_in[j] * f * (f4(1) - f)
            z_g[j] = d * i * (f4(1) - g * g)
            z_o[j] = dh_r[j] * t * o * (f4(1) - o)
            dc_r[j] = d * f


@device
def scan_forward_rows(inputs, index, W_hh, gates, c, h, first, last):
    """Run rows [first, last) of the batch through all T timesteps."""
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    for t in range(T):
        at = index[t * B + first : t * B + last]
        matmul(h[t, first:last], H, W_hh, gates[t, first:last], False)
        cell_forward(gates[t, first:last], inputs, at, c[t, first:last], c[t + 1, first:last], h[t + 1, first:last])


@kernel("lstm forward", "train-lstm", void(f2, i1, f3, f3, f3, f3, i8_1), parallel=True)
def scan_forward(inputs, index, W_hh, gates, c, h, team):
    """Run the forward scan; see the shapes above. W_hh is packed."""
    B = gates.shape[1]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            scan_forward_rows(inputs, index, W_hh, gates, c, h, chunk * CHUNK, min((chunk + 1) * CHUNK, B))


@kernel("lstm forward, one thread", "look-lstm", void(f2, i1, f3, f3, f3, f3))
def scan_forward_serial(inputs, index, W_hh, gates, c, h):
    """As `scan_forward`, for threads that may not run parallel kernels: generation and probes."""
    scan_forward_rows(inputs, index, W_hh, gates, c, h, 0, gates.shape[1])


@kernel("lstm backward", "train-lstm", void(f3, f3, f3, f3, f3, i8_1), parallel=True)
def scan_backward(W_hh_T, gates, c, dh, dc, team):
    """Run the backward scan: turn gates into dz, dh (T, B, padded H) into the full gradient of h; fill dc (1, B, H).

    dc is the gradient of c_0. Backpropagation is truncated at the first timestep: h_0 and c_0 are treated as constants.
    """
    T, B, H = gates.shape[0], gates.shape[1], c.shape[2]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            first, last = chunk * CHUNK, min((chunk + 1) * CHUNK, B)
            carried = dc[0, first:last]
            carried[:] = f4(0)
            for t in range(T - 1, -1, -1):
                z = gates[t, first:last]
                cell_backward(z, c[t, first:last], c[t + 1, first:last], dh[t, first:last], carried)
                if t > 0:
                    matmul(z, 4 * H, W_hh_T, dh[t - 1, first:last], True)


@kernel("lstm reach", "look-lstm", void(f1, f2, f2, f3, f2, f2, f2, f1))
def reach(gates, c_prev, c, W_hh_T, dh, direct, dz, norms):
    """Kernel of `Cell.back_one`: gates (padded 4H,) of the timestep, c_prev and c (1, H) before and after it."""
    row_norms(dh, c.shape[1], norms)
    for r in range(norms.size):
        dz[r] = gates
        cell_backward(dz[r : r + 1], c_prev, c, dh[r : r + 1], direct[r : r + 1])
    matmul(dz, 4 * c.shape[1], W_hh_T, dh, False)


class LSTM(Cell):
    """One LSTM layer: gates (T, B, padded 4H) as above; `direct` is dc."""

    products = columns = 4
    carries_c = True
    keeps, takes = 1, 0
    shown = (Shown("input", False, 1), Shown("forget", False, 1), Shown("cell", True, 1), Shown("output", False, 1))

    @classmethod
    def draw_bias(cls, b: F32, draw: np.random.Generator, bound: float) -> None:
        """As `Cell.draw_bias`, with a forget bias of 1 (Jozefowicz et al. 2015)."""
        super().draw_bias(b, draw, bound)
        H = b.size // 4
        b[H : 2 * H] = 1

    def forward(self, inputs: F32, index: I32, work: CellWorkspace, parallel: bool = True) -> None:
        """See `Cell`."""
        if parallel:
            scan_forward(inputs, index, self.packed.panels, work.gates, work.c, work.h, TEAM)
        else:
            scan_forward_serial(inputs, index, self.packed.panels, work.gates, work.c, work.h)

    def backward(
        self, work: CellWorkspace, index: I32 = NO_INDEX, table: F32 = NO_MATRIX, second: Second = NO_SECOND
    ) -> None:
        """See `Cell`."""
        scan_backward(self.packed_T.panels, work.gates, work.c, work.dh, work.direct, TEAM)
        self.backward_weights(work, index, table, second)

    def backward_weights(self, work: CellWorkspace, index: I32, table: F32, second: Second) -> None:
        """dW_hh = sum over t of h_{t-1}^T dz_t."""
        outer_sum(self.places(work.h), self.places(work.gates), self.dW_hh, NO_VECTOR, index, table, second=second)

    def back_one(self, work: CellWorkspace, s: int, dh: F32, direct: F32, dz: F32, norms: F32) -> None:
        """See `Cell`."""
        reach(work.gates[s, 0], work.c[s], work.c[s + 1], self.packed_T.panels, dh, direct, dz, norms)
