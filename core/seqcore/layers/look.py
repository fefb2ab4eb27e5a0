"""The kernels that look at a transformer from another thread than the training one: serial, no lock held.

A text through all blocks with everything kept; one more token after those of a cache; the shares of attention; and
how far each loss reaches back. Shapes: `layers.block`, with one sequence, so that M = T.
"""

import math

import numpy as np
from numba import types

from seqcore.elementwise import exp
from seqcore.gemm import NR, matmul
from seqcore.jit import device, f2, f3, i1, i8, kernel, void
from seqcore.layers.attention import rotate
from seqcore.layers.block import backward_rows, biases_of, embed, forward_rows, weights_of
from seqcore.layers.linear import project_rows
from seqcore.layers.mlp import mlp_forward
from seqcore.layers.norm import norm_forward

f4 = np.float32
f4_4 = types.float32[:, :, :, ::1]


@kernel(
    "transformer forward, one thread",
    "look-attention",
    void(i1, f2, f2, f2, f3, f2, f2, f3, f3, f3, f3, f3, f3, f3, f3, f3, f2, i8),
)
def look_forward(
    tokens, E, P, packed, scales, biases, turns, x, normed, stats, qkv, peaks, y, slope, u, head, logits, heads
):
    """tokens (T,) through everything, without dropout; logits (T, padded V), head packed."""
    T, masks = tokens.size, np.zeros(0, np.uint32)
    forward_rows(
        0,
        T,
        tokens,
        E,
        P,
        packed,
        scales,
        biases,
        turns,
        x,
        normed,
        stats,
        qkv,
        peaks,
        y,
        slope,
        u,
        T,
        heads,
        masks,
        0.0,
    )
    matmul(normed[normed.shape[0] - 1], E.shape[1], head, logits, False)


@device
def shares_of(rows, place, C, d, head, shares):
    """shares[s], s <= place: what `place` takes from each; rows (.., padded 3C) hold q, k, v."""
    q = rows[place, head * d : head * d + d]
    top, total, scale = f4(-np.inf), f4(0), f4(1 / math.sqrt(d))
    seen = shares[: place + 1]
    for s in range(seen.size):
        k, score = rows[s, C + head * d : C + head * d + d], f4(0)
        for j in range(d):
            score += q[j] * k[j]
        seen[s] = score * scale
        top = max(top, seen[s])
    for s in range(seen.size):
        seen[s] = exp(seen[s] - top)
        total += seen[s]
    for s in range(seen.size):
        seen[s] /= total


@device
def attend_one(cache, place, y, C, d, head, shares):
    """One head of one timestep: its columns of y (C,), from the rows of cache (context, padded 3C) up to `place`."""
    shares_of(cache, place, C, d, head, shares)
    out = y[head * d : head * d + d]
    out[:] = f4(0)
    for s in range(place + 1):
        v, share = cache[s, 2 * C + head * d : 2 * C + head * d + d], shares[s]
        for j in range(d):
            out[j] += share * v[j]


@kernel("transformer, one token", "look-attention", void(i8, i8, f2, f2, f2, f3, f2, f2, f3, f3, f2, i8))
def read_token(token, place, E, P, packed, scales, biases, turns, cache, head, logits, heads):
    """The token at `place`, after those whose rows are in cache (L, context, padded 3C); its own row is written.

    logits (1, padded V).
    """
    C, L, d = E.shape[1], packed.shape[0], E.shape[1] // heads
    x, stats, shares = (
        np.empty((1, (C + NR - 1) // NR * NR), np.float32),
        np.empty((1, 2), np.float32),
        np.empty(place + 1, np.float32),
    )
    a, y, u = np.empty((1, C), np.float32), np.empty((1, C), np.float32), np.empty((1, 4 * C), np.float32)
    slope = np.empty((1, (4 * C + NR - 1) // NR * NR), np.float32)
    embed(np.full(1, token, np.int32), E, P[place : place + 1], 1, x, 0)
    for layer in range(L):
        W_qkv, W_o, W_fc, W_proj = weights_of(packed[layer], C, False)
        b_qkv, b_o, b_fc, b_proj = biases_of(biases[layer], C)
        row = cache[layer, place : place + 1]
        norm_forward(x, scales[2 * layer], a, stats)
        project_rows(a, C, W_qkv, b_qkv, row, False)
        rotate(row, C, turns[place : place + 1], False)
        for n in range(heads):
            attend_one(cache[layer], place, y[0], C, d, n, shares)
        project_rows(y, C, W_o, b_o, x, True)
        norm_forward(x, scales[2 * layer + 1], a, stats)
        mlp_forward(a, W_fc, b_fc, slope, u)
        project_rows(u, 4 * C, W_proj, b_proj, x, True)
    norm_forward(x, scales[2 * L], a, stats)
    matmul(a, C, head, logits, False)


@kernel("shares of attention", "look-attention", void(f3, i8, f4_4))
def attention_shares(qkv, C, shares):
    """shares (L, heads, T, T): row t, what place t takes from each s <= t; NaN after t."""
    L, heads, T = shares.shape[:3]
    for layer in range(L):
        for head in range(heads):
            for t in range(T):
                row = shares[layer, head, t]
                shares_of(qkv[layer], t, C, C // heads, head, row)
                row[t + 1 :] = f4(np.nan)


@device
def copy_rows(source, to, count):
    """The first `count` rows of every matrix of source (n, T, width)."""
    for n in range(source.shape[0]):
        to[n, :count] = source[n, :count]


@device
def row_norm(row):
    """The Euclidean norm."""
    total = 0.0
    for j in range(row.size):
        total += np.float64(row[j]) * np.float64(row[j])
    return f4(math.sqrt(total))


@kernel("transformer reach", "look-attention", void(f2, f3, f2, f3, f2, f3, f3, f3, f3, f3, f3, f3, f3, f3, i8, f3, f2))
def look_reach(
    dlogits,
    head_T,
    packed_T,
    scales,
    turns,
    x,
    stats,
    qkv,
    peaks,
    slope,
    dx,
    dqkv,
    dslope,
    dscales,
    heads,
    hidden,
    inputs,
):
    """hidden[n, t, s] = |d loss_t / d x_s after block n|, inputs[t, s] = |d loss_t / d x_s, embedded|, s < t.

    One backward pass a loss, over the t rows before it; dx, dqkv, dslope and dscales, shaped as x, qkv, slope and
    scales, are scratch. dlogits (T, V): row t is the gradient of loss_t at the logits after token t - 1.
    """
    T, V = dlogits.shape
    C, L, masks, none = scales.shape[2], packed_T.shape[0], np.zeros(0, np.uint32), np.zeros((0, 0, 0), np.float32)
    dtop = np.zeros(x.shape[1:], np.float32)
    for t in range(1, T):
        copy_rows(x, dx, t)
        copy_rows(qkv, dqkv, t)
        copy_rows(slope, dslope, t)
        dtop[:] = f4(0)
        matmul(dlogits[t : t + 1], V, head_T, dtop[t - 1 : t], False)
        backward_rows(
            0, t, packed_T, scales, turns, dtop, dx, stats, dqkv, peaks, dslope, none, dscales, t, heads, masks, 0.0
        )
        for s in range(t):
            inputs[t, s] = row_norm(dx[0, s, :C])
            for layer in range(L):
                hidden[layer, t, s] = row_norm(dx[2 * layer + 2, s, :C])
