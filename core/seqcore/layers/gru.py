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

from seqcore.arrays import NO_VECTOR
from seqcore.elementwise import sigmoid, tanh
from seqcore.layers.cell import ALWAYS_OPEN, Cell, Shown
from seqcore.layers.scan import scan_of
from seqcore.records import F32

f4 = np.float32


def forward(zs, wide, inputs, index, b_hn, flag, gates, c, h, t, first, last, u, n):
    """The gates and h of units [u, u + n) at timestep t; see `layers.scan`."""
    B, H = h.shape[1], h.shape[2]
    bias = b_hn[u : u + n]
    for b in range(first, last):
        z_b, x, row = zs[b - first], inputs[index[t * B + b], u:], gates[t, b, u:]
        h_in, h_out = h[t, b, u:], h[t + 1, b, u:]
        z_r, z_z, z_n = z_b[:n], z_b[wide : wide + n], z_b[2 * wide : 2 * wide + n]
        x_r, x_z, x_n = x[:n], x[H : H + n], x[2 * H : 2 * H + n]
        g_r, g_z, g_n, g_q = row[:n], row[H : H + n], row[2 * H : 2 * H + n], row[3 * H : 3 * H + n]
        for j in range(n):
            q = z_n[j] + bias[j]
            r, z = sigmoid(z_r[j] + x_r[j]), sigmoid(z_z[j] + x_z[j])
            m = tanh(x_n[j] + r * q)
            g_r[j], g_z[j], g_n[j], g_q[j] = r, z, m, q
            h_out[j] = m + z * (h_in[j] - m)


def backward(gates, c, h, dh, direct, flag, t, first, last, u, n):
    """Turn r, z, n, q of units [u, u + n) into pre-r, pre-z, pre-n, dq; dh += direct, then direct = dh z."""
    H = h.shape[2]
    for b in range(first, last):
        row, h_in, dh_b, back = gates[t, b, u:], h[t, b, u:], dh[t, b, u:], direct[0, b, u:]
        g_r, g_z, g_n, g_q = row[:n], row[H : H + n], row[2 * H : 2 * H + n], row[3 * H : 3 * H + n]
        for j in range(n):
            r, z, m, q = g_r[j], g_z[j], g_n[j], g_q[j]
            d = dh_b[j] + back[j]
            pre_n = d * (f4(1) - z) * (f4(1) - m * m)
            g_r[j] = pre_n * q * r * (f4(1) - r)
            g_z[j] = d * (h_in[j] - m) * z * (f4(1) - z)
            g_n[j] = pre_n
            g_q[j] = pre_n * r
            dh_b[j] = d
            back[j] = d * z


class GRU(Cell):
    """One GRU layer; b_hn (H,) is the recurrent bias of the candidate, multiplied by the reset gate."""

    products, columns = 3, 4
    scan = scan_of("gru", products, columns, forward, backward)
    keeps = 1
    shown = (Shown("reset", False, 1), Shown("update", False, 1), Shown("candidate", True, 1))

    def __init__(
        self, weights: Mapping[str, F32], gradients: Mapping[str, F32] | None = None, activation: str = "tanh"
    ) -> None:
        super().__init__(weights, gradients, activation)
        self.bias, self.dbias = weights["b_hn"], (gradients or {}).get("b_hn", NO_VECTOR)

    @classmethod
    def shapes(cls, I: int, H: int) -> dict[str, tuple[int, ...]]:  # noqa: E741  # the width of the input, as in the files
        """Return the parameters' names and shapes."""
        return super().shapes(I, H) | {"b_hn": (H,)}

    @classmethod
    def draw_bias(cls, b: F32, draw: np.random.Generator, bound: float) -> None:
        """Add the second bias for the two gates only; the candidate keeps its own, b_hn."""
        super().draw_bias(b[: 2 * (b.size // 3)], draw, bound)

    @classmethod
    def resting(cls, H: int) -> F32:
        """As `Cell.resting`: the update gate is open."""
        inputs = super().resting(H)
        inputs[H : 2 * H] = ALWAYS_OPEN
        return inputs
