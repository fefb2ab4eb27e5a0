"""The vanilla RNN (Elman 1990), with tanh or relu, as in PyTorch but with one bias instead of two.

    h_t = f(x_t W_xh + h_{t-1} W_hh + b)

Backward, from dh_t (from above and from t+1):

    dz_t = dh_t f'(z_t)          tanh: 1 - h_t^2          relu: 1 where h_t > 0, else 0
    dh_{t-1} += dz_t W_hh^T      dW_hh = sum over t of h_{t-1}^T dz_t

Every step back multiplies by f' and W_hh^T: over many timesteps gradients vanish or explode.

Shapes: inputs (rows, padded H) holds x W_xh + b, index (T * B,) maps each timestep of each sequence to its row of
inputs. gates (T, B, padded H) holds dz after the backward pass; h (T+1, B, H), row 0
is the state carried in; dh (T, B, padded H).
"""

import numpy as np

from seqcore.elementwise import tanh
from seqcore.layers.cell import Cell
from seqcore.layers.scan import scan_of

f4 = np.float32


def forward(z, wide, inputs, index, bias, relu, gates, c, h, t, first, last, u, n):
    """The h of units [u, u + n) at timestep t; see `layers.scan`."""
    B = h.shape[1]
    for b in range(first, last):
        z_b, x, h_out = z[b - first, :n], inputs[index[t * B + b], u : u + n], h[t + 1, b, u : u + n]
        if relu:
            for j in range(n):
                total = z_b[j] + x[j]
                h_out[j] = f4(0) if total < f4(0) else total  # lets NaN through
        else:
            for j in range(n):
                h_out[j] = tanh(z_b[j] + x[j])


def backward(dz, c, h, dh, direct, relu, t, first, last, u, n):
    """Fill dz from h and its gradient; see `layers.scan`."""
    for b in range(first, last):
        h_b, dh_b, dz_b = h[t + 1, b, u : u + n], dh[t, b, u : u + n], dz[t, b, u : u + n]
        if relu:
            for j in range(n):
                dz_b[j] = f4(0) if h_b[j] == f4(0) else dh_b[j]
        else:
            for j in range(n):
                dz_b[j] = dh_b[j] * (f4(1) - h_b[j] * h_b[j])


class RNN(Cell):
    """One RNN layer."""

    products = columns = 1
    scan = scan_of("rnn", products, columns, forward, backward)
    goes_direct = False
    shown = ()
