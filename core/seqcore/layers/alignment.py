"""The kernels of a decoder's attention over the annotations of its encoder; see `layers.cross` for the equations.

Each sequence is one work item. Shapes: U timesteps of the decoder, S of the encoder, B sequences, time first; q and h
(U * B, ...), a (S * B, D), k (S * B, ...). Sequence b has `lengths[b]` annotations, at its last timesteps: the others
are padding, without weight or gradient. shares (B, U, padded S) holds A, column j for the annotation of timestep
S - lengths[b] + j; mixed (U * B, padded (D + H)) holds [context h].
"""

import numpy as np

from seqcore.elementwise import exp, tanh
from seqcore.gemm import NR, tile_rows
from seqcore.jit import device, f1, f2, f3, i8, i8_1, kernel, void
from seqcore.layers.attention import columns_of, copy_rows, rows_of
from seqcore.layers.loss import largest
from seqcore.team import shared

int64, f4 = np.int64, np.float32


@device
def of_sequence(rows, b, B, first, out):
    """out[i] = rows[(first + i) B + b], as many columns as out has."""
    for i in range(out.shape[0]):
        source = rows[(first + i) * B + b : (first + i) * B + b + 1]
        copy_rows(source, int64(0), out[i : i + 1], int64(0), out.shape[1])


@device
def products_of(x, y, scores):
    """scores[t, s] = x_t . y_s, for x (U, D) and y (L, D); whole panels of columns are written."""
    U, D = x.shape
    panel = np.empty((D, NR), np.float32)
    for first in range(0, y.shape[0], NR):
        columns_of(y, first, min(NR, y.shape[0] - first), int64(0), panel)
        tile_rows(x, 0, D, 1, U, panel, 0, D, scores, first, scores.shape[1], False)


