"""The causal transformer (Vaswani et al. 2017; pre-norm, GELU) in float64: see twin.py.

    x = E[token] (+ P[position])                                              x is the residual stream, (T, B, C)
    x += dropout(attend(norm1(x)) W_o + b_o)      x += dropout(gelu(norm2(x) W_fc + b_fc) W_proj + b_proj)
    logits = norm(x) E^T, or norm(x) W_hy

Every position attends to the earlier ones in an explicit loop; biases that a model does not have are zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from seqcore.config import ModelConfig

from tests.core.twin import (
    F64,
    Gradients,
    Ints,
    Named,
    layer_of,
    linear,
    linear_backward,
    losses_of,
    one_hot,
)

EPS = 1e-5
_erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x: F64) -> F64:
    """x times the standard normal distribution function at x."""
    result: F64 = x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    return result


def gelu_backward(x: F64, dy: F64) -> F64:
    """dx."""
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    result: F64 = dy * (0.5 * (1 + _erf(x / math.sqrt(2))) + x * density)
    return result


def norm(x: F64, g: F64, b: F64) -> F64:
    """Layer normalisation over the last axis (Ba et al. 2016), with the biased variance."""
    centred = x - x.mean(axis=-1, keepdims=True)
    result: F64 = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPS) * g + b
    return result


def norm_backward(x: F64, g: F64, dy: F64) -> tuple[F64, F64, F64]:
    """(dx, dg, db)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPS)
    unit, d = centred / deviation, dy * g
    dx = (d - d.mean(axis=-1, keepdims=True) - unit * (d * unit).mean(axis=-1, keepdims=True)) / deviation
    over = tuple(range(x.ndim - 1))
    return dx, (dy * unit).sum(axis=over), dy.sum(axis=over)


