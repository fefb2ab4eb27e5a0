"""The transformer with encoder and decoder (Vaswani et al. 2017; pre-norm, GELU) in float64: see twin_attention.py.

    encoder    x += attend(norm1(x)) W_o      x += mlp(norm2(x))      every position sees all others; memory = norm(x)
    decoder    x += attend(norm1(x)) W_o      x += attend(norm2(x) W_q, memory W_kv) W_o      x += mlp(norm3(x))
               the first attention sees the earlier positions, the second one the whole memory
    logits = norm(x) W_hy

Batches are those of twin_pairs.py. Every pair is computed by itself, over its own source and the timesteps up to its
last target, so nothing here is padded or masked except the future; arrays are (timesteps, C).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from seqcore.config import ModelConfig

from tests.core.twin import F64, Ints, Named, linear, linear_backward, losses_of, one_hot
from tests.core.twin_attention import gelu, gelu_backward, norm, norm_backward, rotated, sinusoid
from tests.core.twin_pairs import split, under

ZERO = np.zeros(())


@dataclass
class Attended:
    """Attention of queries (U, C) over keys and values (S, C), by head: A (heads, U, S)."""

    q: F64
    k: F64
    v: F64
    A: F64
    y: F64  # (U, C)


def heads_of(x: F64, heads: int) -> F64:
    """(T, C) as (heads, T, d)."""
    return x.reshape(len(x), heads, x.shape[1] // heads).swapaxes(0, 1)


def joined(x: F64) -> F64:
    """(heads, T, d) as (T, C)."""
    return x.swapaxes(0, 1).reshape(x.shape[1], x.shape[0] * x.shape[2])


def attend(q: F64, k: F64, v: F64, heads: int, causal: bool) -> Attended:
    """Every query sees all keys, or if `causal`, those up to its own position."""
    qs, ks, vs = (heads_of(x, heads) for x in (q, k, v))
    scores = qs @ ks.swapaxes(1, 2) / math.sqrt(qs.shape[2])
    if causal:
        scores = np.where(np.tri(len(q), len(k), dtype=bool), scores, -np.inf)
    A = np.exp(scores - scores.max(axis=2, keepdims=True, initial=-1e300))
    A /= A.sum(axis=2, keepdims=True)
    return Attended(q, k, v, A, joined(A @ vs))


def attend_backward(s: Attended, dy: F64) -> tuple[F64, F64, F64]:
    """(dq, dk, dv)."""
    heads = len(s.A)
    q, k, v, d = (heads_of(x, heads) for x in (s.q, s.k, s.v, dy))
    dA = d @ v.swapaxes(1, 2)
    dscores = s.A * (dA - (s.A * dA).sum(axis=2, keepdims=True)) / math.sqrt(q.shape[2])
    return joined(dscores @ k), joined(dscores.swapaxes(1, 2) @ q), joined(s.A.swapaxes(1, 2) @ d)


def turned(x: F64, config: ModelConfig, way: int = 1) -> F64:
    """q or k (T, C) with rotary positions, if the model has them; way -1: the inverse."""
    if config.positions != "rotary":
        return x
    heads = heads_of(x, config.heads)
    return joined(np.stack([rotated(heads[:, t], way * t) for t in range(len(x))], axis=1)) if len(x) else x


@dataclass
class Branch:
    """What a branch read, normalised, and computed from it."""

    x: F64
    a: F64
    attended: Attended | None = None
    fc: F64 = field(default_factory=lambda: np.zeros(0))  # of a perceptron, before the GELU


def self_attention(x: F64, p: Mapping[str, F64], config: ModelConfig, causal: bool) -> tuple[F64, Branch]:
    """x plus the attention within it."""
    a = norm(x, p["norm1.g"], p.get("norm1.b", ZERO))
    q, k, v = np.split(linear(a, p["W_qkv"], p.get("b_qkv", ZERO)), 3, axis=1)
    done = attend(turned(q, config), turned(k, config), v, config.heads, causal)
    return x + linear(done.y, p["W_o"], p.get("b_o", ZERO)), Branch(x, a, done)


def self_attention_backward(s: Branch, p: Mapping[str, F64], config: ModelConfig, dx: F64) -> tuple[F64, Named]:
    """(dx, gradients by short name)."""
    g: Named = {}
    assert s.attended
    d, g["W_o"], g["b_o"] = linear_backward(s.attended.y, p["W_o"], dx)
    dq, dk, dv = attend_backward(s.attended, d)
    dqkv = np.concatenate([turned(dq, config, -1), turned(dk, config, -1), dv], axis=1)
    d, g["W_qkv"], g["b_qkv"] = linear_backward(s.a, p["W_qkv"], dqkv)
    d, g["norm1.g"], g["norm1.b"] = norm_backward(s.x, p["norm1.g"], d)
    return dx + d, g


def cross_attention(x: F64, memory: F64, p: Mapping[str, F64], config: ModelConfig) -> tuple[F64, Branch]:
    """x plus the attention over the memory; over none, only the bias of its output."""
    a = norm(x, p["norm2.g"], p.get("norm2.b", ZERO))
    q = linear(a, p["cross.W_q"], p.get("cross.b_q", ZERO))
    k, v = np.split(linear(memory, p["cross.W_kv"], p.get("cross.b_kv", ZERO)), 2, axis=1)
    done = attend(q, k, v, config.heads, False)
    return x + linear(done.y, p["cross.W_o"], p.get("cross.b_o", ZERO)), Branch(x, a, done)


def cross_attention_backward(s: Branch, memory: F64, p: Mapping[str, F64], dx: F64) -> tuple[F64, F64, Named]:
    """(dx, gradient of the memory, gradients by short name)."""
    g: Named = {}
    assert s.attended
    d, g["cross.W_o"], g["cross.b_o"] = linear_backward(s.attended.y, p["cross.W_o"], dx)
    dq, dk, dv = attend_backward(s.attended, d)
    dkv = np.concatenate([dk, dv], axis=1)
    dmemory, g["cross.W_kv"], g["cross.b_kv"] = linear_backward(memory, p["cross.W_kv"], dkv)
    d, g["cross.W_q"], g["cross.b_q"] = linear_backward(s.a, p["cross.W_q"], dq)
    d, g["norm2.g"], g["norm2.b"] = norm_backward(s.x, p["norm2.g"], d)
    return dx + d, dmemory, g


def perceptron(x: F64, p: Mapping[str, F64], name: str) -> tuple[F64, Branch]:
    """x plus the perceptron's output; `name` is that of its norm."""
    a = norm(x, p[f"{name}.g"], p.get(f"{name}.b", ZERO))
    fc = linear(a, p["W_fc"], p.get("b_fc", ZERO))
    return x + linear(gelu(fc), p["W_proj"], p.get("b_proj", ZERO)), Branch(x, a, fc=fc)


