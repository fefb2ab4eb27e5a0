"""The GRU (Cho et al. 2014) in PyTorch's variant: the reset gate acts after the recurrent product, not before it.

    r_t = sigmoid(x W_xr + b_r + h_{t-1} W_hr)          reset
    z_t = sigmoid(x W_xz + b_z + h_{t-1} W_hz)          update
    n_t = tanh(x W_xn + b_n + r_t q_t)                  candidate, with q_t = h_{t-1} W_hn + b_hn
    h_t = (1 - z_t) n_t + z_t h_{t-1}

W_xh = [W_xr W_xz W_xn] (I, 3H), W_hh = [W_hr W_hz W_hn] (H, 3H), b = [b_r b_z b_n].

Backward, from dh_t (from above and from t+1); pre-x is the gradient at the input of the nonlinearity of x:

    pre-n = dh (1 - z) (1 - n^2)        dq = pre-n r        pre-r = pre-n q r (1 - r)
    pre-z = dh (h_{t-1} - n) z (1 - z)
    dh_{t-1} += [pre-r pre-z dq] W_hh^T + dh z          the direct path through z
    dW_hh = sum over t of h_{t-1}^T [pre-r pre-z dq]    db_hn = sum of dq
    the gradient of the inputs is [pre-r pre-z pre-n]

Shapes: inputs (rows, padded 3H) holds x W_xh + b, index (T * B,) maps each timestep of each sequence to its row of
inputs. gates (T, B, padded 4H) holds r, z, n, q, and after the backward pass pre-r, pre-z, pre-n, dq: the first three
are the inputs' gradient. h (T+1, B, H), row 0 is the state carried in; dh (T, B, padded H); direct (1, B, H) is dh z.
"""

from collections.abc import Mapping

import numpy as np
from numba import prange

from seqcore.arrays import NO_INDEX, NO_MATRIX, NO_VECTOR
from seqcore.elementwise import sigmoid, tanh
from seqcore.gemm import matmul, matmul_rows_of_b, row_norms
from seqcore.jit import TEAM, claim, device, f1, f2, f3, i1, i8_1, kernel, void
from seqcore.layers.cell import Cell, CellWorkspace, Shown
from seqcore.outer import NO_SECOND, Second, outer_sum
from seqcore.records import F32, I32

f4 = np.float32
CHUNK = 8  # sequences per work item of a scan


@device
def cell_forward(gates, inputs, index, b_hn, h_prev, h):
    """Turn gates (R, padded 4H) from h W_hh (3H) into r, z, n, q; row r adds inputs[index[r]]. h_prev, h (R, H)."""
    H = h.shape[1]
    for row in range(h.shape[0]):
        g, x, h_in, h_out = gates[row], inputs[index[row]], h_prev[row], h[row]
        g_r, g_z, g_n, g_q = g[:H], g[H : 2 * H], g[2 * H : 3 * H], g[3 * H : 4 * H]
        x_r, x_z, x_n = x[:H], x[H : 2 * H], x[2 * H : 3 * H]
        for j in range(H):
            q = g_n[j] + b_hn[j]
            r, z = sigmoid(g_r[j] + x_r[j]), sigmoid(g_z[j] + x_z[j])
            n = tanh(x_n[j] + r * q)
            g_r[j], g_z[j], g_n[j], g_q[j] = r, z, n, q
            h_out[j] = n + z * (h_in[j] - n)


@device
def cell_backward(gates, h_prev, dh, direct):
    """Turn gates (R, padded 4H) r, z, n, q into pre-r, pre-z, pre-n, dq; dh (R, padded H) += direct, direct = dh z."""
    H = h_prev.shape[1]
    for row in range(h_prev.shape[0]):
        g, h_in, dh_r, back = gates[row], h_prev[row], dh[row, :H], direct[row]
        g_r, g_z, g_n, g_q = g[:H], g[H : 2 * H], g[2 * H : 3 * H], g[3 * H : 4 * H]
        for j in range(H):
            r, z, n, q = g_r[j], g_z[j], g_n[j], g_q[j]
            d = dh_r[j] + back[j]
            pre_n = d * (f4(1) - z) * (f4(1) - n * n)
            g_r[j] = pre_n * q * r * (f4(1) - r)
            g_z[j] = d * (h_in[j] - n) * z * (f4(1) - z)
            g_n[j] = pre_n
            g_q[j] = pre_n * r
            dh_r[j] = d
            back[j] = d * z


@device
def through_recurrence(gates, H, W_hh_T, dh, accumulate):
    """dh (R, padded H) = [pre-r pre-z dq] W_hh^T (+ dh if `accumulate`), skipping the columns of pre-n."""
    matmul_rows_of_b(gates, 0, 0, 2 * H, W_hh_T, dh, accumulate)
    matmul_rows_of_b(gates, 3 * H, 2 * H, H, W_hh_T, dh, True)


