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
"""

import numpy as np

from seqcore.elementwise import sigmoid, tanh
from seqcore.layers.cell import Cell, Shown
from seqcore.layers.scan import scan_of
from seqcore.records import F32

f4 = np.float32


# Loops that LLVM should vectorise index slices from 0: in `gates[2*H + j]` Numba must allow for a negative index, and
# its wrap-around test blocks vectorisation (1.5 ns per gate; 0.4 ns with the slices below).
def forward(z, wide, inputs, index, bias, flag, gates, c, h, t, first, last, u, n):
    """The gates, c and h of units [u, u + n) at timestep t; see `layers.scan`."""
    B, H = h.shape[1], h.shape[2]
    for b in range(first, last):
        zs, x, row = z[b - first], inputs[index[t * B + b], u:], gates[t, b, u:]
        c_in, c_out, h_out = c[t, b, u:], c[t + 1, b, u:], h[t + 1, b, u:]
        z_i, z_f, z_g, z_o = zs[:n], zs[wide : wide + n], zs[2 * wide : 2 * wide + n], zs[3 * wide : 3 * wide + n]
        x_i, x_f, x_g, x_o = x[:n], x[H : H + n], x[2 * H : 2 * H + n], x[3 * H : 3 * H + n]
        to_i, to_f, to_g, to_o = row[:n], row[H : H + n], row[2 * H : 2 * H + n], row[3 * H : 3 * H + n]
        for j in range(n):
            i, f = sigmoid(z_i[j] + x_i[j]), sigmoid(z_f[j] + x_f[j])
            g, o = tanh(z_g[j] + x_g[j]), sigmoid(z_o[j] + x_o[j])
            cell = f * c_in[j] + i * g
            to_i[j], to_f[j], to_g[j], to_o[j] = i, f, g, o
            c_out[j] = cell
            h_out[j] = o * tanh(cell)


def backward(gates, c, h, dh, dc, flag, t, first, last, u, n):
    """Turn the gates of units [u, u + n) into dz, and dc into that of the timestep before; see `layers.scan`."""
    H = h.shape[2]
    for b in range(first, last):
        row, c_in, c_out, dh_b, dc_b = gates[t, b, u:], c[t, b, u:], c[t + 1, b, u:], dh[t, b, u:], dc[0, b, u:]
        z_i, z_f, z_g, z_o = row[:n], row[H : H + n], row[2 * H : 2 * H + n], row[3 * H : 3 * H + n]
        for j in range(n):
            i, f, g, o, s = z_i[j], z_f[j], z_g[j], z_o[j], tanh(c_out[j])
            d = dc_b[j] + dh_b[j] * o * (f4(1) - s * s)
            z_i[j] = d * g * i * (f4(1) - i)
            z_f[j] = d * c_in[j] * f * (f4(1) - f)
            z_g[j] = d * i * (f4(1) - g * g)
            z_o[j] = dh_b[j] * s * o * (f4(1) - o)
            dc_b[j] = d * f


class LSTM(Cell):
    """One LSTM layer: gates (T, B, padded 4H) as above; `direct` is dc."""

    products = columns = 4
    scan = scan_of("lstm", products, columns, forward, backward)
    carries_c = True
    keeps, takes = 1, 0
    shown = (Shown("input", False, 1), Shown("forget", False, 1), Shown("cell", True, 1), Shown("output", False, 1))

    @classmethod
    def draw_bias(cls, b: F32, draw: np.random.Generator, bound: float) -> None:
        """As `Cell.draw_bias`, with a forget bias of 1 (Jozefowicz et al. 2015)."""
        super().draw_bias(b, draw, bound)
        H = b.size // 4
        b[H : 2 * H] = 1