def perceptron_backward(s: Branch, p: Mapping[str, F64], name: str, dx: F64) -> tuple[F64, Named]:
    """(dx, gradients by short name)."""
    g: Named = {}
    d, g["W_proj"], g["b_proj"] = linear_backward(gelu(s.fc), p["W_proj"], dx)
    d, g["W_fc"], g["b_fc"] = linear_backward(s.a, p["W_fc"], gelu_backward(s.fc, d))
    d, g[f"{name}.g"], g[f"{name}.b"] = norm_backward(s.x, p[f"{name}.g"], d)
    return dx + d, g


def embed(p: Mapping[str, F64], prefix: str, symbols: Ints, config: ModelConfig) -> F64:
    """(T, C): the symbol's row, plus the position's row unless positions are rotary."""
    x: F64 = one_hot(symbols, len(p[f"{prefix}.E"])) @ p[f"{prefix}.E"]
    for t in range(len(symbols)):
        if config.positions == "learned":
            x[t] += p[f"{prefix}.P"][t]
        elif config.positions == "sinusoidal":
            x[t] += sinusoid(t, config.hidden)
    return x


@dataclass
class Pair:
    """The forward pass of one pair."""

    source: Ints
    symbols: Ints
    inputs: tuple[F64, F64]  # the embedded source and target
    encoder: list[list[Branch]]
    top: F64  # the encoder's stream after its last block
    memory: F64
    decoder: list[list[Branch]]
    last: F64
    logits: F64


