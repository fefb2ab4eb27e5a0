"""The gated recurrent unit (Cho et al. 2014) in PyTorch's variant, in float64: see twin.py.

    r = sigmoid(x W_xr + h W_hr + b_r)      z = sigmoid(x W_xz + h W_hz + b_z)
    n = tanh(x W_xn + b_n + r (h W_hn + b_hn))      h' = (1 - z) n + z h

Columns of W_xh, W_hh (., 3H) and b (3H,): reset, update, candidate; b_hn (H,).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.core.twin import F64, Cell, CellGradient, linear_backward, sigmoid


@dataclass
class GRUTrace:
    """Values the backward pass needs; r, z, n, inner (T, B, H) each."""

    x: F64
    r: F64
    z: F64
    n: F64
    inner: F64  # h W_hn + b_hn, before the reset gate
    h: F64  # (T + 1, B, H)


def _forward(x: F64, p: Mapping[str, F64], state: Sequence[F64]) -> GRUTrace:
    (T, _, _), (B, H) = x.shape, state[0].shape
    W_xr, W_xz, W_xn = np.split(p["W_xh"], 3, axis=1)
    W_hr, W_hz, W_hn = np.split(p["W_hh"], 3, axis=1)
    b_r, b_z, b_n = np.split(p["b"], 3)
    r, z, n, inner = (np.zeros((T, B, H)) for _ in range(4))
    h = np.zeros((T + 1, B, H))
    h[0] = state[0]
    for t in range(T):
        r[t] = sigmoid(x[t] @ W_xr + h[t] @ W_hr + b_r)
        z[t] = sigmoid(x[t] @ W_xz + h[t] @ W_hz + b_z)
        inner[t] = h[t] @ W_hn + p["b_hn"]
        n[t] = np.tanh(x[t] @ W_xn + b_n + r[t] * inner[t])
        h[t + 1] = (1 - z[t]) * n[t] + z[t] * h[t]
    return GRUTrace(x, r, z, n, inner, h)


def _backward(s: GRUTrace, p: Mapping[str, F64], dh_above: F64) -> CellGradient:
    T, B, H = dh_above.shape
    dx_side, dh_side, whole = np.zeros((T, B, 3 * H)), np.zeros((T, B, 3 * H)), np.zeros((T, B, H))
    dh = np.zeros((B, H))
    for t in reversed(range(T)):
        dh = whole[t] = dh + dh_above[t]
        d_n = dh * (1 - s.z[t]) * (1 - s.n[t] ** 2)  # before the tanh
        d_z = dh * (s.h[t] - s.n[t]) * s.z[t] * (1 - s.z[t])
        d_r = d_n * s.inner[t] * s.r[t] * (1 - s.r[t])
        dx_side[t] = np.concatenate((d_r, d_z, d_n), axis=1)
        dh_side[t] = np.concatenate((d_r, d_z, d_n * s.r[t]), axis=1)  # the candidate passes through the reset gate
        dh = dh * s.z[t] + dh_side[t] @ p["W_hh"].T
    dx, dW_xh, db = linear_backward(s.x, p["W_xh"], dx_side)
    _, dW_hh, d_inner = linear_backward(s.h[:-1], p["W_hh"], dh_side)
    named = {"W_xh": dW_xh, "W_hh": dW_hh, "b": db, "b_hn": d_inner[2 * H :]}
    return CellGradient(dx, whole, named, (dh,))


GRU = Cell(("h",), _forward, _backward)
