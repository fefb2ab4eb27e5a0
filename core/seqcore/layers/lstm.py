"""The LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), as PyTorch orders it.

    z_t = x_t W_xh + h_{t-1} W_hh + b          (B, 4H): input, forget, cell, output
    i = sigmoid(z_i)   f = sigmoid(z_f)   g = tanh(z_g)   o = sigmoid(z_o)
    c_t = f c_{t-1} + i g                      the uninterrupted cell state: what f lets through is not squashed
    h_t = o tanh(c_t)

Backward, from dh_t (from above and from t+1) and dc_t (from t+1 alone):

    dc += dh o (1 - tanh(c_t)^2)
    dz_i = dc g i (1 - i)    dz_f = dc c_{t-1} f (1 - f)    dz_g = dc i (1 - g^2)    dz_o = dh tanh(c_t) o (1 - o)
    dc_{t-1} = dc f          dh_{t-1} += dz W_hh^T          dW_hh = sum over t of h_{t-1}^T dz_t

Shapes: inputs (rows, padded 4H) holds x W_xh + b, hoisted out of the recurrence; index (T * B,) says which row serves
which place. gates (T, B, padded 4H), z and then the gates, and after the backward pass dz in the same place;
c, h (T+1, B, H), row 0 is the state carried in; dh (T, B, padded H) comes in with the gradient from above.

Rows of the batch own the scan: a chunk of rows runs all T steps with no barrier, on whichever worker claims it.
"""

from dataclasses import dataclass

import numpy as np
from numba import prange

from seqcore.elementwise import sigmoid, tanh
from seqcore.gemm import NO_INDEX, NO_TABLE, Packed, matmul, outer_sum, padded
from seqcore.jit import TEAM, claim, device, f2, f3, i1, i8_1, kernel, void
from seqcore.layers.linear import Linear
from seqcore.records import F32, I32

f4 = np.float32
CHUNK = 8  # rows that run through time together


# Loops that LLVM vectorises index whole slices from 0: `gates[2*H + j]` may be negative as far as Numba knows, and its
# wrap-around test costs the vectoriser (1.5 ns a gate; 0.4 with the slices below).
@device
def cell_forward(gates, inputs, index, c_prev, c, h):
    """gates (R, 4H) hold h W_hh; row r adds inputs[index[r]] and becomes the gates. c_prev, c, h (R, H)."""
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
    """In the forward pass: c = f c_prev + i g, h = o tanh(c). gates (R, 4H) become dz; dc (R, H) goes back in time."""
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
    """Rows [first, last) of the batch, through all T timesteps."""
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    for t in range(T):
        at = index[t * B + first : t * B + last]
        matmul(h[t, first:last], H, W_hh, gates[t, first:last], False)
        cell_forward(gates[t, first:last], inputs, at, c[t, first:last], c[t + 1, first:last], h[t + 1, first:last])


@kernel("lstm forward", "train", void(f2, i1, f3, f3, f3, f3, i8_1), parallel=True)
def scan_forward(inputs, index, W_hh, gates, c, h, team):
    """Forward through time; see the shapes above. W_hh packed."""
    B = gates.shape[1]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            scan_forward_rows(inputs, index, W_hh, gates, c, h, chunk * CHUNK, min((chunk + 1) * CHUNK, B))


@kernel("lstm forward, one thread", "look", void(f2, i1, f3, f3, f3, f3))
def scan_forward_serial(inputs, index, W_hh, gates, c, h):
    """As `scan_forward`, for threads that may not run parallel kernels: generation and probes."""
    scan_forward_rows(inputs, index, W_hh, gates, c, h, 0, gates.shape[1])


@kernel("lstm backward", "train", void(f3, f3, f3, f3, f3, i8_1), parallel=True)
def scan_backward(W_hh_T, gates, c, dh, dc, team):
    """Back through time: gates become dz, dh (T, B, padded H) the whole gradient of h, dc (1, B, H) that of c_0.

    The recurrence is cut at the first timestep (truncated backpropagation): h_0 and c_0 are taken as given.
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


@dataclass
class LSTMWorkspace:
    """The arrays of one layer for sequences of T timesteps in B rows."""

    gates: F32  # (T, B, padded 4H)
    c: F32  # (T+1, B, H)
    h: F32  # (T+1, B, H)
    dh: F32  # (T, B, padded H); empty for a forward pass alone
    dc: F32  # (1, B, H)

    @staticmethod
    def bytes_needed(T: int, B: int, H: int, backward: bool = True) -> int:
        """What `of` will allocate: linear in T, B and H."""
        back = T * padded(H) if backward else 0
        return 4 * B * (T * padded(4 * H) + 2 * (T + 1) * H + H + back)

    @staticmethod
    def of(T: int, B: int, H: int, backward: bool = True) -> "LSTMWorkspace":
        """Zeroed arrays."""
        back = T if backward else 0
        return LSTMWorkspace(
            np.zeros((T, B, padded(4 * H)), f4),
            np.zeros((T + 1, B, H), f4),
            np.zeros((T + 1, B, H), f4),
            np.zeros((back, B, padded(H)), f4),
            np.zeros((1, B, H), f4),
        )


class LSTM:
    """One layer. W_xh (I, 4H) and b (4H,) belong to its input product, W_hh (H, 4H) to its recurrence."""

    def __init__(self, W_xh: F32, W_hh: F32, b: F32, dW_xh: F32, dW_hh: F32, db: F32) -> None:
        self.hidden = len(W_hh)
        self.W_hh, self.dW_hh = W_hh, dW_hh
        self.input = Linear(W_xh, b, dW_xh, db)
        self.packed = Packed(W_hh)
        self.packed_T = Packed(W_hh, transposed=True)

    def pack(self, backward: bool = True) -> None:
        """Read the weights as they are now."""
        self.packed.pack()
        self.input.pack(backward)
        if backward:
            self.packed_T.pack()

    def forward(self, inputs: F32, index: I32, work: LSTMWorkspace) -> None:
        """Fill gates, c[1:] and h[1:] from inputs (rows, padded 4H), index (T * B,), c[0] and h[0]."""
        scan_forward(inputs, index, self.packed.panels, work.gates, work.c, work.h, TEAM)

    def backward(self, work: LSTMWorkspace, index: I32 = NO_INDEX, table: F32 = NO_TABLE) -> None:
        """From dh as it comes from above: gates become dz, and dW_hh is filled.

        Where `index` (T * B,) is given, table[u] = the sum of the rows of dz whose index is u.
        """
        scan_backward(self.packed_T.panels, work.gates, work.c, work.dh, work.dc, TEAM)
        self.backward_weights(work, index, table)

    def backward_weights(self, work: LSTMWorkspace, index: I32, table: F32) -> None:
        """dW_hh = the sum over t of h_{t-1}^T dz_t."""
        T, B, width = work.gates.shape
        dz = work.gates.reshape(T * B, width)
        outer_sum(work.h[:T].reshape(T * B, self.hidden), dz, self.dW_hh, self.input.db, False, TEAM, index, table)