def sinusoid(t: int, C: int) -> F64:
    """Position t (C,): column 2i is sin(t / 10000^(2i/C)), column 2i + 1 the cosine of the same angle."""
    angle = [t / 10000 ** (2 * (n // 2) / C) for n in range(C)]
    return np.array([math.cos(a) if n % 2 else math.sin(a) for n, a in enumerate(angle)])


def rotated(x: F64, t: float) -> F64:
    """x (..., d), each pair (2i, 2i + 1) rotated by t / 10000^(2i/d) (Su et al. 2021); -t inverts the rotation."""
    y = np.empty_like(x)
    d = x.shape[-1]
    for i in range(d // 2):
        a, b, angle = x[..., 2 * i], x[..., 2 * i + 1], t / 10000 ** (2 * i / d)
        y[..., 2 * i] = a * math.cos(angle) - b * math.sin(angle)
        y[..., 2 * i + 1] = a * math.sin(angle) + b * math.cos(angle)
    return y


def _heads(x: F64, heads: int) -> F64:
    """(T, B, C) as (T, B, heads, d)."""
    return x.reshape(*x.shape[:2], heads, -1)


@dataclass
class Attended:
    """One layer's attention: q, k (rotated if positions are rotary), v (T, B, heads, d), weights A (T, B, heads, T)."""

    q: F64
    k: F64
    v: F64
    A: F64
    y: F64  # (T, B, C)


def attend(qkv: F64, config: ModelConfig) -> Attended:
    """Causal attention on qkv (T, B, 3C): every position attends to itself and the earlier ones."""
    T, B, _ = qkv.shape
    q, k, v = (_heads(part, config.heads).copy() for part in np.split(qkv, 3, axis=2))
    if config.positions == "rotary":
        for t in range(T):
            q[t], k[t] = rotated(q[t], t), rotated(k[t], t)
    A, y, d = np.zeros((T, B, config.heads, T)), np.zeros_like(v), q.shape[3]
    for t in range(T):
        scores = (q[t] * k[: t + 1]).sum(axis=-1) / math.sqrt(d)  # (t + 1, B, heads)
        weights = np.exp(scores - scores.max(axis=0))
        weights /= weights.sum(axis=0)
        A[t, :, :, : t + 1] = np.moveaxis(weights, 0, -1)
        y[t] = (weights[..., None] * v[: t + 1]).sum(axis=0)
    return Attended(q, k, v, A, y.reshape(T, B, -1))


def attend_backward(s: Attended, dy: F64, config: ModelConfig) -> F64:
    """dqkv (T, B, 3C)."""
    T, B, C = dy.shape
    d = s.q.shape[3]
    dq, dk, dv, dy = np.zeros_like(s.q), np.zeros_like(s.k), np.zeros_like(s.v), _heads(dy, config.heads)
    for t in range(T):
        weights = np.moveaxis(s.A[t, :, :, : t + 1], -1, 0)  # (t + 1, B, heads)
        dv[: t + 1] += weights[..., None] * dy[t]
        dA = (dy[t] * s.v[: t + 1]).sum(axis=-1)
        dscores = weights * (dA - (weights * dA).sum(axis=0)) / math.sqrt(d)
        dq[t] += (dscores[..., None] * s.k[: t + 1]).sum(axis=0)
        dk[: t + 1] += dscores[..., None] * s.q[t]
    if config.positions == "rotary":
        for t in range(T):
            dq[t], dk[t] = rotated(dq[t], -t), rotated(dk[t], -t)
    return np.concatenate([part.reshape(T, B, C) for part in (dq, dk, dv)], axis=2)


@dataclass
class BlockTrace:
    """A block's forward pass: its input, its middle (between the branches) and its output, (T, B, C) each."""

    x: F64
    a: F64
    attended: Attended
    middle: F64
    m: F64
    fc: F64  # before the GELU
    out: F64


def block(x: F64, p: Mapping[str, F64], config: ModelConfig, masks: Sequence[F64]) -> BlockTrace:
    """One block applied to the stream x; dropout masks (T, B, C) for its two branches."""
    zero = np.zeros(())
    a = norm(x, p["norm1.g"], p.get("norm1.b", zero))
    attended = attend(linear(a, p["W_qkv"], p.get("b_qkv", zero)), config)
    middle = x + masks[0] * linear(attended.y, p["W_o"], p.get("b_o", zero))
    m = norm(middle, p["norm2.g"], p.get("norm2.b", zero))
    fc = linear(m, p["W_fc"], p.get("b_fc", zero))
    out = middle + masks[1] * linear(gelu(fc), p["W_proj"], p.get("b_proj", zero))
    return BlockTrace(x, a, attended, middle, m, fc, out)


def block_backward(
    s: BlockTrace, p: Mapping[str, F64], config: ModelConfig, masks: Sequence[F64], dout: F64
) -> tuple[F64, Named]:
    """(dx, gradients of all parameters that a block can have, by short name)."""
    g: Named = {}
    d, g["W_proj"], g["b_proj"] = linear_backward(gelu(s.fc), p["W_proj"], dout * masks[1])
    d, g["W_fc"], g["b_fc"] = linear_backward(s.m, p["W_fc"], gelu_backward(s.fc, d))
    d, g["norm2.g"], g["norm2.b"] = norm_backward(s.middle, p["norm2.g"], d)
    dmiddle = dout + d
    d, g["W_o"], g["b_o"] = linear_backward(s.attended.y, p["W_o"], dmiddle * masks[0])
    d, g["W_qkv"], g["b_qkv"] = linear_backward(s.a, p["W_qkv"], attend_backward(s.attended, d, config))
    d, g["norm1.g"], g["norm1.b"] = norm_backward(s.x, p["norm1.g"], d)
    return dmiddle + d, g


@dataclass
class AttentionPass:
    """A model's forward pass."""

    tokens: Ints
    inputs: F64  # (T, B, C) token and position
    blocks: list[BlockTrace]
    logits: F64
    losses: F64

    @property
    def last(self) -> F64:
        """The stream after the last block."""
        return self.blocks[-1].out


def embed(p: Mapping[str, F64], tokens: Ints, config: ModelConfig) -> F64:
    """(T, B, C): the token's row, plus the position's row unless positions are rotary."""
    if config.inputs:
        x = linear(tokens, p["input.W_x"], p.get("input.b_x", np.zeros(())))
    else:
        x = one_hot(tokens, len(p["embedding.E"])) @ p["embedding.E"]
    for t in range(len(tokens)):
        if config.positions == "learned":
            x[t] += p["embedding.P"][t]
        elif config.positions == "sinusoidal":
            x[t] += sinusoid(t, config.hidden)
    return x


def read_out(p: Mapping[str, F64], x: F64) -> F64:
    """Logits (T, B, V) of the stream after the last block."""
    W = p["head.W_hy"] if "head.W_hy" in p else p["embedding.E"].T
    return norm(x, p["norm.g"], p.get("norm.b", np.zeros(()))) @ W


def model(
    p: Mapping[str, F64], tokens: Ints, targets: Ints, masks: Sequence[F64], config: ModelConfig
) -> AttentionPass:
    """Forward pass from tokens to losses. `masks` (T, B, C): the embedding's, then two per block; ones: no dropout."""
    inputs = embed(p, tokens, config)
    x, blocks = inputs * masks[0], []
    for n in range(config.layers):
        blocks.append(block(x, layer_of(p, n), config, masks[1 + 2 * n : 3 + 2 * n]))
        x = blocks[-1].out
    logits = read_out(p, x)
    return AttentionPass(tokens, inputs, blocks, logits, losses_of(logits, targets))


def model_backward(
    p: Mapping[str, F64], done: AttentionPass, masks: Sequence[F64], dlogits: F64, config: ModelConfig
) -> Gradients:
    """Backward pass from dlogits (T, B, V). `hidden`: gradients of the stream after every block; `x`: of its input."""
    grads: Named = {}
    zero = np.zeros(())
    read = norm(done.last, p["norm.g"], p.get("norm.b", zero))
    W = p["head.W_hy"] if "head.W_hy" in p else p["embedding.E"].T
    d, dW, _ = linear_backward(read, W, dlogits)
    d, grads["norm.g"], grads["norm.b"] = norm_backward(done.last, p["norm.g"], d)
    hidden: list[F64] = []
    for n in reversed(range(config.layers)):
        hidden.insert(0, d)
        d, named = block_backward(done.blocks[n], layer_of(p, n), config, masks[1 + 2 * n : 3 + 2 * n], d)
        grads |= {f"layers.{n}.{name}": value for name, value in named.items()}
    dx = d * masks[0]
    read_in = dx
    if config.inputs:
        read_in, grads["input.W_x"], grads["input.b_x"] = linear_backward(done.tokens, p["input.W_x"], dx)
    else:
        vectors = one_hot(done.tokens, len(p["embedding.E"]))
        grads["embedding.E"] = vectors.reshape(-1, vectors.shape[-1]).T @ dx.reshape(-1, dx.shape[-1])
    if "embedding.P" in p:
        grads["embedding.P"] = np.zeros_like(p["embedding.P"])
        grads["embedding.P"][: len(dx)] = dx.sum(axis=1)
    if "head.W_hy" in p:
        grads["head.W_hy"] = dW
    else:
        grads["embedding.E"] += dW.T  # tied: one matrix, used twice
    return Gradients({name: value for name, value in grads.items() if name in p}, [], hidden, read_in)
