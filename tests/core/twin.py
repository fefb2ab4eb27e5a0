"""The engine's mathematics again, in float64 NumPy and as the equations stand: the other side of every comparison.

Nothing is hoisted, folded into tables, packed or padded here, one-hot vectors are multiplied out, and the backward
pass goes all the way to the inputs and the first state. The finite differences of test_twin.py vouch for it.

Shapes: time first. x (T, B, I), h and c (T + 1, B, H) with the state carried in as row 0, tokens and targets (T, B).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ints = NDArray[np.int32]
Named = dict[str, F64]


def sigmoid(x: F64) -> F64:
    """1 / (1 + e^-x), without an overflow on either side."""
    small = np.exp(-np.abs(x))
    result: F64 = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    return result


def one_hot(tokens: Ints, V: int) -> F64:
    """(T, B, V), a one where the token is."""
    vectors: F64 = np.eye(V)[tokens]
    return vectors


def linear(x: F64, W: F64, b: F64) -> F64:
    """x W + b over the last axis."""
    return x @ W + b


def linear_backward(x: F64, W: F64, dy: F64) -> tuple[F64, F64, F64]:
    """(dx, dW, db)."""
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ W.T, rows.T @ drows, drows.sum(axis=0)


@dataclass
class LSTMTrace:
    """What a forward pass leaves for the backward pass; gates (T, B, H) each."""

    x: F64
    i: F64
    f: F64
    g: F64
    o: F64
    c: F64
    h: F64


def lstm(x: F64, W_xh: F64, W_hh: F64, b: F64, h0: F64, c0: F64) -> LSTMTrace:
    """All timesteps of one layer from the state (h0, c0), each (B, H)."""
    T, B, H = len(x), len(h0), h0.shape[1]
    i, f, g, o = (np.zeros((T, B, H)) for _ in range(4))
    c, h = np.zeros((T + 1, B, H)), np.zeros((T + 1, B, H))
    c[0], h[0] = c0, h0
    for t in range(T):
        z = x[t] @ W_xh + h[t] @ W_hh + b
        i[t], f[t] = sigmoid(z[:, :H]), sigmoid(z[:, H : 2 * H])
        g[t], o[t] = np.tanh(z[:, 2 * H : 3 * H]), sigmoid(z[:, 3 * H :])
        c[t + 1] = f[t] * c[t] + i[t] * g[t]
        h[t + 1] = o[t] * np.tanh(c[t + 1])
    return LSTMTrace(x, i, f, g, o, c, h)


@dataclass
class LSTMGradient:
    """The gradients of x (T, B, I), z (T, B, 4H), the parameters, and the state carried in, (B, H)."""

    x: F64
    z: F64
    W_xh: F64
    W_hh: F64
    b: F64
    h0: F64
    c0: F64


def lstm_backward(s: LSTMTrace, W_xh: F64, W_hh: F64, dh_above: F64) -> LSTMGradient:
    """Back through time from dh_above (T, B, H), the gradient of h[1:] but for what flows through the recurrence."""
    T, B, H = s.i.shape
    dz = np.zeros((T, B, 4 * H))
    dh, dc = np.zeros((B, H)), np.zeros((B, H))
    dW_hh = np.zeros_like(W_hh)
    for t in reversed(range(T)):
        dh = dh + dh_above[t]
        squashed = np.tanh(s.c[t + 1])
        dc = dc + dh * s.o[t] * (1 - squashed**2)
        dz_i = dc * s.g[t] * s.i[t] * (1 - s.i[t])
        dz_f = dc * s.c[t] * s.f[t] * (1 - s.f[t])
        dz_g = dc * s.i[t] * (1 - s.g[t] ** 2)
        dz_o = dh * squashed * s.o[t] * (1 - s.o[t])
        dz[t] = np.concatenate((dz_i, dz_f, dz_g, dz_o), axis=1)
        dW_hh += s.h[t].T @ dz[t]
        dh, dc = dz[t] @ W_hh.T, dc * s.f[t]
    dx, dW_xh, db = linear_backward(s.x, W_xh, dz)
    return LSTMGradient(dx, dz, dW_xh, dW_hh, db, dh, dc)


def cross_entropy(logits: F64, targets: Ints) -> F64:
    """-log softmax(logits)[target] at every place, in nats; NaN where the target is -1."""
    top = logits.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(axis=-1)) + top[..., 0]
    scores = np.take_along_axis(logits, np.maximum(targets, 0)[..., None], axis=-1)[..., 0]
    losses: F64 = np.where(targets >= 0, log_total - scores, np.nan)
    return losses


def cross_entropy_backward(logits: F64, targets: Ints, scale: float) -> F64:
    """The gradient of scale * (the sum of the losses that are not masked)."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    d: F64 = scale * (shares - one_hot(np.maximum(targets, 0), logits.shape[-1])) * (targets >= 0)[..., None]
    return d


