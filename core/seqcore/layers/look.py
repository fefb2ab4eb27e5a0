"""Serial kernels that inspect a transformer from a thread other than the training thread, without holding a lock.

A forward pass that keeps all activations; one decoding step with a cache; the attention weights; and how far back each
loss reaches. Shapes: see `layers.block`, with one sequence, so M = T.
"""

import math

import numpy as np

from seqcore.elementwise import exp
from seqcore.gemm import NR, matmul, row_norms
from seqcore.jit import device, f2, f3, i1, i8, kernel, void
from seqcore.layers.attention import rotate
from seqcore.layers.block import ACTIVATIONS, WEIGHTS, backward_rows, biases_of, embed, f4_4, forward_rows
from seqcore.layers.linear import project_rows
from seqcore.layers.mlp import mlp_forward
from seqcore.layers.norm import norm_forward

f4 = np.float32


@kernel("transformer, one thread", "look-attention", void(i1, WEIGHTS, ACTIVATIONS, i8))
def look_forward(tokens, weights, work, heads):
    """Run tokens (T,) through the whole model, without dropout: fill work up to the logits.

    Without tokens, work.x[0] holds the product of T real inputs.
    """
    T = work.losses.size
    forward_rows(0, T, tokens, weights, work, T, heads, np.zeros(0, np.uint32), 0.0)
    matmul(work.normed[work.normed.shape[0] - 1], weights.E.shape[1], weights.head, work.logits, False)


@device
def shares_of(rows, place, C, d, head, shares):
    """Fill shares[s], s <= place, with the attention weights of timestep `place`; rows (..., padded 3C) hold q, k, v.

    Scores are computed here rather than by the tiled product: the two differ by rounding, which scores in the millions
    amplify.
    """
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
    """Fill one head's columns of y (C,) for timestep `place`, from the rows of cache (context, padded 3C) up to it."""
    shares_of(cache, place, C, d, head, shares)
    out = y[head * d : head * d + d]
    out[:] = f4(0)
    for s in range(place + 1):
        v, share = cache[s, 2 * C + head * d : 2 * C + head * d + d], shares[s]
        for j in range(d):
            out[j] += share * v[j]


@kernel("transformer, one token", "look-attention", void(i1, f2, i8, WEIGHTS, f3, f2, i8))
def read_token(token, entered, place, weights, cache, logits, heads):
    """Fill logits (1, padded V) after `token` (1,) at timestep `place`, given the earlier rows of cache.

    cache (L, context, padded 3C) holds q, k, v; the token's own row is filled. If `token` is empty, `entered`
    (1, padded C) holds the product of a real input; it is overwritten.
    """
    w, C, L = weights, weights.E.shape[1], cache.shape[0]
    x, stats = entered, np.empty((1, 2), np.float32)
    a, y, u = np.empty((1, C), np.float32), np.empty((1, C), np.float32), np.empty((1, 4 * C), np.float32)
    slope, shares = np.empty((1, (4 * C + NR - 1) // NR * NR), np.float32), np.empty(place + 1, np.float32)
    embed(token, w.E, w.P[place : place + 1], 1, x, 0)
    for n in range(L):
        b_qkv, b_o, b_fc, b_proj = biases_of(w.biases[n], C)
        row = cache[n, place : place + 1]
        norm_forward(x, w.scales[2 * n], a, stats)
        project_rows(a, C, w.qkv[n], b_qkv, row, False)
        rotate(row, C, w.turns[place : place + 1], f4(1))
        for head in range(heads):
            attend_one(cache[n], place, y[0], C, C // heads, head, shares)
        project_rows(y, C, w.o[n], b_o, x, True)
        norm_forward(x, w.scales[2 * n + 1], a, stats)
        mlp_forward(a, w.fc[n], b_fc, slope, u)
        project_rows(u, 4 * C, w.proj[n], b_proj, x, True)
    norm_forward(x, w.scales[2 * L], a, stats)
    matmul(a, C, w.head, logits, False)


@kernel("shares of attention", "look-attention", void(f3, i8, f4_4))
def attention_shares(qkv, C, shares):
    """Fill shares (L, heads, T, T): row t holds the attention weights of timestep t for each s <= t, then NaN."""
    L, heads, T = shares.shape[:3]
    for n in range(L):
        for head in range(heads):
            for t in range(T):
                row = shares[n, head, t]
                shares_of(qkv[n], t, C, C // heads, head, row)
                row[t + 1 :] = f4(np.nan)


@device
def back_from(first, dlogits, weights, work, heads):
    """Backpropagate losses whose gradient is dlogits (n, V), at the timesteps from `first` on, through all blocks."""
    matmul(dlogits, dlogits.shape[1], weights.head_back, work.dtop[first:], False)
    dscales, T = np.empty(weights.scales.shape, np.float32), work.dtop.shape[0]
    backward_rows(0, T, weights, work, dscales, T, heads, np.zeros(0, np.uint32), 0.0)


@kernel("transformer backward, one thread", "look-attention", void(f2, WEIGHTS, ACTIVATIONS, i8))
def look_backward(dlogits, weights, work, heads):
    """Backpropagate all losses together, whose gradient is dlogits (T, V), into work, as `backward_rows` does.

    `work` is as left by `look_forward`, and x, qkv and slope are overwritten by their gradients.
    """
    back_from(np.int64(0), dlogits, weights, work, heads)


@kernel("transformer reach", "look-attention", void(f2, WEIGHTS, ACTIVATIONS, i8, f3, f2))
def look_reach(dlogits, weights, work, heads, hidden, inputs):
    """Backpropagate one loss, whose gradient at the logits after the last of t tokens is dlogits (1, V).

    Fill hidden[l, t, s] = |gradient at x_s after block l| and inputs[t, s] = |gradient at the embedding|, s < t.
    `work` is as left by `look_forward` on t or more tokens, and is overwritten.
    """
    t, L, C = work.dtop.shape[0], weights.scales.shape[0] // 2, weights.scales.shape[2]
    work.dtop[:] = f4(0)
    back_from(t - 1, dlogits, weights, work, heads)
    row_norms(work.x[0], C, inputs[t, :t])
    for n in range(L):
        row_norms(work.x[2 * n + 2], C, hidden[n, t, :t])