@device
def scan_forward_rows(inputs, index, W_hh, b_hn, gates, h, first, last):
    """Run rows [first, last) of the batch through all T timesteps."""
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    for t in range(T):
        at = index[t * B + first : t * B + last]
        matmul(h[t, first:last], H, W_hh, gates[t, first:last], False)
        cell_forward(gates[t, first:last], inputs, at, b_hn, h[t, first:last], h[t + 1, first:last])


@kernel("gru forward", "train-gru", void(f2, i1, f3, f1, f3, f3, i8_1), parallel=True)
def scan_forward(inputs, index, W_hh, b_hn, gates, h, team):
    """Run the forward scan; see the shapes above. W_hh is packed."""
    B = gates.shape[1]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            scan_forward_rows(inputs, index, W_hh, b_hn, gates, h, chunk * CHUNK, min((chunk + 1) * CHUNK, B))


@kernel("gru forward, one thread", "look-gru", void(f2, i1, f3, f1, f3, f3))
def scan_forward_serial(inputs, index, W_hh, b_hn, gates, h):
    """As `scan_forward`, for threads that may not run parallel kernels: generation and probes."""
    scan_forward_rows(inputs, index, W_hh, b_hn, gates, h, 0, gates.shape[1])


@kernel("gru backward", "train-gru", void(f3, f3, f3, f3, f3, i8_1), parallel=True)
def scan_backward(W_hh_T, gates, h, dh, direct, team):
    """Run the backward scan: turn gates into their gradients, and dh (T, B, padded H) into the full gradient of h."""
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    chunks = (B + CHUNK - 1) // CHUNK
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            first, last = chunk * CHUNK, min((chunk + 1) * CHUNK, B)
            back = direct[0, first:last]
            back[:] = f4(0)
            for t in range(T - 1, -1, -1):
                rows = gates[t, first:last]
                cell_backward(rows, h[t, first:last], dh[t, first:last], back)
                if t > 0:
                    through_recurrence(rows, H, W_hh_T, dh[t - 1, first:last], True)


@kernel("gru reach", "look-gru", void(f1, f2, f3, f2, f2, f2, f1))
def reach(gates, h_prev, W_hh_T, dh, direct, dz, norms):
    """Kernel of `Cell.back_one`: gates (padded 4H,) of the timestep, h_prev (1, H) the state before it."""
    H = h_prev.shape[1]
    for r in range(norms.size):
        dz[r] = gates
        cell_backward(dz[r : r + 1], h_prev, dh[r : r + 1], direct[r : r + 1])
    row_norms(dh, H, norms)
    through_recurrence(dz, H, W_hh_T, dh, False)


class GRU(Cell):
    """One GRU layer; b_hn (H,) is the recurrent bias of the candidate, multiplied by the reset gate."""

    products, columns = 3, 4
    keeps = 1
    shown = (Shown("reset", False, 1), Shown("update", False, 1), Shown("candidate", True, 1))

    def __init__(
        self, weights: Mapping[str, F32], gradients: Mapping[str, F32] | None = None, activation: str = "tanh"
    ) -> None:
        super().__init__(weights, gradients, activation)
        self.b_hn, self.db_hn = weights["b_hn"], (gradients or {}).get("b_hn", NO_VECTOR)

    @classmethod
    def shapes(cls, I: int, H: int) -> dict[str, tuple[int, ...]]:  # noqa: E741  # the width of the input, as in the files
        """Return the parameters' names and shapes."""
        return super().shapes(I, H) | {"b_hn": (H,)}

    @classmethod
    def draw_bias(cls, b: F32, draw: np.random.Generator, bound: float) -> None:
        """Add the second bias for the two gates only; the candidate keeps its own, b_hn."""
        super().draw_bias(b[: 2 * (b.size // 3)], draw, bound)

    def forward(self, inputs: F32, index: I32, work: CellWorkspace, parallel: bool = True) -> None:
        """See `Cell`."""
        if parallel:
            scan_forward(inputs, index, self.packed.panels, self.b_hn, work.gates, work.h, TEAM)
        else:
            scan_forward_serial(inputs, index, self.packed.panels, self.b_hn, work.gates, work.h)

    def backward(
        self, work: CellWorkspace, index: I32 = NO_INDEX, table: F32 = NO_MATRIX, second: Second = NO_SECOND
    ) -> None:
        """See `Cell`."""
        scan_backward(self.packed_T.panels, work.gates, work.h, work.dh, work.direct, TEAM)
        self.backward_weights(work, index, table, second)

    def backward_weights(self, work: CellWorkspace, index: I32, table: F32, second: Second) -> None:
        """dW_hh = sum over t of h_{t-1}^T [pre-r pre-z dq], and db_hn; the inputs' gradient has pre-n for dq."""
        H, gates = self.hidden, self.places(work.gates)
        outer_sum(self.places(work.h), gates, self.dW_hh, self.db_hn, index, table, (2 * H, H), second)

    def back_one(self, work: CellWorkspace, s: int, dh: F32, direct: F32, dz: F32, norms: F32) -> None:
        """See `Cell`."""
        reach(work.gates[s, 0], work.h[s], self.packed_T.panels, dh, direct, dz, norms)