@dataclass
class Pass:
    """A model's forward pass and, after `model_backward`, its gradients; states (h, c) of every layer."""

    traces: list[LSTMTrace]
    inputs: F64
    outputs: list[F64]  # of every layer, after dropout
    logits: F64
    losses: F64


def model(
    p: Mapping[str, F64], tokens: Ints, targets: Ints, states: Sequence[tuple[F64, F64]], masks: Sequence[F64]
) -> Pass:
    """Tokens in, losses out. `masks` (T, B, H) for every layer hold 0 or 1 / (1 - rate): ones for no dropout."""
    V = p["head.W_hy"].shape[1]
    vectors = one_hot(tokens, V)
    x = vectors @ p["embedding.E"] if "embedding.E" in p else vectors
    first, traces, outputs = x, [], []
    for n, ((h0, c0), mask) in enumerate(zip(states, masks, strict=True)):
        traces.append(lstm(x, p[f"layers.{n}.W_xh"], p[f"layers.{n}.W_hh"], p[f"layers.{n}.b"], h0, c0))
        x = traces[-1].h[1:] * mask
        outputs.append(x)
    logits = linear(x, p["head.W_hy"], p["head.b_y"])
    return Pass(traces, first, outputs, logits, cross_entropy(logits, targets))


def mean_loss(done: Pass) -> float:
    """The mean over the places that are not masked; 0 where all are."""
    told = done.losses[~np.isnan(done.losses)]
    return float(told.mean()) if told.size else 0.0


def model_backward(
    p: Mapping[str, F64], done: Pass, tokens: Ints, targets: Ints, masks: Sequence[F64]
) -> tuple[Named, list[tuple[F64, F64]]]:
    """Gradients of the mean loss: of every parameter by name, and of every layer's (h0, c0)."""
    grads: Named = {}
    states: list[tuple[F64, F64]] = []
    scale = 1 / max(1, int((targets >= 0).sum()))
    dlogits = cross_entropy_backward(done.logits, targets, scale)
    dx, grads["head.W_hy"], grads["head.b_y"] = linear_backward(done.outputs[-1], p["head.W_hy"], dlogits)
    for n in reversed(range(len(masks))):
        d = lstm_backward(done.traces[n], p[f"layers.{n}.W_xh"], p[f"layers.{n}.W_hh"], dx * masks[n])
        grads |= {f"layers.{n}.W_xh": d.W_xh, f"layers.{n}.W_hh": d.W_hh, f"layers.{n}.b": d.b}
        states.insert(0, (d.h0, d.c0))
        dx = d.x
    if "embedding.E" in p:
        vectors = one_hot(tokens, len(p["embedding.E"]))
        grads["embedding.E"] = vectors.reshape(-1, vectors.shape[-1]).T @ dx.reshape(-1, dx.shape[-1])
    return grads, states


class AdamW:
    """Algorithm 2 of Loshchilov and Hutter (2019) over named arrays; only matrices decay."""

    def __init__(self, p: Mapping[str, F64], betas: tuple[float, float], eps: float, decay: float) -> None:
        self.m = {name: np.zeros_like(value) for name, value in p.items()}
        self.v = {name: np.zeros_like(value) for name, value in p.items()}
        self.betas, self.eps, self.decay, self.n = betas, eps, decay, 0

    def update(self, p: Named, grads: Mapping[str, F64], rate: float, clip: float) -> float:
        """One step of p in place; returns the gradient's norm before clipping to `clip` (0: none)."""
        self.n += 1
        b1, b2 = self.betas
        norm = float(np.sqrt(sum((g**2).sum() for g in grads.values())))
        scale = min(1.0, clip / norm) if clip else 1.0
        for name, g in grads.items():
            self.m[name] = b1 * self.m[name] + (1 - b1) * scale * g
            self.v[name] = b2 * self.v[name] + (1 - b2) * (scale * g) ** 2
            m_hat, v_hat = self.m[name] / (1 - b1**self.n), self.v[name] / (1 - b2**self.n)
            decayed = rate * self.decay * p[name] if p[name].ndim > 1 else 0.0
            p[name] = p[name] - decayed - rate * m_hat / (np.sqrt(v_hat) + self.eps)
        return norm


def doubles(arrays: Any) -> Named:
    """Named float32 arrays as float64."""
    return {name: value.astype(np.float64) for name, value in arrays.items()}
