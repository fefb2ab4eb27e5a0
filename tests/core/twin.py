"""Reference implementation ("twin") of the engine in float64 NumPy, following the equations literally.

Nothing is hoisted, folded into tables, packed or padded; one-hot vectors are multiplied out, and the backward pass
continues to the inputs and the initial state. test_twin*.py checks it with finite differences.
This file has the shared parts, the LSTM, and the stack of any recurrent cells; twin_rnn.py, twin_gru.py,
twin_attention.py and twin_feedforward.py have the others, and twin_families.py selects by family. twin_pairs.py has the
encoder-decoder.

Shapes: time first. x (T, B, I), h and c (T + 1, B, H) with the carried-in state as row 0, tokens and targets (T, B).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ints = NDArray[np.int32]
Named = dict[str, F64]


def sigmoid(x: F64) -> F64:
    """1 / (1 + e^-x), without overflow for either sign."""
    small = np.exp(-np.abs(x))
    result: F64 = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    return result


def one_hot(tokens: Ints, V: int) -> F64:
    """One-hot vectors (T, B, V)."""
    vectors: F64 = np.eye(V)[tokens]
    return vectors


def vectors_of(inputs: Ints | F64, V: int) -> F64:
    """What the first product reads: one-hot vectors (T, B, V) of tokens (T, B), or real inputs (T, B, D) themselves."""
    return inputs if inputs.ndim == 3 else one_hot(inputs, V)


def linear(x: F64, W: F64, b: F64) -> F64:
    """x W + b over the last axis."""
    return x @ W + b


def linear_backward(x: F64, W: F64, dy: F64) -> tuple[F64, F64, F64]:
    """(dx, dW, db)."""
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ W.T, rows.T @ drows, drows.sum(axis=0)


@dataclass
class CellGradient:
    """Gradients of x (T, B, I), h[1:] (T, B, H; with the recurrent part), the parameters, and the carried-in state."""

    x: F64
    h: F64
    parameters: Named
    state: tuple[F64, ...]


@dataclass(frozen=True)
class Cell:
    """Interface of a recurrent cell: parameters by short name (W_xh, ...), states in the order of `states`."""

    states: tuple[str, ...]  # "h" first
    forward: Callable[[F64, Mapping[str, F64], Sequence[F64]], Any]  # x, parameters, state -> a trace with h
    # trace, parameters, dh from above; lstm: also, if it has any, the gradient of the last c
    backward: Callable[..., CellGradient]


@dataclass
class LSTMTrace:
    """Values the backward pass needs; gates (T, B, H) each."""

    x: F64
    i: F64
    f: F64
    g: F64
    o: F64
    c: F64
    h: F64


def lstm(x: F64, W_xh: F64, W_hh: F64, b: F64, h0: F64, c0: F64) -> LSTMTrace:
    """Forward pass of one layer over all timesteps from the state h0, c0 (B, H)."""
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
    """Gradients of x (T, B, I), h (T, B, H), z (T, B, 4H), the parameters, and the carried-in state (B, H)."""

    x: F64
    h: F64
    z: F64
    W_xh: F64
    W_hh: F64
    b: F64
    h0: F64
    c0: F64


def lstm_backward(s: LSTMTrace, W_xh: F64, W_hh: F64, dh_above: F64, dc_last: F64 | None = None) -> LSTMGradient:
    """Backward pass through time from dh_above (T, B, H), the gradient of h[1:] without the recurrent part.

    dc_last (B, H) is the gradient of c[T], for models that read it.
    """
    T, B, H = s.i.shape
    dz, whole = np.zeros((T, B, 4 * H)), np.zeros((T, B, H))
    dh, dc = np.zeros((B, H)), np.zeros((B, H)) if dc_last is None else dc_last
    dW_hh = np.zeros_like(W_hh)
    for t in reversed(range(T)):
        dh = whole[t] = dh + dh_above[t]
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
    return LSTMGradient(dx, whole, dz, dW_xh, dW_hh, db, dh, dc)


def _lstm_forward(x: F64, p: Mapping[str, F64], state: Sequence[F64]) -> LSTMTrace:
    return lstm(x, p["W_xh"], p["W_hh"], p["b"], *state)


def _lstm_backward(trace: LSTMTrace, p: Mapping[str, F64], dh_above: F64, dc_last: F64 | None = None) -> CellGradient:
    d = lstm_backward(trace, p["W_xh"], p["W_hh"], dh_above, dc_last)
    return CellGradient(d.x, d.h, {"W_xh": d.W_xh, "W_hh": d.W_hh, "b": d.b}, (d.h0, d.c0))


LSTM = Cell(("h", "c"), _lstm_forward, _lstm_backward)


def cross_entropy(logits: F64, targets: Ints) -> F64:
    """-log softmax(logits)[target] at every position, in nats; NaN where the target is -1."""
    top = logits.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(axis=-1)) + top[..., 0]
    scores = np.take_along_axis(logits, np.maximum(targets, 0)[..., None], axis=-1)[..., 0]
    losses: F64 = np.where(targets >= 0, log_total - scores, np.nan)
    return losses


def smoothed(targets: Ints, K: int, e: float) -> F64:
    """The target distributions (T, B, K) of label smoothing (Szegedy et al. 2016): (1 - e) one-hot + e / K."""
    return (1 - e) * one_hot(np.maximum(targets, 0), K) + e / K


def smoothed_cross_entropy(logits: F64, targets: Ints, e: float) -> F64:
    """-sum over k of the smoothed target times log softmax(logits)_k, in nats; NaN where the target is -1."""
    log_shares = logits - logits.max(axis=-1, keepdims=True)
    log_shares = log_shares - np.log(np.exp(log_shares).sum(axis=-1, keepdims=True))
    losses: F64 = np.where(targets >= 0, -(smoothed(targets, logits.shape[-1], e) * log_shares).sum(axis=-1), np.nan)
    return losses


def cross_entropy_backward(logits: F64, targets: Ints, scale: float, e: float = 0.0) -> F64:
    """Gradient of scale * (sum of the losses that are not masked), smoothed by e."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    d: F64 = scale * (shares - smoothed(targets, logits.shape[-1], e)) * (targets >= 0)[..., None]
    return d


