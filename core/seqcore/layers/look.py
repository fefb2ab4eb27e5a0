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
from seqcore.layers.block import ACTIVATIONS, WEIGHTS, backward_rows, biases_of, embed, f4_4, forward_rows, yes_no
from seqcore.layers.linear import project_rows
from seqcore.layers.mlp import mlp_forward
from seqcore.layers.norm import norm_forward

f4 = np.float32


@kernel("transformer, one thread", "look-attention", void(i1, WEIGHTS, ACTIVATIONS, i8))
def look_forward(tokens, weights, work, heads):
    """Run tokens (T,) through the whole model, without dropout: fill work up to the logits.

    Without tokens, work.x[0] holds the product of T real inputs.
    """
    starts, (causal, _) = np.array([0, work.losses.size]), yes_no(heads)
    forward_rows(starts, tokens, weights, work, heads, causal, np.zeros(0, np.uint32), 0.0)
    matmul(work.normed[work.normed.shape[0] - 1], weights.E.shape[1], weights.head, work.logits, False)


@device
def shares_of(q, rows, k_at, shares):
    """Fill shares (S,) with the attention weights of a query q (d,) over S keys, at k_at in rows (>= S, ...).

    Scores are computed here rather than by the tiled product: the two differ by rounding, which scores in the millions
    amplify.
    """
    d = q.size
    top, total, scale = f4(-np.inf), f4(0), f4(1 / math.sqrt(d))
    for s in range(shares.size):
        k, score = rows[s, k_at : k_at + d], f4(0)
        for j in range(d):
            score += q[j] * k[j]
        shares[s] = score * scale
        top = max(top, shares[s])
    for s in range(shares.size):
        shares[s] = exp(shares[s] - top)
        total += shares[s]
    for s in range(shares.size):
        shares[s] /= total


@device
def attend_one(q, rows, k_at, v_at, out, shares):
    """Fill out (d,) for a query q (d,), and its weights over the keys and values in rows, shares (S,)."""
    shares_of(q, rows, k_at, shares)
    out[:] = f4(0)
    for s in range(shares.size):
        v, share = rows[s, v_at : v_at + out.size], shares[s]
        for j in range(out.size):
            out[j] += share * v[j]


@device
def self_one(x, s, n, weights, cache, place, a, y, stats, heads, shares):
    """Add the attention of block n to x (1, padded C) at stage s; its row of cache (>= place + 1, padded 3C) is filled.

    a and y (1, C), stats (1, 2) and shares (place + 1,) are scratch.
    """
    w, C = weights, weights.scales.shape[2]
    d, row = C // heads, cache[place : place + 1]
    b_qkv, b_o, _, _ = biases_of(w.biases[n], C)
    norm_forward(x, w.scales[s], a, stats)
    project_rows(a, C, w.qkv[n], b_qkv, row, False)
    rotate(row, C, w.turns[place : place + 1], f4(1))
    for at in range(0, C, d):
        attend_one(row[0, at : at + d], cache, C + at, 2 * C + at, y[0, at : at + d], shares)
    project_rows(y, C, w.o[n], b_o, x, True)


@device
def mlp_one(x, s, n, weights, a, u, slope, stats):
    """Add the perceptron of block n to x (1, padded C) at stage s; a, u, slope and stats are scratch."""
    w, C = weights, weights.scales.shape[2]
    _, _, b_fc, b_proj = biases_of(w.biases[n], C)
    norm_forward(x, w.scales[s], a, stats)
    mlp_forward(a, w.fc[n], b_fc, slope, u)
    project_rows(u, 4 * C, w.proj[n], b_proj, x, True)


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
    embed(np.arange(2), token, w.E, w.P[place : place + 1], x)
    for n in range(L):
        self_one(x, 2 * n, n, w, cache[n], place, a, y, stats, heads, shares)
        mlp_one(x, 2 * n + 1, n, w, a, u, slope, stats)
    norm_forward(x, w.scales[2 * L], a, stats)
    matmul(a, C, w.head, logits, False)


@device
def all_shares(q, kv, k_first, d, causal, first, at, shares):
    """Fill the rows from `first` on and the columns from `at` on of shares (heads, T, T).

    Row first + t holds the weights of the query t in q (U, ...) over the keys in kv (S, ...), up to t if `causal`.
    Head h has the columns from h d on of q, and from k_first + h d on of kv.
    """
    for head in range(shares.shape[0]):
        own = head * d
        for t in range(q.shape[0]):
            seen = t + 1 if causal else kv.shape[0]
            shares_of(q[t, own : own + d], kv, k_first + own, shares[head, first + t, at : at + seen])


@kernel("shares of attention", "look-attention", void(f3, i8, f4_4))
def attention_shares(qkv, C, shares):
    """Fill shares (L, heads, T, T): row t holds the attention weights of timestep t for each s <= t, then NaN."""
    shares[:] = f4(np.nan)
    for n in range(shares.shape[0]):
        all_shares(qkv[n], qkv[n], C, C // shares.shape[1], True, 0, 0, shares[n])


@device
def back_from(first, dlogits, weights, work, heads):
    """Backpropagate losses whose gradient is dlogits (n, V), at the timesteps from `first` on, through all blocks."""
    matmul(dlogits, dlogits.shape[1], weights.head_back, work.dtop[first:], False)
    dscales, T = np.empty(weights.scales.shape, np.float32), work.dtop.shape[0]
    causal, _ = yes_no(heads)
    backward_rows(np.array([0, T]), weights, work, dscales, heads, causal, np.zeros(0, np.uint32), 0.0)


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