def pair(
    p: Mapping[str, F64], config: ModelConfig, source: Ints, symbols: Ints, inputs: tuple[F64, F64] | None = None
) -> Pair:
    """Forward pass from source symbols (S,) and what the decoder reads (U,); `inputs`: in place of the embeddings."""
    if inputs is None:
        inputs = embed(p, "embedding", source, config), embed(p, "decoder.embedding", symbols, config)
    x, encoder, decoder = inputs[0], [], []
    for n in range(config.layers):
        own = under(p, f"layers.{n}.")
        x, first = self_attention(x, own, config, causal=False)
        x, second = perceptron(x, own, "norm2")
        encoder.append([first, second])
    top, memory = x, norm(x, p["norm.g"], p.get("norm.b", ZERO))
    x = inputs[1]
    for n in range(config.layers):
        own = under(p, f"decoder.{n}.")
        x, first = self_attention(x, own, config, causal=True)
        x, second = cross_attention(x, memory, own, config)
        x, third = perceptron(x, own, "norm3")
        decoder.append([first, second, third])
    logits = norm(x, p["decoder.norm.g"], p.get("decoder.norm.b", ZERO)) @ p["head.W_hy"]
    return Pair(source, symbols, inputs, encoder, top, memory, decoder, x, logits)


def pair_backward(p: Mapping[str, F64], config: ModelConfig, done: Pair, dlogits: F64) -> tuple[Named, F64, F64]:
    """(gradients of the parameters, of the embedded source, of the embedded target)."""
    grads: Named = {}
    read = norm(done.last, p["decoder.norm.g"], p.get("decoder.norm.b", ZERO))
    d, grads["head.W_hy"], _ = linear_backward(read, p["head.W_hy"], dlogits)
    d, grads["decoder.norm.g"], grads["decoder.norm.b"] = norm_backward(done.last, p["decoder.norm.g"], d)
    dmemory = np.zeros_like(done.memory)
    for n in reversed(range(config.layers)):
        own, (first, second, third) = under(p, f"decoder.{n}."), done.decoder[n]
        d, g = perceptron_backward(third, own, "norm3", d)
        d, more, g_cross = cross_attention_backward(second, done.memory, own, d)
        d, g_self = self_attention_backward(first, own, config, d)
        dmemory += more
        grads |= {f"decoder.{n}.{name}": value for name, value in (g | g_cross | g_self).items()}
    dtarget = d
    d, grads["norm.g"], grads["norm.b"] = norm_backward(done.top, p["norm.g"], dmemory)
    for n in reversed(range(config.layers)):
        own, (first, second) = under(p, f"layers.{n}."), done.encoder[n]
        d, g = perceptron_backward(second, own, "norm2", d)
        d, g_self = self_attention_backward(first, own, config, d)
        grads |= {f"layers.{n}.{name}": value for name, value in (g | g_self).items()}
    for prefix, symbols, dx in (("embedding", done.source, d), ("decoder.embedding", done.symbols, dtarget)):
        grads[f"{prefix}.E"] = one_hot(symbols, len(p[f"{prefix}.E"])).T @ dx
        if f"{prefix}.P" in p:
            grads[f"{prefix}.P"] = np.zeros_like(p[f"{prefix}.P"])
            grads[f"{prefix}.P"][: len(dx)] = dx
    return {name: value for name, value in grads.items() if name in p}, d, dtarget


@dataclass
class Step:
    """Losses (T, B), NaN where there is no target, and the gradients of their mean."""

    losses: F64
    gradients: Named


def step(p: Mapping[str, F64], config: ModelConfig, inputs: Ints, targets: Ints) -> Step:
    """A batch as twin_pairs.drawn gives it: what the decoder reads is numbered from 0."""
    S, sources = split(inputs, targets)
    losses = np.full(targets.shape, np.nan)
    gradients = {name: np.zeros_like(value) for name, value in p.items()}
    asked = (targets >= 0).sum()
    for b, source in enumerate(sources):
        places = np.flatnonzero(targets[:, b] >= 0)
        rows = slice(S, places[-1] + 1 if len(places) else S)
        wanted, done = targets[rows, b], pair(p, config, source, inputs[rows, b])
        losses[rows, b] = losses_of(done.logits[:, None], wanted[:, None])[:, 0]
        share = np.exp(done.logits - done.logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        dlogits = (share - one_hot(np.maximum(wanted, 0), share.shape[1])) * (wanted >= 0)[:, None] / asked
        for name, value in pair_backward(p, config, done, dlogits)[0].items():
            gradients[name] += value
    return Step(losses, gradients)


def weights(shapes: Mapping[str, tuple[int, ...]], seed: int) -> Named:
    """Random weights that give every parameter an effect."""
    draw, made = np.random.default_rng(seed), {}
    for name, shape in shapes.items():
        scale = 0.3 if len(shape) == 1 else 0.5 if name.endswith((".E", ".P")) else 1.2 / math.sqrt(shape[0])
        made[name] = scale * draw.standard_normal(shape) + (1 if name.endswith(".g") else 0)
    return made