def squared_error(y: F64, targets: F64) -> F64:
    """Mean over k of (y - target)^2 at every position; NaN where the first target is NaN."""
    losses: F64 = np.mean((y - targets) ** 2, axis=-1)
    return np.where(np.isnan(targets[..., 0]), np.nan, losses)


def squared_error_backward(y: F64, targets: F64, scale: float) -> F64:
    """Gradient of scale * (sum of the losses that are not masked)."""
    d: F64 = scale * 2 / y.shape[-1] * (y - targets)
    return np.where(np.isnan(targets[..., :1]), 0.0, d)


def losses_of(results: F64, targets: Ints | F64) -> F64:
    """The losses (T, B) of logits for symbols (T, B), or of values for values (T, B, K)."""
    return squared_error(results, targets) if targets.ndim == 3 else cross_entropy(results, targets)


def losses_backward(results: F64, targets: Ints | F64, scale: float) -> F64:
    """Gradient of scale * (sum of the losses that are not masked)."""
    return (squared_error_backward if targets.ndim == 3 else cross_entropy_backward)(results, targets, scale)


def counted(targets: Ints | F64) -> int:
    """The number of positions that are not masked."""
    return int((~np.isnan(targets[..., 0]) if targets.ndim == 3 else targets >= 0).sum())


@dataclass
class Pass:
    """A recurrent model's forward pass."""

    traces: list[Any]  # per layer
    inputs: F64
    outputs: list[F64]  # per layer, after dropout
    logits: F64
    losses: F64


@dataclass
class Gradients:
    """Gradients of every parameter by name, every layer's carried state, every h_t (T, B, H), and the embedded x."""

    parameters: Named
    states: list[tuple[F64, ...]]
    hidden: list[F64]  # per layer; attention: of the residual stream after every block
    x: F64