@device
def mixture(weights, a_row, a_column, M, y, out, accumulate):
    """out[m] = sum over s of weights[m a_row + s a_column] y_s (+ out), for y (L, D) and out (M, padded D)."""
    L, D = y.shape
    panels = np.empty(((D + NR - 1) // NR, L, NR), np.float32)
    rows_of(y, int64(0), D, panels)
    for p in range(panels.shape[0]):
        tile_rows(weights, 0, a_row, a_column, M, panels, p * L * NR, L, out, p * NR, out.shape[1], accumulate)


@device
def additive_scores(q, k, v, scores):
    """scores[t, s] = v . tanh(q_t + k_s), for q (U, H) and k (L, H)."""
    for t in range(q.shape[0]):
        q_t = q[t]
        for s in range(k.shape[0]):
            k_s, total = k[s], f4(0)
            for j in range(v.size):
                total += v[j] * tanh(q_t[j] + k_s[j])
            scores[t, s] = total


@device
def softmax_rows(scores, L):
    """Replace the first L columns of each row by their softmax, and the others by 0."""
    for t in range(scores.shape[0]):
        row, total = scores[t, :L], f4(0)
        top = largest(row)
        for s in range(L):
            row[s] = exp(row[s] - top)
            total += row[s]
        for s in range(L):
            row[s] /= total
        scores[t, L:] = f4(0)


@device
def forward_sequence(b, q, k, v, a, h, lengths, first, U, shares, mixed):
    """Fill shares[b] and the rows of `mixed` of one sequence, for the timesteps [first, first + U) of the decoder."""
    B, D, H, L = lengths.size, a.shape[1], h.shape[1], lengths[b]
    S = a.shape[0] // B
    scores, context = shares[b, first : first + U], np.zeros((U, (D + NR - 1) // NR * NR), np.float32)
    if L > 0:
        notes = np.empty((L, D), np.float32)
        of_sequence(a, b, B, S - L, notes)
        queries = np.empty((U, v.size if v.size else D), np.float32)
        of_sequence(q, b, B, first, queries)
        if v.size:
            keys = np.empty((L, v.size), np.float32)
            of_sequence(k, b, B, S - L, keys)
            additive_scores(queries, keys, v, scores)
        else:
            products_of(queries, notes, scores)
        softmax_rows(scores, L)
        mixture(scores, scores.shape[1], 1, U, notes, context, False)
    else:
        scores[:] = f4(0)
    for t in range(U):
        row = (first + t) * B + b
        to = mixed[row : row + 1]
        copy_rows(context[t : t + 1], int64(0), to, int64(0), D)
        copy_rows(h[row : row + 1], int64(0), to, D, H)


@device
def softmax_gradient(shares, dshares, L):
    """Turn the first L columns of dshares, dA, into de, and the others into 0."""
    for t in range(shares.shape[0]):
        row, d, along = shares[t, :L], dshares[t, :L], f4(0)
        for s in range(L):
            along += row[s] * d[s]
        for s in range(L):
            d[s] = row[s] * (d[s] - along)
        dshares[t, L:] = f4(0)


@device
def additive_gradient(q, k, v, dscores, dq, dk, dv):
    """Fill dq, dk and dv from dscores; see the equations above."""
    dq[:] = f4(0)
    dk[:] = f4(0)
    H = v.size
    for t in range(q.shape[0]):
        q_t, dq_t = q[t], dq[t, :H]
        for s in range(k.shape[0]):
            k_s, dk_s, d = k[s], dk[s, :H], dscores[t, s]
            for j in range(H):
                y = tanh(q_t[j] + k_s[j])
                g = d * v[j] * (f4(1) - y * y)
                dv[j] += d * y
                dq_t[j] += g
                dk_s[j] += g


@device
def additive_query_gradient(q, k, v, dscores, dq):
    """Fill dq alone, as `additive_gradient`."""
    H = v.size
    for t in range(q.shape[0]):
        q_t, dq_t = q[t], dq[t, :H]
        for s in range(k.shape[0]):
            k_s, d = k[s], dscores[t, s]
            for j in range(H):
                y = tanh(q_t[j] + k_s[j])
                dq_t[j] += d * v[j] * (f4(1) - y * y)


@device
def score_gradient(b, a, lengths, first, U, shares, dmixed, notes, dcontext, dscores):
    """Fill notes (L, D), the annotations of one sequence, and dcontext (U, D) and dscores (U, padded S).

    They are those of the timesteps [first, first + U) of the decoder.
    """
    B, L = lengths.size, lengths[b]
    of_sequence(a, b, B, a.shape[0] // B - L, notes)
    of_sequence(dmixed, b, B, first, dcontext)
    products_of(dcontext, notes, dscores)
    softmax_gradient(shares[b, first : first + U], dscores, L)


@device
def query_sequence(b, q, k, v, a, lengths, first, U, shares, dmixed, dq):
    """Fill the rows of dq of one sequence, for the timesteps [first, first + U) of the decoder."""
    B, D, L = lengths.size, a.shape[1], lengths[b]
    N = v.size if v.size else D
    dqueries = np.zeros((U, (N + NR - 1) // NR * NR), np.float32)
    if L > 0:
        notes, dcontext = np.empty((L, D), np.float32), np.empty((U, D), np.float32)
        dscores = np.empty((U, shares.shape[2]), np.float32)
        score_gradient(b, a, lengths, first, U, shares, dmixed, notes, dcontext, dscores)
        if v.size:
            queries, keys = np.empty((U, N), np.float32), np.empty((L, N), np.float32)
            of_sequence(q, b, B, first, queries)
            of_sequence(k, b, B, a.shape[0] // B - L, keys)
            additive_query_gradient(queries, keys, v, dscores, dqueries)
        else:
            mixture(dscores, dscores.shape[1], 1, U, notes, dqueries, False)
    for t in range(U):
        row = (first + t) * B + b
        copy_rows(dqueries[t : t + 1], int64(0), dq[row : row + 1], int64(0), N)


@device
def backward_sequence(b, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da):
    """Fill the rows of dq, dk and da of one sequence, and dv[b]; those of padding with 0."""
    B, D, L = lengths.size, a.shape[1], lengths[b]
    S, N = a.shape[0] // B, v.size if v.size else a.shape[1]
    wide = (D + NR - 1) // NR * NR
    dqueries = np.zeros((U, (N + NR - 1) // NR * NR), np.float32)
    dnotes, dkeys = np.zeros((S, wide), np.float32), np.zeros((S if v.size else 0, N), np.float32)
    if v.size:
        dv[b] = f4(0)
    if L > 0:
        notes, queries, dcontext = np.empty((L, D), np.float32), np.empty((U, N), np.float32), np.empty((U, D), f4)
        of_sequence(q, b, B, 0, queries)
        weights, dscores = shares[b, :U], np.empty((U, shares.shape[2]), np.float32)
        score_gradient(b, a, lengths, int64(0), U, shares, dmixed, notes, dcontext, dscores)
        row, own = shares.shape[2], dnotes[S - L :]
        mixture(weights, 1, row, L, dcontext, own, False)
        if v.size:
            keys = np.empty((L, N), np.float32)
            of_sequence(k, b, B, S - L, keys)
            additive_gradient(queries, keys, v, dscores, dqueries, dkeys[S - L :], dv[b])
        else:
            mixture(dscores, 1, row, L, queries, own, True)
            mixture(dscores, row, 1, U, notes, dqueries, False)
    for t in range(U):
        copy_rows(dqueries[t : t + 1], int64(0), dq[t * B + b : t * B + b + 1], int64(0), N)
    for s in range(S):
        copy_rows(dnotes[s : s + 1], int64(0), da[s * B + b : s * B + b + 1], int64(0), D)
        if v.size:
            copy_rows(dkeys[s : s + 1], int64(0), dk[s * B + b : s * B + b + 1], int64(0), N)


@shared
def forward_item(b, worker, q, k, v, a, h, lengths, first, U, shares, mixed):
    """As `forward_sequence`."""
    forward_sequence(b, q, k, v, a, h, lengths, first, U, shares, mixed)


@shared
def query_item(b, worker, q, k, v, a, lengths, first, U, shares, dmixed, dq):
    """As `query_sequence`."""
    query_sequence(b, q, k, v, a, lengths, first, U, shares, dmixed, dq)


@shared
def backward_item(b, worker, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da):
    """As `backward_sequence`."""
    backward_sequence(b, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da)


@kernel("alignment", "train-pairs", void(f2, f2, f1, f2, f2, i8_1, i8, i8, f3, f2, i8_1))
def align(q, k, v, a, h, lengths, first, U, shares, mixed, team):
    """Fill shares and mixed for the timesteps [first, first + U); k and v are empty unless the score is additive."""
    forward_item(team, lengths.size, (q, k, v, a, h, lengths, first, U, shares, mixed))


@kernel("alignment, one thread", "look-pairs", void(f2, f2, f1, f2, f2, i8_1, i8, i8, f3, f2))
def align_serial(q, k, v, a, h, lengths, first, U, shares, mixed):
    """As `align`, for threads that may not run parallel kernels."""
    for b in range(lengths.size):
        forward_sequence(b, q, k, v, a, h, lengths, first, U, shares, mixed)


@kernel("alignment backward, queries", "train-pairs", void(f2, f2, f1, f2, i8_1, i8, i8, f3, f2, f2, i8_1))
def align_backward_queries(q, k, v, a, lengths, first, U, shares, dmixed, dq, team):
    """Fill dq of the timesteps [first, first + U), as `align_backward`."""
    query_item(team, lengths.size, (q, k, v, a, lengths, first, U, shares, dmixed, dq))


@kernel("alignment backward", "train-pairs", void(f2, f2, f1, f2, i8_1, i8, f3, f2, f2, f2, f2, f2, i8_1))
def align_backward(q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da, team):
    """Fill dq (U * B, >= N), dk (S * B, >= H), dv (B, H) and da (S * B, >= D) from dmixed (U * B, >= D)."""
    backward_item(team, lengths.size, (q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da))


@kernel("alignment backward, one thread", "look-pairs", void(f2, f2, f1, f2, i8_1, i8, f3, f2, f2, f2, f2, f2))
def align_backward_serial(q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da):
    """As `align_backward`, for threads that may not run parallel kernels."""
    for b in range(lengths.size):
        backward_sequence(b, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da)
