"""The vanilla RNN (Elman 1990), with tanh or relu, as in PyTorch but with one bias instead of two.

    h_t = f(x_t W_xh + h_{t-1} W_hh + b)

Backward, from dh_t (from above and from t+1):

    dz_t = dh_t f'(z_t)          tanh: 1 - h_t^2          relu: 1 where h_t > 0, else 0
    dh_{t-1} += dz_t W_hh^T      dW_hh = sum over t of h_{t-1}^T dz_t

Every step back multiplies by f' and W_hh^T: over many timesteps gradients vanish or explode.

Shapes: inputs (rows, padded H) holds x W_xh + b, index (T * B,) maps each timestep of each sequence to its row of
inputs. gates (T, B, padded H), here called z, holds h_{t-1} W_hh, and after the backward pass dz; h (T+1, B, H), row 0
is the state carried in; dh (T, B, padded H).
"""

import numpy as np
from numba import prange

from seqcore.arrays import NO_INDEX, NO_MATRIX, NO_VECTOR
from seqcore.elementwise import tanh
from seqcore.gemm import matmul, row_norms
from seqcore.jit import TEAM, boolean, claim, device, f1, f2, f3, i1, i8_1, kernel, void
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.outer import NO_SECOND, Second, outer_sum
from seqcore.records import F32, I32

f4 = np.float32
CHUNK = 8  # sequences per work item of a scan


@device
def cell_forward(z, inputs, index, relu, h):
    """h (R, H) = f(z + inputs[index]), z (R, padded H) = h_{t-1} W_hh."""
    H = h.shape[1]
    for r in range(h.shape[0]):
        z_r, x, h_out = z[r, :H], inputs[index[r], :H], h[r]
        if relu:
            for j in range(H):
                total = z_r[j] + x[j]
                h_out[j] = f4(0) if total < f4(0) else total  # lets NaN through
        else:
            for j in range(H):
                h_out[j] = tanh(z_r[j] + x[j])


@device
def cell_backward(h, dh, relu, dz):
    """Fill dz (R, padded H) from h (R, H) and its gradient dh (R, padded H)."""
    H = h.shape[1]
    for r in range(h.shape[0]):
        h_r, dh_r, dz_r = h[r], dh[r, :H], dz[r, :H]
        if relu:
            for j in range(H):
                dz_r[j] = f4(0) if h_r[j] == f4(0) else dh_r[j]
        else:
            for j in range(H):
                dz_r[j] = dh_r[j] * (f4(1) - h_r[j] * h_r[j])


@device
def scan_forward_rows(inputs, index, W_hh, relu, z, h, first, last):
    """Run rows [first, last) of the batch through all T timesteps."""
    T, B, H = z.shape[0], z.shape[1], h.shape[2]
    for t in range(T):
        at = index[t * B + first : t * B + last]
        matmul(h[t, first:last], H, W_hh, z[t, first:last], False)
        cell_forward(z[t, first:last], inputs, at, relu, h[t + 1, first:last])


@kernel("rnn forward", "train-rnn", void(f2, i1, f3, boolean, f3, f3, i8_1), parallel=True)
def scan_forward(inputs, index, W_hh, relu, z, h, team):
    """Run the forward scan; see the shapes above. W_hh is packed."""
    B = z.shape[1]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            scan_forward_rows(inputs, index, W_hh, relu, z, h, chunk * CHUNK, min((chunk + 1) * CHUNK, B))


@kernel("rnn forward, one thread", "look-rnn", void(f2, i1, f3, boolean, f3, f3))
def scan_forward_serial(inputs, index, W_hh, relu, z, h):
    """As `scan_forward`, for threads that may not run parallel kernels: generation and probes."""
    scan_forward_rows(inputs, index, W_hh, relu, z, h, 0, z.shape[1])


@kernel("rnn backward", "train-rnn", void(f3, boolean, f3, f3, f3, i8_1), parallel=True)
def scan_backward(W_hh_T, relu, z, h, dh, team):
    """Run the backward scan: turn z into dz, and dh into the full gradient of h."""
    T, B, H = z.shape[0], z.shape[1], h.shape[2]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            first, last = chunk * CHUNK, min((chunk + 1) * CHUNK, B)
            for t in range(T - 1, -1, -1):
                dz = z[t, first:last]
                cell_backward(h[t + 1, first:last], dh[t, first:last], relu, dz)
                if t > 0:
                    matmul(dz, H, W_hh_T, dh[t - 1, first:last], True)


@kernel("rnn reach", "look-rnn", void(f2, f3, boolean, f2, f2, f1))
def reach(h, W_hh_T, relu, dh, dz, norms):
    """Kernel of `Cell.back_one`: h (1, H) of the timestep."""
    row_norms(dh, h.shape[1], norms)
    for r in range(norms.size):
        cell_backward(h, dh[r : r + 1], relu, dz[r : r + 1])
    matmul(dz, h.shape[1], W_hh_T, dh, False)


class RNN(Cell):
    """One RNN layer."""

    products = columns = 1
    goes_direct = False
    shown = ()

    @property
    def relu(self) -> bool:
        """Whether f is relu rather than tanh."""
        return self.activation == "relu"

    def forward(self, inputs: F32, index: I32, work: CellWorkspace, parallel: bool = True) -> None:
        """See `Cell`."""
        if parallel:
            scan_forward(inputs, index, self.packed.panels, self.relu, work.gates, work.h, TEAM)
        else:
            scan_forward_serial(inputs, index, self.packed.panels, self.relu, work.gates, work.h)

    def backward(
        self, work: CellWorkspace, index: I32 = NO_INDEX, table: F32 = NO_MATRIX, second: Second = NO_SECOND
    ) -> None:
        """See `Cell`."""
        scan_backward(self.packed_T.panels, self.relu, work.gates, work.h, work.dh, TEAM)
        self.backward_weights(work, index, table, second)

    def backward_weights(self, work: CellWorkspace, index: I32, table: F32, second: Second) -> None:
        """dW_hh = sum over t of h_{t-1}^T dz_t."""
        outer_sum(self.places(work.h), self.places(work.gates), self.dW_hh, NO_VECTOR, index, table, second=second)

    def back_one(self, work: CellWorkspace, s: int, dh: F32, direct: F32, dz: F32, norms: F32) -> None:
        """See `Cell`."""
        reach(work.h[s + 1], self.packed_T.panels, self.relu, dh, dz, norms)
