"""Serial kernels that decode with a transformer's encoder and decoder, and inspect it; see `layers.look`.

Shapes: see `layers.decoder`, with one pair of S source tokens and U symbols that the decoder reads.
"""

import numpy as np

from seqcore.gemm import NR, matmul, row_norms
from seqcore.jit import device, f2, f3, i1, i8, kernel, void
from seqcore.layers.block import embed, f4_4, forward_rows, yes_no
from seqcore.layers.decoder import (
    BRANCHES,
    PAIR_ACTIVATIONS,
    PAIR_WEIGHTS,
    cross_biases,
    pair_backward,
    pair_forward,
    remember,
)
from seqcore.layers.linear import project_rows
from seqcore.layers.look import all_shares, attend_one, mlp_one, self_one
from seqcore.layers.norm import norm_forward

f4 = np.float32


@kernel("encoder and decoder, one thread", "look-attention-pairs", void(i1, i1, PAIR_WEIGHTS, PAIR_ACTIVATIONS, i8))
def look_pair(tokens, symbols, weights, work, heads):
    """Run source tokens (S,) and symbols (U,) through the whole model, without dropout: fill work up to the logits."""
    source, target = np.array([0, tokens.size]), np.array([0, symbols.size])
    pair_forward(source, target, tokens, symbols, weights, work, heads, np.zeros(0, np.uint32), 0.0)
    normed = work.decoder.normed
    matmul(normed[normed.shape[0] - 1], normed.shape[2], weights.decoder.head, work.decoder.logits, False)


@kernel("encoder, one thread", "look-attention-pairs", void(i1, PAIR_WEIGHTS, PAIR_ACTIVATIONS, i8))
def encode_source(tokens, weights, work, heads):
    """Run source tokens (S,) through the encoder: fill work.cross.kv (L, S, padded 2C)."""
    source, S, (_, causal) = np.array([0, tokens.size]), tokens.size, yes_no(heads)
    forward_rows(source, tokens, weights.encoder, work.encoder, heads, causal, np.zeros(0, np.uint32), 0.0)
    for n in range(work.cross.kv.shape[0]):
        remember(source[0], S, n, weights, work)


@kernel("decoder, one symbol", "look-attention-pairs", void(i1, i8, PAIR_WEIGHTS, f3, f3, f2, f3))
def read_symbol(symbol, place, weights, cache, kv, logits, shares):
    """Fill logits (1, padded K) after `symbol` (1,) at timestep `place` of the decoder, given the earlier timesteps.

    cache (L, timesteps, padded 3C) holds q, k, v; the symbol's own row is filled. kv (L, S, padded 2C) are the keys and
    values of the source; shares (L, heads, S) receives its attention weights.
    """
    w, cross, C, heads = weights.decoder, weights.cross, weights.decoder.scales.shape[2], shares.shape[1]
    d, wide = C // heads, (C + NR - 1) // NR * NR
    x, q, stats = np.empty((1, wide), np.float32), np.empty((1, wide), np.float32), np.empty((1, 2), np.float32)
    a, y, u = np.empty((1, C), np.float32), np.empty((1, C), np.float32), np.empty((1, 4 * C), np.float32)
    slope, seen = np.empty((1, (4 * C + NR - 1) // NR * NR), np.float32), np.empty(place + 1, np.float32)
    embed(np.arange(2), symbol, w.E, w.P[place : place + 1], x)
    for n in range(cache.shape[0]):
        s = BRANCHES * n
        self_one(x, s, n, w, cache[n], place, a, y, stats, heads, seen)
        b_q, _, b_o = cross_biases(cross.biases[n], C)
        norm_forward(x, w.scales[s + 1], a, stats)
        project_rows(a, C, cross.q[n], b_q, q, False)
        for head in range(heads):
            at = head * d
            attend_one(q[0, at : at + d], kv[n], at, C + at, y[0, at : at + d], shares[n, head])
        project_rows(y, C, cross.o[n], b_o, x, True)
        mlp_one(x, s + 2, n, w, a, u, slope, stats)
    norm_forward(x, w.scales[w.scales.shape[0] - 1], a, stats)
    matmul(a, C, w.head, logits, False)


@kernel("shares of encoder and decoder", "look-attention-pairs", void(PAIR_ACTIVATIONS, i8, f4_4))
def pair_shares(work, C, shares):
    """Fill shares (L, heads, T, T), T = S + U: each row with the attention weights of a timestep, NaN elsewhere.

    The encoder's rows have weights of all source timesteps; the decoder's, of all source timesteps, which sum to 1, and
    of its own up to the same one, which sum to 1, too.
    """
    shares[:] = f4(np.nan)
    heads, S = shares.shape[1], work.encoder.normed.shape[1]
    d = C // heads
    for n in range(shares.shape[0]):
        encoder, decoder, rows = work.encoder.qkv[n], work.decoder.qkv[n], shares[n]
        all_shares(encoder, encoder, C, d, False, 0, 0, rows)
        all_shares(work.cross.q[n], work.cross.kv[n], 0, d, False, S, 0, rows)
        all_shares(decoder, decoder, C, d, True, S, S, rows)


@device
def pair_back_from(u, dlogits, S, weights, work, heads):
    """Backpropagate losses whose gradient is dlogits (n, K), at the decoder's symbols from u on, through everything."""
    y, last = work.decoder, u + dlogits.shape[0]
    y.dtop[:u] = f4(0)
    matmul(dlogits, dlogits.shape[1], weights.decoder.head_back, y.dtop[u:last], False)
    dscales, dscales_decoder = np.empty(weights.encoder.scales.shape, f4), np.empty(weights.decoder.scales.shape, f4)
    source, target = np.array([0, S]), np.array([0, last])
    pair_backward(source, target, weights, work, dscales, dscales_decoder, heads, np.zeros(0, np.uint32), 0.0)


@kernel(
    "encoder and decoder backward, one thread",
    "look-attention-pairs",
    void(f2, i8, PAIR_WEIGHTS, PAIR_ACTIVATIONS, i8),
)
def look_pair_backward(dlogits, S, weights, work, heads):
    """Backpropagate all losses together, whose gradient is dlogits (U, K), into work, as `pair_backward` does.

    `work` is as left by `look_pair` for S source tokens and U symbols, and is overwritten.
    """
    pair_back_from(np.int64(0), dlogits, S, weights, work, heads)


@kernel(
    "reach of encoder and decoder",
    "look-attention-pairs",
    void(f2, i8, i8, PAIR_WEIGHTS, PAIR_ACTIVATIONS, i8, f3, f2),
)
def pair_reach(dlogits, S, u, weights, work, heads, hidden, inputs):
    """Backpropagate one loss, whose gradient at the decoder's logits after its symbol u is dlogits (1, K).

    Fill hidden[l, t, s] = |gradient at the stream after block l|, of the encoder for s < S, and inputs[t, s] =
    |gradient at the embedding|, for t = S + u + 1 and s < t. `work` is as left by `look_pair`, and is overwritten.
    """
    x, y, C, t = work.encoder, work.decoder, weights.decoder.scales.shape[2], S + u + 1
    pair_back_from(u, dlogits, S, weights, work, heads)
    row_norms(x.x[0], C, inputs[t, :S])
    row_norms(y.x[0], C, inputs[t, S:t])
    for n in range(hidden.shape[0]):
        row_norms(x.x[2 * n + 2], C, hidden[n, t, :S])
        row_norms(y.x[BRANCHES * n + BRANCHES], C, hidden[n, t, S:t])