def layer_of(p: Mapping[str, F64], n: int) -> Named:
    """The parameters of layer n by short name."""
    start = f"layers.{n}."
    return {name.removeprefix(start): value for name, value in p.items() if name.startswith(start)}


def model(
    p: Mapping[str, F64],
    tokens: Ints,
    targets: Ints,
    states: Sequence[Sequence[F64]],
    masks: Sequence[F64],
    cell: Cell = LSTM,
) -> Pass:
    """Forward pass from tokens to losses. `masks` (T, B, H) per layer are 0 or 1 / (1 - rate); ones: no dropout."""
    V = len(p["embedding.E"] if "embedding.E" in p else p["layers.0.W_xh"])
    vectors = vectors_of(tokens, V)
    x = vectors @ p["embedding.E"] if "embedding.E" in p else vectors
    first, traces, outputs = x, [], []
    for n, (state, mask) in enumerate(zip(states, masks, strict=True)):
        traces.append(cell.forward(x, layer_of(p, n), state))
        x = traces[-1].h[1:] * mask
        outputs.append(x)
    logits = linear(x, p["head.W_hy"], p["head.b_y"])
    return Pass(traces, first, outputs, logits, losses_of(logits, targets))


def mean_loss(done: Any) -> float:
    """Mean loss over the positions that are not masked; 0 if all are."""
    told = done.losses[~np.isnan(done.losses)]
    return float(told.mean()) if told.size else 0.0


def mean_loss_backward(logits: F64, targets: Ints) -> F64:
    """Gradient of the mean loss with respect to the logits or values (T, B, K)."""
    return losses_backward(logits, targets, 1 / max(1, counted(targets)))


def stack_backward(
    p: Mapping[str, F64], done: Pass, tokens: Ints, masks: Sequence[F64], dlogits: F64, cell: Cell
) -> Gradients:
    """Backward pass from dlogits (T, B, V) through every layer and timestep."""
    grads: Named = {}
    dx, grads["head.W_hy"], grads["head.b_y"] = linear_backward(done.outputs[-1], p["head.W_hy"], dlogits)
    states: list[tuple[F64, ...]] = []
    hidden: list[F64] = []
    for n in reversed(range(len(masks))):
        d = cell.backward(done.traces[n], layer_of(p, n), dx * masks[n])
        grads |= {f"layers.{n}.{name}": value for name, value in d.parameters.items()}
        states.insert(0, d.state)
        hidden.insert(0, d.h)
        dx = d.x
    if "embedding.E" in p:
        vectors = one_hot(tokens, len(p["embedding.E"]))
        grads["embedding.E"] = vectors.reshape(-1, vectors.shape[-1]).T @ dx.reshape(-1, dx.shape[-1])
    return Gradients(grads, states, hidden, dx)


def model_backward(
    p: Mapping[str, F64], done: Pass, tokens: Ints, targets: Ints, masks: Sequence[F64], cell: Cell = LSTM
) -> tuple[Named, list[tuple[F64, ...]]]:
    """Gradients of the mean loss with respect to every parameter by name, and every layer's (h0, c0)."""
    d = stack_backward(p, done, tokens, masks, mean_loss_backward(done.logits, targets), cell)
    return d.parameters, d.states


class AdamW:
    """Algorithm 2 of Loshchilov and Hutter (2019) over named arrays; only matrices decay."""

    def __init__(self, p: Mapping[str, F64], betas: tuple[float, float], eps: float, decay: float) -> None:
        self.m = {name: np.zeros_like(value) for name, value in p.items()}
        self.v = {name: np.zeros_like(value) for name, value in p.items()}
        self.betas, self.eps, self.decay, self.n = betas, eps, decay, 0

    def update(self, p: Named, grads: Mapping[str, F64], rate: float, clip: float) -> float:
        """Update p in place; return the gradient's norm before clipping to `clip` (0: no clipping)."""
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
