"""The vanilla recurrent network (Elman 1990), tanh or relu, in float64: see twin.py.

h_t = f(x_t W_xh + h_{t-1} W_hh + b)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.core.twin import F64, Cell, CellGradient, linear_backward


@dataclass
class RNNTrace:
    """Values the backward pass needs."""

    x: F64
    h: F64  # (T + 1, B, H)


def _forward(relu: bool, x: F64, p: Mapping[str, F64], state: Sequence[F64]) -> RNNTrace:
    h = np.zeros((len(x) + 1, *state[0].shape))
    h[0] = state[0]
    for t in range(len(x)):
        z = x[t] @ p["W_xh"] + h[t] @ p["W_hh"] + p["b"]
        h[t + 1] = np.maximum(z, 0) if relu else np.tanh(z)
    return RNNTrace(x, h)


def _backward(relu: bool, s: RNNTrace, p: Mapping[str, F64], dh_above: F64) -> CellGradient:
    T, B, H = dh_above.shape
    dz, whole, dW_hh, dh = np.zeros((T, B, H)), np.zeros((T, B, H)), np.zeros((H, H)), np.zeros((B, H))
    for t in reversed(range(T)):
        dh = whole[t] = dh + dh_above[t]
        h = s.h[t + 1]
        dz[t] = dh * (h > 0) if relu else dh * (1 - h**2)
        dW_hh += s.h[t].T @ dz[t]
        dh = dz[t] @ p["W_hh"].T
    dx, dW_xh, db = linear_backward(s.x, p["W_xh"], dz)
    return CellGradient(dx, whole, {"W_xh": dW_xh, "W_hh": dW_hh, "b": db}, (dh,))


TANH = Cell(("h",), partial(_forward, False), partial(_backward, False))
RELU = Cell(("h",), partial(_forward, True), partial(_backward, True))
